"""Pooling, compiled: float32 images (N, H, W, C), the channels along the vector, rows of images shared by threads.

All kernels are gathers: each output element reads what it needs and is written once, forward and backward. So no
thread meets another, the order of every sum is fixed, nothing is cleared first, and the bits do not depend on the
number of threads. Loop nest of all of them, from outside in:

    image rows (a run of them for each thread)  pixel  FOUR channels  window rows  window columns

A window is a pair of ranges from `pool_tables`; sliding and adaptive pooling differ in the tables alone.

    max       y = max over the window; with it goes the winner's flat position, as bits in a float32 vector
    max, back gx[h,w] = sum over the windows that cover (h,w) of (g where their winner is (h,w), else 0)
    avg       y = (sum over the window) / size
    avg, back gx[h,w] = sum over the windows that cover (h,w) of g * (1/size)

A window of four or nine pixels is mostly loop: so four vectors of channels go through it together, windows of 2 x 2
have code without loops, and backward a window that shares no pixel with another hands out what it has read once
(2 x 2 by steps of 2, parts of a map, the whole map). Against one vector at a time, on one thread: 8 x 7 x 7 x 512 to
one pixel 20 + 39 us, now 14 + 15; 64 x 28 x 28 x 6 by 2 x 2, largest, 167 + 267, now 104 + 151; 8 x 27 x 27 x 192 by
3 x 3 in steps of 2, means, 161 + 273, now 111 + 174.

Fewer channels than lanes are read and written through a mask: a pixel with 6 channels costs as much as one with 16.
That was still the fastest way found: a plain loop over 6 channels took 1.4 times, and a loop over whole rows that
gathers its taps 5 times as long.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, spread
from .memory import empty, flat, zeros
from .pool_back import FOUR, avg_pool_back, max_pool_back, max_pool_scatter, store_4
from .pool_numpy import max_pool2d_gather
from .pool_tables import Pair, Quad, Sliding, covering, divisors, windows
from .simd import LANES, load_first, splat, store_first
from .simd_select import where_wins

__all__ = [
    "adaptive_avg_pool2d", "adaptive_avg_pool2d_grad", "adaptive_max_pool2d", "adaptive_max_pool2d_grad",
    "avg_pool2d", "avg_pool2d_grad", "max_pool2d", "max_pool2d_gather", "max_pool2d_grad",
]  # fmt: skip

INT32 = np.dtype(np.int32)

_ZERO, _LEAST = np.float32(0), np.float32(-np.inf)

GRAIN = 1 << 14
"""Elements that one thread reads or writes at least: about three microseconds, twice the price of a launch."""


@inline
def _largest(
    x: Array, y: Array, index: Array, marks: Array, at: int, o: int, h0: int, h1: int, dh: int, w0: int, w1: int,
    dw: int, width: int, channels: int, n: int,
) -> None:  # fmt: skip
    """y[o:o+n] and index[o:o+n]: the largest of n channels over one window; ``at`` is the image's first value."""
    best, where = splat(_LEAST), splat(marks[h0 * width + w0])
    for h in range(h0, h1, dh):
        for p in range(h * width + w0, h * width + w1, dw):
            v = load_first(x, at + p * channels, n)
            where = where_wins(v, best, splat(marks[p]), where)
            best = where_wins(v, best, v, best)
    store_first(y, o, best, n)
    store_first(index, o, where, n)


