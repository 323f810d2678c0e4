"""Mirroring."""

from __future__ import annotations

from tinygrad_cv.data.transforms.base import Transform, probability
from tinygrad_cv.typing import Array


class RandomHorizontalFlip(Transform):
    """Left and right swapped with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("RandomHorizontalFlip", p)

    def batch(self, x: Array) -> Array:
        return mirrored(x, self.rng.random(len(x)) < self.p, 3)


class RandomVerticalFlip(Transform):
    """Top and bottom swapped with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("RandomVerticalFlip", p)

    def batch(self, x: Array) -> Array:
        return mirrored(x, self.rng.random(len(x)) < self.p, 2)


def mirrored(x: Array, mask: Array, axis: int) -> Array:
    """The batch with the masked images reversed along ``axis``."""
    if not mask.any():
        return x
    y = x.copy(order="K")
    turned = x[:, :, :, ::-1] if axis == 3 else x[:, :, ::-1]
    for k in mask.nonzero()[0].tolist():
        y[k] = turned[k]
    return y
