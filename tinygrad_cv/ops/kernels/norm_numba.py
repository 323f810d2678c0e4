"""Batch normalisation, compiled: float32 rows of channels (P, C), each pass reading memory once.

Training takes two passes forward (statistics, apply) and two backward (sums, apply); a ReLU and a residual branch
that follow ride along for nothing or for one more reading. See `norm_loops` for the algebra.

Wide rows. A row of 16 channels is one vector; loops that short are mostly loop. The memory of P rows of C channels is
also that of P/k rows of k*C, so k pixels are taken as one row of at least ``SPAN`` floats, its column j belonging to
channel j mod C. The P mod k pixels that remain form a last, narrow block.

Statistics. Rows are cut into blocks that stay in the first two caches; in each the mean is taken first, then
the sum q of squares around it. Blocks merge by (Chan, Golub and LeVeque 1983, eq. 2.1, for many parts at once)

    m = sum n_i m_i / P        v = sum (q_i + n_i (m_i - m)^2) / P

in float64. So nothing cancels, whatever the mean, and the order of every sum depends on P and C alone, not on threads.

ReLU backward needs to know where y was positive. Where y came from x alone, the kernel computes it again: that is one
multiplication in a loop that waits for memory, and spares a third of what is read. What bounds all of it is memory:
training reads or writes the activation eight times (with a residual, eleven), near the speed of a plain copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, kernel, spread
from .memory import empty, flat
from .simd import LANES, fma, load_first, maximum, splat, store_first, where_gt

SPAN = 4 * LANES
"""Floats of a wide row, at least."""

PAIR = 2 * LANES
"""Columns summed at a time: two vectors, side by side in one or two cache lines."""

BLOCK = 1 << 14
"""Floats of a block: 64 KiB."""


@inline
def _moments(x: Array, at: int, rows: int, width: int, part: Array, o: int, n: int) -> None:
    """part[o:o+n] = the means of n columns, part[o+width:] = their sums of squares around the means."""
    zero, share = splat(np.float32(0)), splat(np.float32(1.0 / rows))
    m0 = m1 = e0 = e1 = q0 = q1 = zero
    for i in range(at, at + rows * width, width):
        m0 = m0 + load_first(x, i, n)
        m1 = m1 + load_first(x, i + LANES, n - LANES)
    m0 = m0 * share
    m1 = m1 * share
    # The means are rounded; what is left over, e, corrects them and the squares.
    for i in range(at, at + rows * width, width):
        d0 = load_first(x, i, n) - m0
        d1 = load_first(x, i + LANES, n - LANES) - m1
        e0 = e0 + d0
        e1 = e1 + d1
        q0 = fma(d0, d0, q0)
        q1 = fma(d1, d1, q1)
    store_first(part, o, fma(e0, share, m0), n)
    store_first(part, o + LANES, fma(e1, share, m1), n - LANES)
    store_first(part, o + width, fma(zero - e0 * share, e0, q0), n)
    store_first(part, o + width + LANES, fma(zero - e1 * share, e1, q1), n - LANES)


@inline
def _block(rows: int, fold: int, channels: int, height: int, b: int) -> tuple[int, int, int]:
    """Return where block b starts, how many rows it has, and how wide they are."""
    wide = rows // fold
    if b * height < wide:
        return b * height * fold * channels, min(height, wide - b * height), fold * channels
    return wide * fold * channels, rows - wide * fold, channels


@spread
def _stats(
    worker: int, workers: int, x: Array, part: Array, rows: int, channels: int, fold: int, height: int, blocks: int
) -> None:
    """part: of each block the means, then the sums of squares, each fold * channels long."""
    span = 2 * fold * channels
    for b in range(worker * blocks // workers, (worker + 1) * blocks // workers):
        at, count, width = _block(rows, fold, channels, height, b)
        for c in range(0, width - PAIR + 1, PAIR):
            _moments(x, at + c, count, width, part, b * span + c, PAIR)
        c = width // PAIR * PAIR
        if c < width:
            _moments(x, at + c, count, width, part, b * span + c, width - c)


@kernel()
def _merge(
    part: Array, out: Array, rows: int, channels: int, fold: int, height: int, blocks: int, moments: bool
) -> None:
    """out: of each channel the mean and the variance, or the two sums, from those of all blocks, in float64."""
    out[:] = 0.0
    span = 2 * fold * channels
    for b in range(blocks):
        count, width = _block(rows, fold, channels, height, b)[1:]
        share = count / rows if moments else 1.0
        for o in range(b * span, b * span + width, channels):
            for c in range(channels):
                out[c] += share * part[o + c]
                out[channels + c] += part[o + width + c]
    if moments:
        for b in range(blocks):
            count, width = _block(rows, fold, channels, height, b)[1:]
            for o in range(b * span, b * span + width, channels):
                for c in range(channels):
                    d = part[o + c] - out[c]
                    out[channels + c] += count * d * d
        for c in range(channels, 2 * channels):
            out[c] /= rows


@inline
def _affine(
    x: Array, add: Array, y: Array, p: Array, i: int, c: int, width: int, floor: Any, adds: bool, n: int
) -> None:
    """y[i:i+n] = max((x - m) * a + b + add, floor); p holds m, a and b, each ``width`` long."""
    z = fma(load_first(x, i, n) - load_first(p, c, n), load_first(p, width + c, n), load_first(p, 2 * width + c, n))
    if adds:
        z = z + load_first(add, i, n)
    store_first(y, i, maximum(z, splat(floor)), n)


@spread
def _apply(
    worker: int, workers: int, x: Array, add: Array, y: Array, p: Array, width: int, floor: Any, adds: bool
) -> None:
    """Rows of ``width`` floats, the last one perhaps shorter, a run of them for each thread."""
    rows = (len(x) + width - 1) // width
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        at = row * width
        stop = min(width, len(x) - at)
        for c in range(0, stop - LANES + 1, LANES):
            _affine(x, add, y, p, at + c, c, width, floor, adds, LANES)
        c = stop // LANES * LANES
        if c < stop:
            _affine(x, add, y, p, at + c, c, width, floor, adds, stop - c)


# What counts of g backward: g where s, mapped like x in the forward pass, was positive. Without a ReLU the map is
# s -> 0 * s + 1; where y itself is given, it is s -> y. One rule serves all, so the kernels have no cases.


@inline
def _sums(
    g: Array, x: Array, s: Array, kept: Array, p: Array, at: int, rows: int, width: int, c: int, wide: int,
    keeps: bool, part: Array, o: int, n: int,
) -> None:  # fmt: skip
    """part[o:o+n] = sum g', part[o+width:] = sum g' (x - m) of n columns; p holds m, then the map (sm, sa, sb)."""
    zero = splat(np.float32(0))
    m = load_first(p, c, n)
    sm, sa, sb = load_first(p, wide + c, n), load_first(p, 2 * wide + c, n), load_first(p, 3 * wide + c, n)
    b0 = w0 = zero
    for i in range(at, at + rows * width, width):
        counts = where_gt(fma(load_first(s, i, n) - sm, sa, sb), zero, load_first(g, i, n), zero)
        if keeps:
            store_first(kept, i, counts, n)
        b0 = b0 + counts
        w0 = fma(counts, load_first(x, i, n) - m, w0)
    store_first(part, o, b0, n)
    store_first(part, o + width, w0, n)


@spread
def _grad_sums(
    worker: int, workers: int, g: Array, x: Array, s: Array, kept: Array, keeps: bool, p: Array, part: Array,
    rows: int, channels: int, fold: int, height: int, blocks: int,
) -> None:  # fmt: skip
    """part: of each block sum g', then sum g' (x - m), each fold * channels long."""
    wide = fold * channels
    for b in range(worker * blocks // workers, (worker + 1) * blocks // workers):
        at, count, width = _block(rows, fold, channels, height, b)
        for c in range(0, width - LANES + 1, LANES):
            _sums(g, x, s, kept, p, at + c, count, width, c, wide, keeps, part, b * 2 * wide + c, LANES)
        c = width // LANES * LANES
        if c < width:
            _sums(g, x, s, kept, p, at + c, count, width, c, wide, keeps, part, b * 2 * wide + c, width - c)


@inline
def _slope(g: Array, x: Array, s: Array, gx: Array, p: Array, i: int, c: int, width: int, n: int) -> None:
    """gx[i:i+n] = a g' - d - k (x - m); p holds m, sm, sa, sb, a, d and k, each ``width`` long."""
    zero = splat(np.float32(0))
    z = fma(
        load_first(s, i, n) - load_first(p, width + c, n),
        load_first(p, 2 * width + c, n),
        load_first(p, 3 * width + c, n),
    )
    counts = where_gt(z, zero, load_first(g, i, n), zero)
    shared = fma(
        load_first(p, 6 * width + c, n), load_first(x, i, n) - load_first(p, c, n), load_first(p, 5 * width + c, n)
    )
    store_first(gx, i, fma(load_first(p, 4 * width + c, n), counts, zero - shared), n)


