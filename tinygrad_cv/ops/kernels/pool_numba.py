"""Pooling, compiled: float32 images (N, H, W, C), the channels along the vector, rows of images shared by threads.

All kernels are gathers: each output element reads what it needs and is written once, forward and backward. So no
thread meets another, the order of every sum is fixed, nothing is cleared first, and the bits do not depend on the
number of threads. Loop nest of all of them, from outside in:

    image rows (a run of them for each thread)  pixel  LANES channels  window rows  window columns

A window is a pair of ranges from `pool_tables`; sliding and adaptive pooling differ in the tables alone.

    max       y = max over the window; with it goes the winner's flat position, as bits in a float32 vector
    max, back gx[h,w] = sum over the windows that cover (h,w) of (g where their winner is (h,w), else 0)
    avg       y = (sum over the window) / size
    avg, back gx[h,w] = sum over the windows that cover (h,w) of g * (1/size)

Fewer channels than lanes are read and written through a mask: a pixel with 6 channels costs as much as one with 16.
That was still the fastest way found: 64 maps of 6 x 28 x 28 took 0.17 ms on one thread, 0.24 ms with a plain loop over
the channels, and 0.9 ms with a loop over whole rows that gathers its taps.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, spread
from .memory import empty, flat, zeros
from .pool_numpy import max_pool2d_gather
from .pool_tables import Pair, Quad, adaptive, covering, lengths, sliding
from .simd import LANES, load_first, splat, store_first
from .simd_select import where_same, where_wins

__all__ = [
    "adaptive_avg_pool2d", "adaptive_avg_pool2d_grad", "adaptive_max_pool2d", "adaptive_max_pool2d_grad",
    "avg_pool2d", "avg_pool2d_grad", "max_pool2d", "max_pool2d_gather", "max_pool2d_grad",
]  # fmt: skip

GRAIN = 1 << 14
"""Elements that one thread reads or writes at least: about three microseconds, twice the price of a launch."""


@inline
def _largest(
    x: Array, y: Array, index: Array, marks: Array, at: int, o: int, h0: int, h1: int, dh: int, w0: int, w1: int,
    dw: int, width: int, channels: int, n: int,
) -> None:  # fmt: skip
    """y[o:o+n] and index[o:o+n]: the largest of n channels over one window; ``at`` is the image's first value."""
    best = load_first(x, at + (h0 * width + w0) * channels, n)
    where = splat(marks[h0 * width + w0])
    for h in range(h0, h1, dh):
        for p in range(h * width + w0, h * width + w1, dw):
            v = load_first(x, at + p * channels, n)
            where = where_wins(v, best, splat(marks[p]), where)
            best = where_wins(v, best, v, best)
    store_first(y, o, best, n)
    store_first(index, o, where, n)


