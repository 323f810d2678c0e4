"""Where pooling windows lie, one axis at a time: tables that every kind of pooling shares.

A window along an axis is a range ``start, stop`` of pixels inside the image, visited in steps of the dilation. A
sliding window o of kernel K, stride S, padding P and dilation D holds o*S - P + k*D for k < K, less what falls
outside; an adaptive one holds floor(o n / out) to ceil((o + 1) n / out), exclusive. Both ends grow with o, so the
windows that cover one pixel are again a range.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...typing import Array

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]


@lru_cache(512)
def sliding(n: int, kernel: int, stride: int, before: int, dilation: int, out: int) -> Array:
    """Return the windows of an axis of n pixels as (out, 2) starts and stops."""
    first = np.arange(out) * stride - before
    stop = np.minimum(first + (kernel - 1) * dilation + 1, n)
    start = np.where(first < 0, first % dilation, first)
    return np.stack([start, stop], 1)


@lru_cache(512)
def adaptive(n: int, out: int) -> Array:
    """Return ``out`` nearly equal parts of an axis of n pixels as (out, 2) starts and stops."""
    o = np.arange(out)
    return np.stack([o * n // out, -(-(o + 1) * n // out)], 1)


def covering(windows: Array, n: int) -> Array:
    """Return, for each of n pixels, the range of windows whose span holds it: (n, 2) starts and stops."""
    pixel = np.arange(n)
    first = np.searchsorted(windows[:, 1], pixel, side="right")
    last = np.searchsorted(windows[:, 0], pixel, side="right")
    return np.stack([first, np.maximum(first, last)], 1)


@lru_cache(512)
def lengths(n: int, kernel: int, stride: int, before: int, after: int, out: int, with_padding: bool) -> Array:
    """Return by how many pixels the sum of each window is divided, padding counted or not."""
    first = np.arange(out) * stride - before
    stop = np.minimum(first + kernel, n + after)
    if with_padding:
        return (stop - first).astype(np.float64)
    return (np.minimum(stop, n) - np.maximum(first, 0)).astype(np.float64)
