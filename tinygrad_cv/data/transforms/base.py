"""What every transform shares: one meaning for PIL images, (C, H, W) arrays and Tensors, and whole batches.

A transform is written once, for a batch (N, C, H, W), with its own draw for each image. A single image is a
batch of one, so that all forms agree. Where PIL does the same faster on one picture (decoding sizes,
antialiased resizing), a transform says so in ``image``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_cv.data.seeds import current
from tinygrad_cv.data.values import array_to_pil, is_pil, is_tensor, like, pil_to_array, to_array
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image


class Transform:
    """A change of images. Subclasses define ``batch``.

    Called with a PIL image it gives a PIL image; with an array or Tensor (C, H, W) or (H, W), or a batch
    (N, C, H, W), one of the same kind. The input is never changed.
    """

    batched: bool = True
    """Whether ``batch`` is vectorised, so that a loader may take whole batches."""

    def __init_subclass__(cls) -> None:
        if "batched" not in vars(cls) and cls.batch is Transform.batch:
            cls.batched = False  # one of your own that defines image or __call__ alone

    def __call__(self, img: Any) -> Any:
        if is_pil(img):
            return self.image(img)
        if not (isinstance(img, np.ndarray) or is_tensor(img)):
            raise DataError(
                f"{type(self).__name__}: got {type(img).__name__}; give a PIL image, or an array or Tensor "
                "(C, H, W)"
            )
        x = to_array(img)
        if x.ndim == 4:
            return like(self.batch(x), img)
        if x.ndim == 3:
            return like(self.batch(x[None])[0], img)
        if x.ndim == 2:
            return like(self.batch(x[None, None])[0, 0], img)
        raise DataError(
            f"{type(self).__name__}: got the shape {x.shape}; give (H, W), (C, H, W) or (N, C, H, W)"
        )

    def image(self, img: Image) -> Any:
        """The transform of one PIL image."""
        return array_to_pil(self.batch(pil_to_array(img)[None])[0])

    def batch(self, x: Array) -> Array:
        """The transform of a batch (N, C, H, W); each image draws for itself."""
        raise NotImplementedError(
            f"{type(self).__name__} has no batch form; define batch(x) for x (N, C, H, W)"
        )

    @property
    def rng(self) -> np.random.Generator:
        """Where this transform draws from: the item being loaded, or the package's generator."""
        return current()

    def __repr__(self) -> str:
        shown = {key: value for key, value in vars(self).items() if not key.startswith("_")}
        return f"{type(self).__name__}(" + ", ".join(f"{key}={value}" for key, value in shown.items()) + ")"


def probability(name: str, p: float) -> float:
    """``p`` as a float, refused outside [0, 1]."""
    if not 0 <= p <= 1:
        raise ArgumentError(f"{name}: got p={p}; give a probability between 0 and 1")
    return float(p)


def pair(name: str, size: Any) -> tuple[int, int]:
    """(height, width) from an int or a pair."""
    h, w = (size, size) if isinstance(size, int | np.integer) else (size[0], size[-1])
    if int(h) < 1 or int(w) < 1:
        raise ArgumentError(
            f"{name}: got the size {size}; give pixels of 1 or more, an int or (height, width)"
        )
    return int(h), int(w)


def interval(name: str, value: Any, low: float = -np.inf) -> tuple[float, float]:
    """(least, greatest) from a pair, refused when reversed or below ``low``."""
    least, greatest = map(float, value)
    if not low <= least <= greatest:
        raise ArgumentError(
            f"{name}: got {tuple(value)}; give (least, greatest) with {low} <= least <= greatest"
        )
    return least, greatest


def blank(x: Array, shape: tuple[int, ...], fill: Any = None) -> Array:
    """A new batch of this shape in the memory order of ``x`` (channels-last stays so), filled if asked to."""
    n, c, h, w = shape
    if c > 1 and x.strides[1] < x.strides[3]:
        y = np.empty((n, h, w, c), x.dtype).transpose(0, 3, 1, 2)
    else:
        y = np.empty(shape, x.dtype)
    if fill is not None:
        y[...] = per_channel(fill, c, x.dtype)
    return y


def per_channel(fill: Any, c: int, dtype: Any) -> Array:
    """A fill value, or one per channel, as (1, C or 1, 1, 1)."""
    values = np.asarray(fill, dtype=dtype).reshape(-1)
    if values.size not in (1, c):
        raise ArgumentError(f"fill: got {values.size} values for {c} channels; give one, or one per channel")
    return values.reshape(1, -1, 1, 1)


def restored(y: Array, x: Array) -> Array:
    """Floats computed from ``x`` back in its dtype: uint8 rounded and clipped, floats as they are."""
    if x.dtype == np.uint8:
        return np.clip(np.rint(y), 0, 255).astype(np.uint8)
    return y.astype(x.dtype, copy=False)
