"""Between images as people hold them (PIL, arrays, tensors) and the (C, H, W) arrays that data code works on.

Nothing here imports PIL or the Tensor class before it is needed: a training run on arrays never loads PIL.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image


def is_pil(value: Any) -> TypeGuard[Image]:
    """Whether a value is a PIL image; never imports PIL (if nobody has, the value cannot be one)."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def is_tensor(value: Any) -> bool:
    """Whether a value is a Tensor, told by the protocol and not by its class."""
    return hasattr(type(value), "__record__")


def to_array(value: Any) -> Array:
    """The array inside a Tensor, or the value as an array; never a copy of an array."""
    return value._data if is_tensor(value) else np.asarray(value)


def to_tensor(array: Array) -> Any:
    """The array as a Tensor, without a copy."""
    from tinygrad_cv.tensors import Tensor

    return Tensor(array)


def like(result: Array, source: Any) -> Any:
    """``result`` as a Tensor where ``source`` was one."""
    return to_tensor(result) if is_tensor(source) else result


def pil_to_array(image: Image) -> Array:
    """A PIL image as (C, H, W), a view of (H, W, C) memory: uint8, or the image's own wider dtype."""
    if image.mode in ("P", "CMYK", "YCbCr", "LAB", "HSV", "PA", "La", "RGBa", "RGBX"):
        image = image.convert("RGB")
    pixels = np.array(image)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def array_to_pil(x: Array) -> Image:
    """(C, H, W) with one, three or four channels as a PIL image; floats are taken to lie in [0, 1]."""
    from PIL import Image

    if x.ndim != 3 or x.shape[0] not in (1, 3, 4):
        raise DataError(f"to_pil_image: got the shape {x.shape}; give (C, H, W) with C = 1, 3 or 4")
    pixels = np.ascontiguousarray(x.transpose(1, 2, 0))
    if pixels.dtype.kind == "f":
        pixels = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    if pixels.shape[2] == 1:
        return Image.fromarray(pixels[:, :, 0])
    return Image.fromarray(pixels)


def unit_float(x: Array) -> Array:
    """Integers scaled to [0, 1] as float32 (uint8 by 255, uint16 by 65535, bool by 1); floats as they are."""
    if x.dtype.kind == "f":
        return x
    if x.dtype == bool:
        return x.astype(np.float32)
    if x.dtype == np.uint8:
        # a division and not a product with 1/255: the same bits as torchvision's ToTensor
        return np.divide(x, np.float32(255), dtype=np.float32)
    if x.dtype.kind not in "iu":
        raise DataError(f"ToTensor: got the dtype {x.dtype}; give integers, bool or floats")
    top = np.iinfo(np.uint16 if x.dtype == np.int32 else x.dtype).max
    return np.divide(x, np.float32(top), dtype=np.float32)
