"""Mirroring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_cv.data.transforms.base import Transform, probability
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image


class RandomHorizontalFlip(Transform):
    """Left and right swapped with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("RandomHorizontalFlip", p)

    def batch(self, x: Array) -> Array:
        return mirrored(x, self.rng.random(len(x)) < self.p, 3)

    def image(self, img: Image) -> Any:
        from PIL.Image import Transpose

        return img.transpose(Transpose.FLIP_LEFT_RIGHT) if self.rng.random(1)[0] < self.p else img


class RandomVerticalFlip(Transform):
    """Top and bottom swapped with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("RandomVerticalFlip", p)

    def batch(self, x: Array) -> Array:
        return mirrored(x, self.rng.random(len(x)) < self.p, 2)

    def image(self, img: Image) -> Any:
        from PIL.Image import Transpose

        return img.transpose(Transpose.FLIP_TOP_BOTTOM) if self.rng.random(1)[0] < self.p else img


def mirrored(x: Array, mask: Array, axis: int) -> Array:
    """The batch with the masked images reversed along ``axis``."""
    if not mask.any():
        return x
    y = x.copy(order="K")
    turned = x[:, :, :, ::-1] if axis == 3 else x[:, :, ::-1]
    for k in mask.nonzero()[0].tolist():
        y[k] = turned[k]
    return y
