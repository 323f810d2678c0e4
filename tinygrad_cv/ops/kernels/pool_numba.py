"""Pooling, compiled: float32 images (N, H, W, C), the channels along the vector, rows of images shared by threads.

All kernels are gathers: each output element reads what it needs and is written once, forward and backward. So no
thread meets another, the order of every sum is fixed, nothing is cleared first, and the bits do not depend on the
number of threads. Loop nest of all of them, from outside in:

    tasks (runs of image rows, shared by threads)  row  pixel  16 channels  window rows  window columns

A window is a pair of ranges from `pool_tables`; sliding and adaptive pooling differ in the tables alone.

    max       y = max over the window; with it goes the winner's flat position, as bits in a float32 vector
    max, back gx[h,w] = sum over the windows that cover (h,w) of (g where their winner is (h,w), else 0)
    avg       y = (sum over the window) / size
    avg, back gx[h,w] = sum over the windows that cover (h,w) of g * (1/size)

Fewer channels than lanes are read and written through a mask: a pixel with 6 channels costs as much as one with 16,
which was still three times faster than a loop over its channels.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import prange

from ...typing import Array
from .jit import inline, kernel
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
"""Elements that one task reads or writes at least: about three microseconds, twice the price of a launch."""


@inline
def _largest(
    x: Array,
    y: Array,
    index: Array,
    marks: Array,
    at: int,
    o: int,
    rows: Array,
    cols: Array,
    steps: Array,
    width: int,
    channels: int,
    n: int,
) -> None:
    """y[o:o+n] and index[o:o+n]: the largest of n channels over one window; ``at`` is the image's first value."""
    start = rows[0] * width + cols[0]
    best = load_first(x, at + start * channels, n)
    where = splat(marks[start])
    for h in range(rows[0], rows[1], steps[0]):
        for p in range(h * width + cols[0], h * width + cols[1], steps[1]):
            v = load_first(x, at + p * channels, n)
            where = where_wins(v, best, splat(marks[p]), where)
            best = where_wins(v, best, v, best)
    store_first(y, o, best, n)
    store_first(index, o, where, n)


