"""Taking the neighbourhoods away: all pixels of an image in another order, the same one for every image."""

from __future__ import annotations

import numpy as np

from tinygrad_cv.data.transforms.base import Transform, blank
from tinygrad_cv.typing import Array


class PermutedPixels(Transform):
    """The pixels in an order drawn from ``seed`` once and for all; the channels of a pixel stay together.

    A dense layer learns from such images exactly as well as from others. What a convolution loses on them is what it
    owes to neighbourhoods.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def batch(self, x: Array) -> Array:
        n, c, h, w = x.shape
        order = np.random.default_rng(self.seed).permutation(h * w)
        y = blank(x, x.shape)
        y.transpose(0, 2, 3, 1)[...] = x.transpose(0, 2, 3, 1).reshape(n, h * w, c)[:, order].reshape(n, h, w, c)
        return y
