"""Pooling in array expressions: a loop over the taps or the windows, never over the pixels.

A window is two ranges, of rows and of columns. Its largest value is found tap by tap, all windows at once; a tap that
would lie beyond a window's end is moved onto its last pixel, which it then merely repeats. Sums are taken rows first,
then columns.
"""

from __future__ import annotations

import numpy as np

from ...typing import Array
from .pool_tables import Pair, Quad, adaptive, lengths, sliding


def _taps(windows: Array, dilation: int) -> Array:
    """Return (taps, out) pixels: tap k of every window along one axis."""
    count = -(-(windows[:, 1] - windows[:, 0]) // dilation)
    k = np.minimum(np.arange(count.max(initial=1))[:, None], count - 1)
    return np.asarray(windows[:, 0] + k * dilation)


def _largest(x: Array, rows: Array, cols: Array) -> tuple[Array, Array]:
    width = x.shape[2]
    y = x[:, rows[0]][:, :, cols[0]]
    index = np.empty(y.shape, np.int32)
    index[...] = (rows[0][:, None] * width + cols[0])[:, :, None]
    for r in rows:
        for c in cols:
            v = x[:, r][:, :, c]
            wins = (v > y) | np.isnan(v)
            np.copyto(y, v, where=wins)
            np.copyto(index, (r[:, None] * width + c)[:, :, None], where=wins, casting="unsafe")
    return y, index


def max_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, out_hw: Pair
) -> tuple[Array, Array]:
    """See `pool_loops.max_pool2d`."""
    rows = sliding(x.shape[1], kernel[0], stride[0], padding[0], dilation[0], out_hw[0])
    cols = sliding(x.shape[2], kernel[1], stride[1], padding[2], dilation[1], out_hw[1])
    return _largest(x, _taps(rows, dilation[0]), _taps(cols, dilation[1]))


def adaptive_max_pool2d(x: Array, out_hw: Pair) -> tuple[Array, Array]:
    """See `pool_loops.adaptive_max_pool2d`."""
    return _largest(x, _taps(adaptive(x.shape[1], out_hw[0]), 1), _taps(adaptive(x.shape[2], out_hw[1]), 1))


def _places(index: Array, pixels: int) -> Array:
    """Return the flat position in the (N, H, W, C) block of each winner."""
    n, c = index.shape[0], index.shape[3]
    image = (np.arange(n) * (pixels * c)).reshape(-1, 1, 1, 1)
    return np.asarray(image + index.astype(np.int64) * c + np.arange(c))


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
    """See `pool_loops.max_pool2d_grad`."""
    n, c = g.shape[0], g.shape[3]
    gx = np.zeros((n, *hw, c), g.dtype)
    np.add.at(gx.reshape(-1), _places(index, hw[0] * hw[1]).reshape(-1), g.reshape(-1))
    return gx if y is None else np.where(y > 0, gx, gx.dtype.type(0))


def adaptive_max_pool2d_grad(g: Array, index: Array, hw: Pair) -> Array:
    """See `pool_loops.max_pool2d_grad`."""
    return max_pool2d_grad(g, index, hw)


def max_pool2d_gather(x: Array, index: Array) -> Array:
    """See `pool_loops.max_pool2d_gather`."""
    return x.reshape(-1)[_places(index, x.shape[1] * x.shape[2])]


def _sums(x: Array, rows: Array, cols: Array) -> Array:
    n, _, w, c = x.shape
    by_rows = np.empty((n, len(rows), w, c), x.dtype)
    for o, (start, stop) in enumerate(rows):
        by_rows[:, o] = x[:, start:stop].sum(1)
    y = np.empty((n, len(rows), len(cols), c), x.dtype)
    for o, (start, stop) in enumerate(cols):
        y[:, :, o] = by_rows[:, :, start:stop].sum(2)
    return y


def _spread(g: Array, rows: Array, cols: Array, hw: Pair) -> Array:
    """The adjoint of `_sums`."""
    n, oh, _, c = g.shape
    by_rows = np.zeros((n, oh, hw[1], c), g.dtype)
    for o, (start, stop) in enumerate(cols):
        by_rows[:, :, start:stop] += g[:, :, o : o + 1]
    gx = np.zeros((n, *hw, c), g.dtype)
    for o, (start, stop) in enumerate(rows):
        gx[:, start:stop] += by_rows[:, o : o + 1]
    return gx


def _windows(hw: Pair, kernel: Pair, stride: Pair, padding: Quad, out: Pair) -> tuple[Array, Array]:
    rows = sliding(hw[0], kernel[0], stride[0], padding[0], 1, out[0])
    return rows, sliding(hw[1], kernel[1], stride[1], padding[2], 1, out[1])


def _divisors(
    hw: Pair, kernel: Pair, stride: Pair, padding: Quad, out: Pair, with_padding: bool, override: int | None
) -> Array:
    if override is not None:
        return np.full((1, 1, 1), float(override))
    down = lengths(hw[0], kernel[0], stride[0], padding[0], padding[1], out[0], with_padding)
    across = lengths(hw[1], kernel[1], stride[1], padding[2], padding[3], out[1], with_padding)
    return np.multiply.outer(down, across)[:, :, None]


def avg_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Quad, out_hw: Pair, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """See `pool_loops.avg_pool2d`."""
    hw = (x.shape[1], x.shape[2])
    y = _sums(x, *_windows(hw, kernel, stride, padding, out_hw))
    y /= _divisors(hw, kernel, stride, padding, out_hw, count_include_pad, divisor_override)
    return y


def avg_pool2d_grad(
    g: Array, hw: Pair, kernel: Pair, stride: Pair, padding: Quad, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """See `pool_loops.avg_pool2d_grad`."""
    out = (g.shape[1], g.shape[2])
    by = _divisors(hw, kernel, stride, padding, out, count_include_pad, divisor_override)
    return _spread((g / by).astype(g.dtype, copy=False), *_windows(hw, kernel, stride, padding, out), hw)


def _part_sizes(rows: Array, cols: Array) -> Array:
    return np.multiply.outer(rows[:, 1] - rows[:, 0], cols[:, 1] - cols[:, 0])[:, :, None].astype(np.float64)


def adaptive_avg_pool2d(x: Array, out_hw: Pair) -> Array:
    """See `pool_loops.adaptive_avg_pool2d`."""
    rows, cols = adaptive(x.shape[1], out_hw[0]), adaptive(x.shape[2], out_hw[1])
    y = _sums(x, rows, cols)
    y /= _part_sizes(rows, cols)
    return y


def adaptive_avg_pool2d_grad(g: Array, hw: Pair) -> Array:
    """See `pool_loops.adaptive_avg_pool2d_grad`."""
    rows, cols = adaptive(hw[0], g.shape[1]), adaptive(hw[1], g.shape[2])
    return _spread((g / _part_sizes(rows, cols)).astype(g.dtype, copy=False), rows, cols, hw)