@spread
def _max_pool(
    worker: int, workers: int, x: Array, y: Array, index: Array, marks: Array, rows: Array, cols: Array, images: int,
    height: int, width: int, channels: int, dh: int, dw: int,
) -> None:  # fmt: skip
    total = images * len(rows)
    for line in range(worker * total // workers, (worker + 1) * total // workers):
        image = line // len(rows) * (height * width * channels)
        h0, h1 = rows[line % len(rows), 0], rows[line % len(rows), 1]
        for ow in range(len(cols)):
            w0, w1 = cols[ow, 0], cols[ow, 1]
            o = (line * len(cols) + ow) * channels
            for c in range(0, channels - LANES + 1, LANES):
                _largest(x, y, index, marks, image + c, o + c, h0, h1, dh, w0, w1, dw, width, channels, LANES)
            c = channels // LANES * LANES
            if c < channels:
                _largest(x, y, index, marks, image + c, o + c, h0, h1, dh, w0, w1, dw, width, channels, channels - c)


@inline
def _won(
    g: Array, index: Array, gx: Array, mark: Any, at: int, o: int, h0: int, h1: int, w0: int, w1: int, width: int,
    channels: int, n: int,
) -> None:  # fmt: skip
    """gx[o:o+n]: what the windows that cover a pixel return to it, for n channels."""
    zero = splat(np.float32(0))
    total = zero
    for oh in range(h0, h1):
        for p in range(oh * width + w0, oh * width + w1):
            i = at + p * channels
            total = total + where_same(load_first(index, i, n), mark, load_first(g, i, n), zero)
    store_first(gx, o, total, n)


@spread
def _max_pool_grad(
    worker: int, workers: int, g: Array, index: Array, gx: Array, marks: Array, rows: Array, cols: Array, images: int,
    height: int, width: int, channels: int,
) -> None:  # fmt: skip
    """rows and cols: the windows that cover each of H and W; height and width: of g."""
    total = images * len(rows)
    for line in range(worker * total // workers, (worker + 1) * total // workers):
        image = line // len(rows) * (height * width * channels)
        h = line % len(rows)
        h0, h1 = rows[h, 0], rows[h, 1]
        for w in range(len(cols)):
            w0, w1 = cols[w, 0], cols[w, 1]
            mark = splat(marks[h * len(cols) + w])
            o = (line * len(cols) + w) * channels
            for c in range(0, channels - LANES + 1, LANES):
                _won(g, index, gx, mark, image + c, o + c, h0, h1, w0, w1, width, channels, LANES)
            c = channels // LANES * LANES
            if c < channels:
                _won(g, index, gx, mark, image + c, o + c, h0, h1, w0, w1, width, channels, channels - c)


@spread
def _max_pool_scatter(
    worker: int, workers: int, g: Array, index: Array, gx: Array, images: int, pixels: int, outs: int, channels: int
) -> None:
    """The same where the windows are not known: a loop over winners, images shared by threads."""
    for n in range(worker * images // workers, (worker + 1) * images // workers):
        for p in range(n * outs, (n + 1) * outs):
            for c in range(channels):
                gx[(n * pixels + index[p * channels + c]) * channels + c] += g[p * channels + c]


@inline
def _mean(
    x: Array, y: Array, size: float, at: int, o: int, h0: int, h1: int, w0: int, w1: int, width: int, channels: int,
    n: int,
) -> None:  # fmt: skip
    """y[o:o+n] = the sum of n channels over one window / size."""
    total = splat(np.float32(0))
    for h in range(h0, h1):
        for p in range(h * width + w0, h * width + w1):
            total = total + load_first(x, at + p * channels, n)
    store_first(y, o, total / splat(size), n)


@spread
def _avg_pool(
    worker: int, workers: int, x: Array, y: Array, rows: Array, cols: Array, down: Array, across: Array, images: int,
    height: int, width: int, channels: int,
) -> None:  # fmt: skip
    """The sum of window (oh, ow) is divided by down[oh] * across[ow]."""
    total = images * len(rows)
    for line in range(worker * total // workers, (worker + 1) * total // workers):
        image = line // len(rows) * (height * width * channels)
        oh = line % len(rows)
        h0, h1 = rows[oh, 0], rows[oh, 1]
        for ow in range(len(cols)):
            w0, w1 = cols[ow, 0], cols[ow, 1]
            o = (line * len(cols) + ow) * channels
            size = down[oh] * across[ow]
            for c in range(0, channels - LANES + 1, LANES):
                _mean(x, y, size, image + c, o + c, h0, h1, w0, w1, width, channels, LANES)
            c = channels // LANES * LANES
            if c < channels:
                _mean(x, y, size, image + c, o + c, h0, h1, w0, w1, width, channels, channels - c)


@inline
def _weighted(
    g: Array, gx: Array, down: Array, across: Array, at: int, o: int, h0: int, h1: int, w0: int, w1: int, width: int,
    channels: int, n: int,
) -> None:  # fmt: skip
    """gx[o:o+n] = the sum of g * down * across over windows."""
    total = splat(np.float32(0))
    for i in range(h0, h1):
        for j in range(w0, w1):
            total = total + load_first(g, at + (i * width + j) * channels, n) * splat(down[i] * across[j])
    store_first(gx, o, total, n)


@spread
def _avg_pool_grad(
    worker: int, workers: int, g: Array, gx: Array, rows: Array, cols: Array, down: Array, across: Array, images: int,
    height: int, width: int, channels: int,
) -> None:  # fmt: skip
    """rows and cols: the windows that cover each of H and W; height and width: of g; down and across: 1 / sizes."""
    total = images * len(rows)
    for line in range(worker * total // workers, (worker + 1) * total // workers):
        image = line // len(rows) * (height * width * channels)
        h = line % len(rows)
        h0, h1 = rows[h, 0], rows[h, 1]
        for w in range(len(cols)):
            w0, w1 = cols[w, 0], cols[w, 1]
            o = (line * len(cols) + w) * channels
            for c in range(0, channels - LANES + 1, LANES):
                _weighted(g, gx, down, across, image + c, o + c, h0, h1, w0, w1, width, channels, LANES)
            c = channels // LANES * LANES
            if c < channels:
                _weighted(g, gx, down, across, image + c, o + c, h0, h1, w0, w1, width, channels, channels - c)


@lru_cache(64)
def _marks(pixels: int) -> Array:
    """Return 0, 1, 2 ... as int32 bits in float32."""
    return np.arange(pixels, dtype=np.int32).view(np.float32)


def _workers(lines: int, elements: int) -> int:
    """Return how many threads are worth their launch."""
    return max(1, min(get_num_threads(), lines, elements // GRAIN))


def _max(x: Array, rows: Array, cols: Array, dilation: Pair) -> tuple[Array, Array]:
    n, h, w, c = x.shape
    y = empty((n, len(rows), len(cols), c))
    index = empty(y.shape, np.int32)
    marks = flat(index).view(np.float32)
    workers = _workers(n * len(rows), x.size)
    _max_pool(workers, flat(x), flat(y), marks, _marks(h * w), rows, cols, n, h, w, c, *dilation)
    return y, index


def max_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, out_hw: Pair
) -> tuple[Array, Array]:
    """See `pool_loops.max_pool2d`."""
    rows = sliding(x.shape[1], kernel[0], stride[0], padding[0], dilation[0], out_hw[0])
    cols = sliding(x.shape[2], kernel[1], stride[1], padding[2], dilation[1], out_hw[1])
    return _max(x, rows, cols, dilation)


def adaptive_max_pool2d(x: Array, out_hw: Pair) -> tuple[Array, Array]:
    """See `pool_loops.adaptive_max_pool2d`."""
    return _max(x, adaptive(x.shape[1], out_hw[0]), adaptive(x.shape[2], out_hw[1]), (1, 1))


def _max_back(g: Array, index: Array, hw: Pair, rows: Array, cols: Array) -> Array:
    n, oh, ow, c = g.shape
    gx = empty((n, *hw, c))
    marks = flat(index).view(np.float32)
    workers = _workers(n * hw[0], gx.size)
    _max_pool_grad(workers, flat(g), marks, flat(gx), _marks(hw[0] * hw[1]), rows, cols, n, oh, ow, c)
    return gx


def max_pool2d_grad(
    g: Array,
    index: Array,
    hw: Pair,
    kernel: Pair | None = None,
    stride: Pair | None = None,
    padding: Quad = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
) -> Array:
    """See `pool_loops.max_pool2d_grad`; several times faster when told the window."""
    n, oh, ow, c = g.shape
    if index.dtype != np.int32:
        index = index.astype(np.int32)
    if kernel is None:
        gx = zeros((n, *hw, c))
        _max_pool_scatter(_workers(n, gx.size), flat(g), flat(index), flat(gx), n, hw[0] * hw[1], oh * ow, c)
        return gx
    stride = stride or kernel
    rows = _covering(hw[0], kernel[0], stride[0], padding[0], dilation[0], oh)
    cols = _covering(hw[1], kernel[1], stride[1], padding[2], dilation[1], ow)
    return _max_back(g, index, hw, rows, cols)


def adaptive_max_pool2d_grad(g: Array, index: Array, hw: Pair) -> Array:
    """See `pool_loops.max_pool2d_grad`."""
    rows, cols = _covering_parts(hw[0], g.shape[1]), _covering_parts(hw[1], g.shape[2])
    return _max_back(g, index.astype(np.int32, copy=False), hw, rows, cols)


@lru_cache(512)
def _covering(n: int, kernel: int, stride: int, before: int, dilation: int, out: int) -> Array:
    return covering(sliding(n, kernel, stride, before, dilation, out), n)


@lru_cache(512)
def _covering_parts(n: int, out: int) -> Array:
    return covering(adaptive(n, out), n)


@lru_cache(512)
def _divisors(
    n: int, kernel: int, stride: int, before: int, after: int, out: int, with_padding: bool, override: int | None
) -> tuple[Array, Array]:
    """Return by how much the sums along one axis are divided, and the inverse."""
    by = lengths(n, kernel, stride, before, after, out, with_padding)
    if override is not None:
        by = np.full(out, float(override))
    return by.astype(np.float32), (1 / by).astype(np.float32)


@lru_cache(512)
def _part_sizes(n: int, out: int) -> tuple[Array, Array]:
    parts = adaptive(n, out)
    by = (parts[:, 1] - parts[:, 0]).astype(np.float64)
    return by.astype(np.float32), (1 / by).astype(np.float32)


def _avg(x: Array, rows: Array, cols: Array, down: Array, across: Array) -> Array:
    n, h, w, c = x.shape
    y = empty((n, len(rows), len(cols), c))
    workers = _workers(n * len(rows), x.size)
    _avg_pool(workers, flat(x), flat(y), rows, cols, down, across, n, h, w, c)
    return y


def _avg_back(g: Array, hw: Pair, rows: Array, cols: Array, down: Array, across: Array) -> Array:
    n, oh, ow, c = g.shape
    gx = empty((n, *hw, c))
    workers = _workers(n * hw[0], gx.size)
    _avg_pool_grad(workers, flat(g), flat(gx), rows, cols, down, across, n, oh, ow, c)
    return gx


def avg_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Quad, out_hw: Pair, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """See `pool_loops.avg_pool2d`."""
    _, h, w, _ = x.shape
    rows = sliding(h, kernel[0], stride[0], padding[0], 1, out_hw[0])
    cols = sliding(w, kernel[1], stride[1], padding[2], 1, out_hw[1])
    one = None if divisor_override is None else 1
    down, _ = _divisors(h, kernel[0], stride[0], *padding[:2], out_hw[0], count_include_pad, divisor_override)
    across, _ = _divisors(w, kernel[1], stride[1], *padding[2:], out_hw[1], count_include_pad, one)
    return _avg(x, rows, cols, down, across)


def avg_pool2d_grad(
    g: Array, hw: Pair, kernel: Pair, stride: Pair, padding: Quad, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """See `pool_loops.avg_pool2d_grad`."""
    (_, oh, ow, _), (h, w) = g.shape, hw
    rows = _covering(h, kernel[0], stride[0], padding[0], 1, oh)
    cols = _covering(w, kernel[1], stride[1], padding[2], 1, ow)
    one = None if divisor_override is None else 1
    _, down = _divisors(h, kernel[0], stride[0], *padding[:2], oh, count_include_pad, divisor_override)
    _, across = _divisors(w, kernel[1], stride[1], *padding[2:], ow, count_include_pad, one)
    return _avg_back(g, hw, rows, cols, down, across)


def adaptive_avg_pool2d(x: Array, out_hw: Pair) -> Array:
    """See `pool_loops.adaptive_avg_pool2d`."""
    _, h, w, _ = x.shape
    down, across = _part_sizes(h, out_hw[0])[0], _part_sizes(w, out_hw[1])[0]
    return _avg(x, adaptive(h, out_hw[0]), adaptive(w, out_hw[1]), down, across)


def adaptive_avg_pool2d_grad(g: Array, hw: Pair) -> Array:
    """See `pool_loops.adaptive_avg_pool2d_grad`."""
    (_, oh, ow, _), (h, w) = g.shape, hw
    down, across = _part_sizes(h, oh)[1], _part_sizes(w, ow)[1]
    return _avg_back(g, hw, _covering_parts(h, oh), _covering_parts(w, ow), down, across)
