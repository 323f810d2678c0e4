"""Rectangles of an image taken away, so that a network cannot lean on one part of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_cv.data.transforms.base import Transform, interval, per_channel, probability
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array


class RandomErasing(Transform):
    """With probability ``p`` a rectangle of random area and shape is overwritten.

    Parameters
    ----------
    scale
        Least and greatest share of the image's area.
    ratio
        Least and greatest height / width, drawn evenly in its logarithm.
    value
        The colour, one number or one per channel, in the image's units; ``"random"`` for noise (normal for
        floats, even over 0..255 for uint8).

    Source: Z. Zhong et al., "Random erasing data augmentation", AAAI 2020.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ) -> None:
        self.p = probability("RandomErasing", p)
        self.scale = interval("RandomErasing: scale", scale, 0.0)
        self.ratio = interval("RandomErasing: ratio", ratio, 1e-9)
        if isinstance(value, str) and value != "random":
            raise ArgumentError(
                f"RandomErasing: got value={value!r}; give a number, one per channel, or 'random'"
            )
        self.value = value

    def batch(self, x: Array) -> Array:
        n, c, h, w = x.shape
        chosen = np.flatnonzero(self.rng.random(n) < self.p)
        # ten tries for each image, the first that fits counts; all at once
        area = self.rng.uniform(*self.scale, size=(n, 10)) * (h * w)
        ratio = np.exp(self.rng.uniform(math.log(self.ratio[0]), math.log(self.ratio[1]), size=(n, 10)))
        heights, widths = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
        fits = (heights < h) & (widths < w) & (heights >= 1) & (widths >= 1)
        place = self.rng.random((n, 2))
        if not len(chosen):
            return x
        y = x.copy(order="K")
        for k in chosen.tolist():
            if not fits[k].any():
                continue
            first = int(np.argmax(fits[k]))
            eh, ew = int(heights[k, first]), int(widths[k, first])
            top, left = int(place[k, 0] * (h - eh + 1)), int(place[k, 1] * (w - ew + 1))
            y[k, :, top : top + eh, left : left + ew] = self._content(x.dtype, (c, eh, ew))
        return y

    def _content(self, dtype: Any, shape: tuple[int, int, int]) -> Array:
        if not isinstance(self.value, str):
            colour: Array = per_channel(self.value, shape[0], dtype)[0]
            return colour
        if dtype == np.uint8:
            return self.rng.integers(0, 256, shape, dtype=np.uint8)
        return self.rng.standard_normal(shape).astype(dtype)


class Cutout(Transform):
    """A square of ``length`` pixels overwritten, its middle anywhere, so that it may hang over the border.

    Source: T. DeVries and G. Taylor, "Improved regularization of convolutional neural networks with cutout",
    arXiv 1708.04552, 2017.

    It happens with probability ``p``.
    """

    def __init__(self, length: int, fill: Any = 0, p: float = 1.0) -> None:
        if length < 1:
            raise ArgumentError(f"Cutout: got length={length}; give pixels of 1 or more")
        self.length, self.fill, self.p = int(length), fill, probability("Cutout", p)

    def batch(self, x: Array) -> Array:
        n, c, h, w = x.shape
        on = self.rng.random(n) < self.p
        tops = self.rng.integers(h, size=(n,)).tolist()
        lefts = self.rng.integers(w, size=(n,)).tolist()
        y = x.copy(order="K")
        colour = per_channel(self.fill, c, x.dtype)[0]
        for k in np.flatnonzero(on).tolist():
            top, left = tops[k] - self.length // 2, lefts[k] - self.length // 2
            y[k, :, max(top, 0) : max(top + self.length, 0), max(left, 0) : max(left + self.length, 0)] = (
                colour
            )
        return y
