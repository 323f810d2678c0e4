"""Into tensors and back, and to zero mean and unit deviation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_cv.data.transforms.base import Transform
from tinygrad_cv.data.values import (
    array_to_pil,
    is_pil,
    is_tensor,
    pil_to_array,
    to_array,
    to_tensor,
    unit_float,
)
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image


class ToTensor(Transform):
    """A PIL image or an array as a float32 Tensor in [0, 1].

    As in torchvision, a single *array* is taken to be (H, W) or (H, W, C), and becomes (C, H, W); a Tensor
    and a batch are (C, H, W) and (N, C, H, W) already. uint8 is divided by 255, uint16 by 65535; floats stay
    as they are.
    """

    def __call__(self, img: Any) -> Any:
        if is_pil(img):
            return self.image(img)
        if is_tensor(img):
            return to_tensor(unit_float(to_array(img)))
        if not isinstance(img, np.ndarray) or img.ndim not in (2, 3, 4):
            what = f"the shape {img.shape}" if isinstance(img, np.ndarray) else type(img).__name__
            raise DataError(
                f"ToTensor: got {what}; give a PIL image or an array (H, W), (H, W, C) or (N, C, H, W)"
            )
        if img.ndim == 4:
            return to_tensor(self.batch(img))
        return to_tensor(unit_float(img[None] if img.ndim == 2 else img.transpose(2, 0, 1)))

    def image(self, img: Image) -> Any:
        return to_tensor(unit_float(pil_to_array(img)))

    def batch(self, x: Array) -> Array:
        return unit_float(x)


class PILToTensor(ToTensor):
    """A PIL image as a Tensor (C, H, W) of its own integers, unscaled."""

    def image(self, img: Image) -> Any:
        return to_tensor(pil_to_array(img))

    def batch(self, x: Array) -> Array:
        return x


class ToPILImage(Transform):
    """A Tensor or array (C, H, W) as a PIL image; floats are taken to lie in [0, 1].

    As in torchvision, an *array* with three dimensions is (H, W, C).
    """

    batched = False

    def __call__(self, img: Any) -> Any:
        x = to_array(img)
        if x.ndim == 3 and not is_tensor(img):
            x = x.transpose(2, 0, 1)
        return array_to_pil(x[None] if x.ndim == 2 else x)


class Normalize(Transform):
    """(x - mean) / std, per channel.

    Parameters
    ----------
    mean, std
        One number, or one per channel, in the units of the image (after ``ToTensor``: fractions of full
        scale).
    """

    def __init__(
        self, mean: float | Sequence[float], std: float | Sequence[float], inplace: bool = False
    ) -> None:
        self.mean = np.asarray(mean, dtype=np.float64).reshape(-1).tolist()
        self.std = np.asarray(std, dtype=np.float64).reshape(-1).tolist()
        if not self.mean or not self.std or min(self.std) <= 0:
            raise ArgumentError(
                f"Normalize: got mean {self.mean} and std {self.std}; give deviations above zero"
            )

    def image(self, img: Image) -> Any:
        raise DataError(
            "Normalize: got a PIL image, which holds whole numbers; put ToTensor before Normalize"
        )

    def batch(self, x: Array) -> Array:
        if x.dtype.kind != "f":
            raise DataError(f"Normalize: got {x.dtype}; put ToTensor before Normalize to have floats")
        c = x.shape[1]
        if len(self.mean) not in (1, c) or len(self.std) not in (1, c):
            raise DataError(
                f"Normalize: the image has {c} channels but there are {len(self.mean)} means and "
                f"{len(self.std)} "
                f"deviations; give {c} of each, or one"
            )
        mean, std = np.asarray(self.mean, x.dtype), np.asarray(self.std, x.dtype)
        n, _, h, w = x.shape
        last = x.transpose(0, 2, 3, 1)
        y: Array
        if c > 1 and last.flags.c_contiguous:
            # a line of w * c numbers against the means repeated w times: inner loops of w * c steps, not of c
            # (0.2 ms instead of 1.3 for 128 images of CIFAR-10)
            line = np.empty((2, w, c), x.dtype)
            line[0], line[1] = mean, std
            y = np.subtract(last.reshape(n * h, w * c), line[0].reshape(-1))
            y /= line[1].reshape(-1)
            return y.reshape(n, h, w, c).transpose(0, 3, 1, 2)
        y = np.subtract(x, mean.reshape(1, -1, 1, 1))
        y /= std.reshape(1, -1, 1, 1)
        return y


class Lambda(Transform):
    """A function of your own. It has no batch form, so a data set with it is loaded item by item.

    ``lambd`` takes an image and returns one.
    """

    batched = False

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise ArgumentError(f"Lambda: got {type(lambd).__name__}; give a function")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def batch(self, x: Array) -> Array:
        return np.stack([to_array(self.lambd(image)) for image in x])

    def __repr__(self) -> str:
        return f"Lambda({getattr(self.lambd, '__name__', self.lambd)})"
