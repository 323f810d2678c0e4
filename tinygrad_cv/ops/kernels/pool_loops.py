"""Pooling in plain loops: what is meant. Images are (N, H, W, C) blocks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from ...typing import Array

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]


def _taps(o: int, kernel: int, stride: int, before: int, dilation: int, n: int) -> list[int]:
    """The pixels of window o along one axis that lie inside the image."""
    return [p for k in range(kernel) if 0 <= (p := o * stride - before + k * dilation) < n]


def _part(o: int, out: int, n: int) -> range:
    """The pixels of part o of ``out`` along one axis: floor(o n / out) to ceil((o + 1) n / out)."""
    return range(o * n // out, -(-(o + 1) * n // out))


Cell = tuple[tuple[int, int, int, int], list[Pair]]


def _cells(
    shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, out: Pair
) -> Iterator[Cell]:
    """Each output (n, oh, ow, c) with the pixels (h, w) of its window, in scan order."""
    n, h, w, c = shape
    for oh, ow in product(*map(range, out)):
        rows = _taps(oh, kernel[0], stride[0], padding[0], dilation[0], h)
        cols = _taps(ow, kernel[1], stride[1], padding[2], dilation[1], w)
        for i, k in product(range(n), range(c)):
            yield (i, oh, ow, k), list(product(rows, cols))


def _parts(shape: tuple[int, ...], out: Pair) -> Iterator[Cell]:
    n, h, w, c = shape
    for oh, ow in product(*map(range, out)):
        pixels = list(product(_part(oh, out[0], h), _part(ow, out[1], w)))
        for i, k in product(range(n), range(c)):
            yield (i, oh, ow, k), pixels


def _largest(x: Array, cells: Iterator[Cell], out: Pair) -> tuple[Array, Array]:
    y = np.empty((x.shape[0], *out, x.shape[3]), x.dtype)
    index = np.empty(y.shape, np.int32)
    for (n, oh, ow, c), pixels in cells:
        best = pixels[0]
        for h, w in pixels:
            value = x[n, h, w, c]
            if value > x[n, best[0], best[1], c] or value != value:
                best = h, w
        y[n, oh, ow, c] = x[n, best[0], best[1], c]
        index[n, oh, ow, c] = best[0] * x.shape[2] + best[1]
    return y, index


def max_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, out_hw: Pair
) -> tuple[Array, Array]:
    """y[n,oh,ow,c] = the window's largest x, and its flat position h*W + w: the first of equals, NaN above all."""
    return _largest(x, _cells(x.shape, kernel, stride, padding, dilation, out_hw), out_hw)


def adaptive_max_pool2d(x: Array, out_hw: Pair) -> tuple[Array, Array]:
    """The largest of each of OH x OW nearly equal parts, and where it stands."""
    return _largest(x, _parts(x.shape, out_hw), out_hw)


def max_pool2d_grad(
    g: Array,
    index: Array,
    hw: Pair,
    kernel: Pair | None = None,
    stride: Pair | None = None,
    padding: Quad = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    y: Array | None = None,
) -> Array:
    """gx = zeros, then gx[n, index[n,oh,ow,c], c] += g[n,oh,ow,c], where y, the value of a ReLU, is positive, if given.

    The window, if told, changes only the speed.
    """
    n, oh, ow, c = g.shape
    gx = np.zeros((n, *hw, c), g.dtype)
    for i, a, b, k in np.ndindex(n, oh, ow, c):
        at = i, index[i, a, b, k] // hw[1], index[i, a, b, k] % hw[1], k
        gx[at] += g[i, a, b, k] if y is None or y[at] > 0 else 0
    return gx


def adaptive_max_pool2d_grad(g: Array, index: Array, hw: Pair) -> Array:
    """The same for parts."""
    return max_pool2d_grad(g, index, hw)


def max_pool2d_gather(x: Array, index: Array) -> Array:
    """y[n,oh,ow,c] = x[n, index[n,oh,ow,c], c]: the adjoint of `max_pool2d_grad`."""
    y = np.empty(index.shape, x.dtype)
    for n, oh, ow, c in np.ndindex(*index.shape):
        y[n, oh, ow, c] = x[n, index[n, oh, ow, c] // x.shape[2], index[n, oh, ow, c] % x.shape[2], c]
    return y


def _divisor(
    oh: int, ow: int, inside: int, kernel: Pair, stride: Pair, padding: Quad, hw: Pair, count_include_pad: bool,
    override: int | None,
) -> int:  # fmt: skip
    if override is not None:
        return override
    if not count_include_pad:
        return inside
    height = min(oh * stride[0] - padding[0] + kernel[0], hw[0] + padding[1]) - (oh * stride[0] - padding[0])
    width = min(ow * stride[1] - padding[2] + kernel[1], hw[1] + padding[3]) - (ow * stride[1] - padding[2])
    return height * width


def avg_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Quad, out_hw: Pair, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """y[n,oh,ow,c] = the sum of the window, divided by its size (clipped to the padded image) or by the override."""
    y = np.empty((x.shape[0], *out_hw, x.shape[3]), x.dtype)
    for (n, oh, ow, c), pixels in _cells(x.shape, kernel, stride, padding, (1, 1), out_hw):
        by = _divisor(oh, ow, len(pixels), kernel, stride, padding, x.shape[1:3], count_include_pad, divisor_override)
        y[n, oh, ow, c] = sum(x[n, h, w, c] for h, w in pixels) / by
    return y


def avg_pool2d_grad(
    g: Array, hw: Pair, kernel: Pair, stride: Pair, padding: Quad, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """gx[n,h,w,c] = the sum of g / divisor over the windows that hold (h, w)."""
    gx = np.zeros((g.shape[0], *hw, g.shape[3]), g.dtype)
    for (n, oh, ow, c), pixels in _cells(gx.shape, kernel, stride, padding, (1, 1), g.shape[1:3]):
        by = _divisor(oh, ow, len(pixels), kernel, stride, padding, hw, count_include_pad, divisor_override)
        for h, w in pixels:
            gx[n, h, w, c] += g[n, oh, ow, c] / by
    return gx


def adaptive_avg_pool2d(x: Array, out_hw: Pair) -> Array:
    """y[n,oh,ow,c] = the mean of part (oh, ow)."""
    y = np.empty((x.shape[0], *out_hw, x.shape[3]), x.dtype)
    for (n, oh, ow, c), pixels in _parts(x.shape, out_hw):
        y[n, oh, ow, c] = sum(x[n, h, w, c] for h, w in pixels) / len(pixels)
    return y


def adaptive_avg_pool2d_grad(g: Array, hw: Pair) -> Array:
    """gx[n,h,w,c] = the sum of g / size over the parts that hold (h, w)."""
    gx = np.zeros((g.shape[0], *hw, g.shape[3]), g.dtype)
    for (n, oh, ow, c), pixels in _parts(gx.shape, g.shape[1:3]):
        for h, w in pixels:
            gx[n, h, w, c] += g[n, oh, ow, c] / len(pixels)
    return gx
