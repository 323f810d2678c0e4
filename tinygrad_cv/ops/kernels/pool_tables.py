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

Sliding = tuple[Pair, Pair, Quad, Pair]
"""Kernel, stride, padding and dilation."""


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


@lru_cache(512)
def lengths(n: int, kernel: int, stride: int, before: int, after: int, out: int, with_padding: bool) -> Array:
    """Return by how many pixels the sum of each window is divided, padding counted or not."""
    first = np.arange(out) * stride - before
    stop = np.minimum(first + kernel, n + after)
    if with_padding:
        return (stop - first).astype(np.float64)
    return (np.minimum(stop, n) - np.maximum(first, 0)).astype(np.float64)


@lru_cache(512)
def windows(hw: Pair, out: Pair, window: Sliding | None) -> tuple[Array, Array]:
    """Return the windows of both axes; ``window`` is None for adaptive pooling."""
    if window is None:
        return adaptive(hw[0], out[0]), adaptive(hw[1], out[1])
    kernel, stride, padding, dilation = window
    return (
        sliding(hw[0], kernel[0], stride[0], padding[0], dilation[0], out[0]),
        sliding(hw[1], kernel[1], stride[1], padding[2], dilation[1], out[1]),
    )


def _covering(windows: Array, n: int) -> Array:
    """Return, for each of n pixels, the range of windows whose span holds it: (n, 2) starts and stops."""
    pixel = np.arange(n)
    first = np.searchsorted(windows[:, 1], pixel, side="right")
    last = np.searchsorted(windows[:, 0], pixel, side="right")
    return np.stack([first, np.maximum(first, last)], 1)


@lru_cache(512)
def covering(hw: Pair, out: Pair, window: Sliding | None) -> tuple[Array, Array, bool]:
    """Return the windows that cover each row, those that cover each column, and whether no pixel is in two of them.

    Where none is, the second table lists the windows along a row, (out, 3): start, stop, and where the next begins.
    """
    down, across = windows(hw, out, window)
    apart = all((w[1:, 0] >= w[:-1, 1]).all() and w[0, 0] == 0 for w in (down, across))
    rows = _covering(down, hw[0])
    if apart:
        return rows, np.column_stack([across, np.append(across[1:, 0], hw[1])]), True
    return rows, _covering(across, hw[1]), False


@lru_cache(512)
def divisors(
    hw: Pair, out: Pair, window: Sliding | None, with_padding: bool = True, override: int | None = None
) -> tuple[Array, Array, Array, Array]:
    """Return two factors of the number by which the sum of window (oh, ow) is divided, and their inverses."""
    if window is None:
        down, across = ((w[:, 1] - w[:, 0]).astype(np.float64) for w in windows(hw, out, window))
    else:
        kernel, stride, padding, _ = window
        down = lengths(hw[0], kernel[0], stride[0], *padding[:2], out[0], with_padding)
        across = lengths(hw[1], kernel[1], stride[1], *padding[2:], out[1], with_padding)
    if override is not None:
        down, across = np.full(out[0], float(override)), np.ones(out[1])
    found = down, across, 1 / down, 1 / across
    return tuple(a.astype(np.float32) for a in found)  # type: ignore[return-value]