@kernel(parallel=True)
def _max_pool(
    x: Array, y: Array, index: Array, marks: Array, rows: Array, cols: Array, size: Array, tasks: int
) -> None:
    """size: N, H, W, C, DH, DW."""
    images, height, width, channels = size[0], size[1], size[2], size[3]
    steps = size[4:]
    total = images * len(rows)
    for task in prange(tasks):
        for line in range(task * total // tasks, (task + 1) * total // tasks):
            image = line // len(rows) * (height * width * channels)
            window = rows[line % len(rows)]
            for ow in range(len(cols)):
                o = (line * len(cols) + ow) * channels
                for c in range(0, channels - LANES + 1, LANES):
                    _largest(x, y, index, marks, image + c, o + c, window, cols[ow], steps, width, channels, LANES)
                c = channels // LANES * LANES
                if c < channels:
                    _largest(
                        x, y, index, marks, image + c, o + c, window, cols[ow], steps, width, channels, channels - c
                    )


@inline
def _won(
    g: Array,
    index: Array,
    gx: Array,
    mark: Any,
    at: int,
    o: int,
    rows: Array,
    cols: Array,
    ow: int,
    channels: int,
    n: int,
) -> None:
    """gx[o:o+n]: what the windows ``rows`` x ``cols`` that cover a pixel return to it, for n channels."""
    total = splat(np.float32(0))
    for oh in range(rows[0], rows[1]):
        for p in range(oh * ow + cols[0], oh * ow + cols[1]):
            i = at + p * channels
            total = total + where_same(load_first(index, i, n), mark, load_first(g, i, n), splat(np.float32(0)))
    store_first(gx, o, total, n)


@kernel(parallel=True)
def _max_pool_grad(
    g: Array, index: Array, gx: Array, marks: Array, rows: Array, cols: Array, size: Array, tasks: int
) -> None:
    """size: N, OH, OW, C; rows and cols: the windows that cover each of H and W."""
    images, oh, ow, channels = size[0], size[1], size[2], size[3]
    total = images * len(rows)
    for task in prange(tasks):
        for line in range(task * total // tasks, (task + 1) * total // tasks):
            image = line // len(rows) * (oh * ow * channels)
            h = line % len(rows)
            for w in range(len(cols)):
                mark = splat(marks[h * len(cols) + w])
                o = (line * len(cols) + w) * channels
                for c in range(0, channels - LANES + 1, LANES):
                    _won(g, index, gx, mark, image + c, o + c, rows[h], cols[w], ow, channels, LANES)
                c = channels // LANES * LANES
                if c < channels:
                    _won(g, index, gx, mark, image + c, o + c, rows[h], cols[w], ow, channels, channels - c)


@kernel(parallel=True)
def _max_pool_scatter(g: Array, index: Array, gx: Array, images: int, pixels: int, outs: int, channels: int) -> None:
    """The same where the windows are not known: a loop over winners, images shared by threads."""
    for n in prange(images):
        for p in range(n * outs, (n + 1) * outs):
            for i in range(p * channels, (p + 1) * channels):
                gx[(n * pixels + index[i]) * channels + i - p * channels] += g[i]


@inline
def _sum(
    x: Array, y: Array, scale: float, at: int, o: int, rows: Array, cols: Array, width: int, channels: int, n: int
) -> None:
    """y[o:o+n] = the sum of x over pixels ``rows`` x ``cols`` of an image, divided by ``scale``."""
    total = splat(np.float32(0))
    for h in range(rows[0], rows[1]):
        for p in range(h * width + cols[0], h * width + cols[1]):
            total = total + load_first(x, at + p * channels, n)
    store_first(y, o, total / splat(scale), n)


@kernel(parallel=True)
def _avg_pool(
    x: Array, y: Array, rows: Array, cols: Array, down: Array, across: Array, size: Array, tasks: int
) -> None:
    """size: N, H, W, C; the sum of window (oh, ow) is divided by down[oh] * across[ow]."""
    images, height, width, channels = size[0], size[1], size[2], size[3]
    total = images * len(rows)
    for task in prange(tasks):
        for line in range(task * total // tasks, (task + 1) * total // tasks):
            image = line // len(rows) * (height * width * channels)
            oh = line % len(rows)
            for ow in range(len(cols)):
                o = (line * len(cols) + ow) * channels
                scale = down[oh] * across[ow]
                for c in range(0, channels - LANES + 1, LANES):
                    _sum(x, y, scale, image + c, o + c, rows[oh], cols[ow], width, channels, LANES)
                c = channels // LANES * LANES
                if c < channels:
                    _sum(x, y, scale, image + c, o + c, rows[oh], cols[ow], width, channels, channels - c)


@inline
def _weighted(
    g: Array,
    gx: Array,
    down: Array,
    across: Array,
    at: int,
    o: int,
    rows: Array,
    cols: Array,
    ow: int,
    channels: int,
    n: int,
) -> None:
    """gx[o:o+n] = the sum over windows ``rows`` x ``cols`` of g * down * across."""
    total = splat(np.float32(0))
    for i in range(rows[0], rows[1]):
        for j in range(cols[0], cols[1]):
            total = total + load_first(g, at + (i * ow + j) * channels, n) * splat(down[i] * across[j])
    store_first(gx, o, total, n)


@kernel(parallel=True)
def _avg_pool_grad(
    g: Array, gx: Array, rows: Array, cols: Array, down: Array, across: Array, size: Array, tasks: int
) -> None:
    """size: N, OH, OW, C; rows and cols: the windows that cover each of H and W; down and across: 1 / sizes."""
    images, oh, ow, channels = size[0], size[1], size[2], size[3]
    total = images * len(rows)
    for task in prange(tasks):
        for line in range(task * total // tasks, (task + 1) * total // tasks):
            image = line // len(rows) * (oh * ow * channels)
            h = line % len(rows)
            for w in range(len(cols)):
                o = (line * len(cols) + w) * channels
                for c in range(0, channels - LANES + 1, LANES):
                    _weighted(g, gx, down, across, image + c, o + c, rows[h], cols[w], ow, channels, LANES)
                c = channels // LANES * LANES
                if c < channels:
                    _weighted(g, gx, down, across, image + c, o + c, rows[h], cols[w], ow, channels, channels - c)


@lru_cache(64)
def _marks(pixels: int) -> Array:
    """Return 0, 1, 2 ... as int32 bits in float32."""
    return np.arange(pixels, dtype=np.int32).view(np.float32)


@lru_cache(512)
def _size(*numbers: int) -> Array:
    return np.array(numbers, np.int64)


def _tasks(lines: int, elements: int) -> int:
    """Return into how many runs to cut ``lines`` rows that hold ``elements`` in all."""
    return max(1, min(lines, 64, elements // GRAIN))


def _max(x: Array, rows: Array, cols: Array, dilation: Pair) -> tuple[Array, Array]:
    n, h, w, c = x.shape
    y = empty((n, len(rows), len(cols), c))
    index = empty(y.shape, np.int32)
    size = _size(n, h, w, c, *dilation)
    marks = flat(index).view(np.float32)
    _max_pool(flat(x), flat(y), marks, _marks(h * w), rows, cols, size, _tasks(n * len(rows), x.size))
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
    size = _size(n, oh, ow, c)
    tasks = _tasks(n * hw[0], gx.size)
    _max_pool_grad(flat(g), marks, flat(gx), _marks(hw[0] * hw[1]), rows, cols, size, tasks)
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
        _max_pool_scatter(flat(g), flat(index), flat(gx), n, hw[0] * hw[1], oh * ow, c)
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
    _avg_pool(flat(x), flat(y), rows, cols, down, across, _size(n, h, w, c), _tasks(n * len(rows), x.size))
    return y


def _avg_back(g: Array, hw: Pair, rows: Array, cols: Array, down: Array, across: Array) -> Array:
    n, oh, ow, c = g.shape
    gx = empty((n, *hw, c))
    _avg_pool_grad(flat(g), flat(gx), rows, cols, down, across, _size(n, oh, ow, c), _tasks(n * hw[0], gx.size))
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
