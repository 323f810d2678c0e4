"""Mirroring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_cv.data.seeds import current_place
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


class AlternatingFlip(Transform):
    """Left and right swapped in every second epoch: half of the images in even ones, the rest in odd.

    Two epochs then show every image in both ways, where :class:`RandomHorizontalFlip` shows half of them
    twice the same. Which half an image belongs to follows from its number in the data set; outside of a
    ``DataLoader``, which knows number and epoch, it is drawn.

    Source: K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv 2404.00498, 2024 (derandomised
    flipping); the hash is D. Knuth's multiplicative one (TAOCP 3, 6.4).
    """

    def batch(self, x: Array) -> Array:
        place = current_place()
        if place is None or len(place.indices) != len(x):
            return mirrored(x, self.rng.random(len(x)) < 0.5, 3)
        coin = (place.indices.astype(np.uint32) * np.uint32(2654435761)) >> np.uint32(31)
        return mirrored(x, coin != place.epoch % 2, 3)


def mirrored(x: Array, mask: Array, axis: int) -> Array:
    """The batch with the masked images reversed along ``axis``."""
    if not mask.any():
        return x
    y = x.copy(order="K")
    turned = x[:, :, :, ::-1] if axis == 3 else x[:, :, ::-1]
    for k in mask.nonzero()[0].tolist():
        y[k] = turned[k]
    return y