@inline
def _largest_4(
    x: Array, y: Array, index: Array, marks: Array, at: int, o: int, h0: int, h1: int, dh: int, w0: int, w1: int,
    dw: int, width: int, channels: int,
) -> None:  # fmt: skip
    """The same for four whole vectors side by side."""
    b0 = b1 = b2 = b3 = splat(_LEAST)
    k0 = k1 = k2 = k3 = splat(marks[h0 * width + w0])
    for h in range(h0, h1, dh):
        for p in range(h * width + w0, h * width + w1, dw):
            i, mark = at + p * channels, splat(marks[p])
            v0, v1 = load_first(x, i, LANES), load_first(x, i + LANES, LANES)
            v2, v3 = load_first(x, i + 2 * LANES, LANES), load_first(x, i + 3 * LANES, LANES)
            k0, b0 = where_wins(v0, b0, mark, k0), where_wins(v0, b0, v0, b0)
            k1, b1 = where_wins(v1, b1, mark, k1), where_wins(v1, b1, v1, b1)
            k2, b2 = where_wins(v2, b2, mark, k2), where_wins(v2, b2, v2, b2)
            k3, b3 = where_wins(v3, b3, mark, k3), where_wins(v3, b3, v3, b3)
    store_4(y, o, b0, b1, b2, b3)
    store_4(index, o, k0, k1, k2, k3)


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
            for c in range(0, channels - FOUR + 1, FOUR):
                _largest_4(x, y, index, marks, image + c, o + c, h0, h1, dh, w0, w1, dw, width, channels)
            pair = h1 - h0 == 2 and w1 - w0 == 2 and dh == 1 and dw == 1
            for c in range(channels // FOUR * FOUR, channels, LANES):
                at, n = image + c, channels - c
                if pair:  # loops that the compiler unrolls
                    _largest(x, y, index, marks, at, o + c, h0, h0 + 2, 1, w0, w0 + 2, 1, width, channels, n)
                else:
                    _largest(x, y, index, marks, at, o + c, h0, h1, dh, w0, w1, dw, width, channels, n)


@inline
def _mean(
    x: Array, y: Array, size: float, at: int, o: int, h0: int, h1: int, w0: int, w1: int, width: int, channels: int,
    n: int,
) -> None:  # fmt: skip
    """y[o:o+n] = the sum of n channels over one window / size."""
    total = splat(_ZERO)
    for h in range(h0, h1):
        for p in range(h * width + w0, h * width + w1):
            total = total + load_first(x, at + p * channels, n)
    store_first(y, o, total / splat(size), n)


@inline
def _mean_4(
    x: Array, y: Array, size: float, at: int, o: int, h0: int, h1: int, w0: int, w1: int, width: int, channels: int
) -> None:
    """The same for four whole vectors side by side."""
    t0 = t1 = t2 = t3 = splat(_ZERO)
    for h in range(h0, h1):
        for p in range(h * width + w0, h * width + w1):
            i = at + p * channels
            t0 = t0 + load_first(x, i, LANES)
            t1 = t1 + load_first(x, i + LANES, LANES)
            t2 = t2 + load_first(x, i + 2 * LANES, LANES)
            t3 = t3 + load_first(x, i + 3 * LANES, LANES)
    by = splat(size)
    store_4(y, o, t0 / by, t1 / by, t2 / by, t3 / by)


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
            for c in range(0, channels - FOUR + 1, FOUR):
                _mean_4(x, y, size, image + c, o + c, h0, h1, w0, w1, width, channels)
            for c in range(channels // FOUR * FOUR, channels, LANES):
                if h1 - h0 == 2 and w1 - w0 == 2:  # loops that the compiler unrolls
                    _mean(x, y, size, image + c, o + c, h0, h0 + 2, w0, w0 + 2, width, channels, channels - c)
                else:
                    _mean(x, y, size, image + c, o + c, h0, h1, w0, w1, width, channels, channels - c)


@lru_cache(64)
def _marks(pixels: int) -> Array:
    """Return 0, 1, 2 ... as int32 bits in float32."""
    return np.arange(pixels, dtype=np.int32).view(np.float32)


@lru_cache(64)
def _ones(count: int) -> Array:
    return np.ones(count, np.float32)


def _workers(lines: int, elements: int) -> int:
    """Return how many threads are worth their launch."""
    return max(1, min(get_num_threads(), lines, elements // GRAIN))


def _max(x: Array, out: Pair, window: Sliding | None, dilation: Pair) -> tuple[Array, Array]:
    n, h, w, c = x.shape
    rows, cols = windows((h, w), out, window)
    y, index = empty((n, *out, c)), empty((n, *out, c), INT32)
    marks = flat(index).view(np.float32)
    workers = _workers(n * out[0], x.size)
    _max_pool(workers, flat(x), flat(y), marks, _marks(h * w), rows, cols, n, h, w, c, *dilation)
    return y, index


def max_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, out_hw: Pair
) -> tuple[Array, Array]:
    """See `pool_loops.max_pool2d`."""
    return _max(x, out_hw, (kernel, stride, padding, dilation), dilation)


def adaptive_max_pool2d(x: Array, out_hw: Pair) -> tuple[Array, Array]:
    """See `pool_loops.adaptive_max_pool2d`."""
    return _max(x, out_hw, None, (1, 1))


def _max_back(g: Array, index: Array, hw: Pair, window: Sliding | None, y: Array | None = None) -> Array:
    n, oh, ow, c = g.shape
    gx = empty((n, *hw, c))
    rows, cols, apart = covering(hw, (oh, ow), window)
    mask = (flat(g), 0, np.float32(-1)) if y is None else (flat(y), 1, _ZERO)
    max_pool_back(
        _workers(n * hw[0], gx.size), flat(g), flat(index).view(np.float32), *mask, flat(gx), _marks(hw[0] * hw[1]),
        rows, cols, _ones(max(oh, ow)), apart, n, oh, ow, hw[1], c,
    )  # fmt: skip
    return gx


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
    """See `pool_loops.max_pool2d_grad`; several times faster when told the window."""
    index = index.astype(INT32, copy=False)
    if kernel is not None:
        return _max_back(g, index, hw, (kernel, stride or kernel, padding, dilation), y)
    n, oh, ow, c = g.shape
    gx = zeros((n, *hw, c))
    max_pool_scatter(_workers(n, gx.size), flat(g), flat(index), flat(gx), n, hw[0] * hw[1], oh * ow, c)
    return gx if y is None else np.where(y > 0, gx, _ZERO)


def adaptive_max_pool2d_grad(g: Array, index: Array, hw: Pair) -> Array:
    """See `pool_loops.max_pool2d_grad`."""
    return _max_back(g, index.astype(INT32, copy=False), hw, None)


def _avg(x: Array, out: Pair, window: Sliding | None, down: Array, across: Array) -> Array:
    n, h, w, c = x.shape
    rows, cols = windows((h, w), out, window)
    y = empty((n, *out, c))
    _avg_pool(_workers(n * out[0], x.size), flat(x), flat(y), rows, cols, down, across, n, h, w, c)
    return y


def _avg_back(g: Array, hw: Pair, window: Sliding | None, down: Array, across: Array) -> Array:
    n, oh, ow, c = g.shape
    gx = empty((n, *hw, c))
    rows, cols, apart = covering(hw, (oh, ow), window)
    avg_pool_back(
        _workers(n * hw[0], gx.size), flat(g), flat(gx), _marks(hw[0] * hw[1]), rows, cols, down, across, apart, n, oh,
        ow, hw[1], c,
    )  # fmt: skip
    return gx


def avg_pool2d(
    x: Array, kernel: Pair, stride: Pair, padding: Quad, out_hw: Pair, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """See `pool_loops.avg_pool2d`."""
    window = (kernel, stride, padding, (1, 1))
    down, across = divisors(x.shape[1:3], out_hw, window, count_include_pad, divisor_override)[:2]
    return _avg(x, out_hw, window, down, across)


def avg_pool2d_grad(
    g: Array, hw: Pair, kernel: Pair, stride: Pair, padding: Quad, count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """See `pool_loops.avg_pool2d_grad`."""
    window = (kernel, stride, padding, (1, 1))
    down, across = divisors(hw, g.shape[1:3], window, count_include_pad, divisor_override)[2:]
    return _avg_back(g, hw, window, down, across)


def adaptive_avg_pool2d(x: Array, out_hw: Pair) -> Array:
    """See `pool_loops.adaptive_avg_pool2d`."""
    return _avg(x, out_hw, None, *divisors(x.shape[1:3], out_hw, None)[:2])


def adaptive_avg_pool2d_grad(g: Array, hw: Pair) -> Array:
    """See `pool_loops.adaptive_avg_pool2d_grad`."""
    return _avg_back(g, hw, None, *divisors(hw, g.shape[1:3], None)[2:])