@spread
def _grad_apply(worker: int, workers: int, g: Array, x: Array, s: Array, gx: Array, p: Array, width: int) -> None:
    """Rows of ``width`` floats, the last one perhaps shorter, a run of them for each thread."""
    rows = (len(x) + width - 1) // width
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        at = row * width
        stop = min(width, len(x) - at)
        for c in range(0, stop - LANES + 1, LANES):
            _slope(g, x, s, gx, p, at + c, c, width, LANES)
        c = stop // LANES * LANES
        if c < stop:
            _slope(g, x, s, gx, p, at + c, c, width, stop - c)


Chart = tuple[Array | float | None, Array | float | None, Array | float | None]


def _partition(rows: int, channels: int) -> tuple[int, int, int]:
    """Return how many pixels make a wide row, how many wide rows a block, and how many blocks there are."""
    fold = max(1, min(SPAN // channels, rows))
    height = max(BLOCK // (fold * channels), 32)
    wide = rows // fold
    return fold, height, -(-wide // height) + (rows % fold > 0)


def _tiled(fold: int, channels: int, *parts: Array | float | None) -> Array:
    """Return rows of channels, each repeated ``fold`` times, as one flat array."""
    out = np.empty((len(parts), fold, channels), np.float32)
    for row, part in zip(out, parts, strict=True):
        row[...] = 0 if part is None else part
    return out.reshape(-1)


def _workers(elements: int) -> int:
    """Return how many threads are worth their launch."""
    return max(1, min(get_num_threads(), elements // BLOCK))


def batch_norm_stats(x: Array) -> tuple[Array, Array]:
    """See `norm_loops.batch_norm_stats`."""
    rows, channels = x.shape
    fold, height, blocks = _partition(rows, channels)
    part, out = np.empty(blocks * 2 * fold * channels, np.float32), np.empty(2 * channels)
    _stats(_workers(x.size), flat(x), part, rows, channels, fold, height, blocks)
    _merge(part, out, rows, channels, fold, height, blocks, True)
    both = out.astype(np.float32)
    return both[:channels], both[channels:]


def batch_norm_apply(
    x: Array,
    mean: Array,
    r: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    residual: Array | None = None,
    relu: bool = False,
) -> Array:
    """See `norm_loops.batch_norm_apply`."""
    rows, channels = x.shape
    fold = _partition(rows, channels)[0]
    y = empty(x.shape)
    p = _tiled(fold, channels, mean, r if weight is None else weight * r, bias)
    add = flat(x if residual is None else residual)
    floor = np.float32(0 if relu else -np.inf)
    _apply(_workers(x.size), flat(x), add, flat(y), p, fold * channels, floor, residual is not None)
    return y


def batch_norm_grad(
    g: Array,
    x: Array,
    mean: Array,
    r: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    y: Array | None = None,
    relu: bool = False,
    residual: bool = False,
    training: bool = True,
) -> tuple[Array, ...]:
    """See `norm_loops.batch_norm_grad`."""
    rows, channels = x.shape
    fold, height, blocks = _partition(rows, channels)
    workers, width = _workers(x.size), fold * channels
    a = r if weight is None else weight * r
    everything: Chart = (mean, 0, 1)
    source, chart = x, everything
    if relu:
        source, chart = (x, (mean, a, bias)) if y is None else (y, (0, 1, 0))
    part, out = np.empty(blocks * 2 * width, np.float32), np.empty(2 * channels)
    gx, gr = empty(x.shape), g
    p = _tiled(fold, channels, mean, *chart, a, None, None)
    if residual and relu:
        gr = empty(x.shape)
    _grad_sums(
        workers, flat(g), flat(x), flat(source), flat(gr), gr is not g, p, part, rows, channels, fold, height, blocks
    )
    _merge(part, out, rows, channels, fold, height, blocks, False)
    gb, gw = out[:channels], out[channels:] * r
    if gr is not g:
        source, p = x, _tiled(fold, channels, mean, *everything, a, None, None)
    if training:
        by_channel = p.reshape(7, fold, channels)
        by_channel[5] = a * gb / rows
        by_channel[6] = a * r * gw / rows
    _grad_apply(workers, flat(gr), flat(x), flat(source), flat(gx), p, width)
    grads = (gx, gw.astype(np.float32), gb.astype(np.float32))
    return (*grads, gr) if residual else grads
