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
from .simd import LANES, fma, load, load_first, maximum, splat, store, store_first, where_gt

SPAN = 4 * LANES
"""Floats of a wide row, at least; so many columns are summed at a time, and memory is read line after line."""

BLOCK = 1 << 14
"""Floats of a block: 64 KiB."""


@inline
def _moments(x: Array, at: int, rows: int, width: int, part: Array, o: int, n: int) -> None:
    """part[o:o+n] = the means of n columns, part[o+width:] = their sums of squares around the means."""
    zero, share = splat(np.float32(0)), splat(np.float32(1.0 / rows))
    m0 = m1 = m2 = m3 = e0 = e1 = e2 = e3 = q0 = q1 = q2 = q3 = zero
    n1, n2, n3 = n - LANES, n - 2 * LANES, n - 3 * LANES
    for i in range(at, at + rows * width, width):
        m0 = m0 + load_first(x, i, n)
        m1 = m1 + load_first(x, i + LANES, n1)
        m2 = m2 + load_first(x, i + 2 * LANES, n2)
        m3 = m3 + load_first(x, i + 3 * LANES, n3)
    m0, m1, m2, m3 = m0 * share, m1 * share, m2 * share, m3 * share
    # The means are rounded; what is left over, e, corrects them and the squares.
    for i in range(at, at + rows * width, width):
        d0 = load_first(x, i, n) - m0
        d1 = load_first(x, i + LANES, n1) - m1
        d2 = load_first(x, i + 2 * LANES, n2) - m2
        d3 = load_first(x, i + 3 * LANES, n3) - m3
        e0, e1, e2, e3 = e0 + d0, e1 + d1, e2 + d2, e3 + d3
        q0, q1, q2, q3 = fma(d0, d0, q0), fma(d1, d1, q1), fma(d2, d2, q2), fma(d3, d3, q3)
    _store_moments(part, o, width, m0, e0, q0, share, n)
    _store_moments(part, o + LANES, width, m1, e1, q1, share, n1)
    _store_moments(part, o + 2 * LANES, width, m2, e2, q2, share, n2)
    _store_moments(part, o + 3 * LANES, width, m3, e3, q3, share, n3)


@inline
def _store_moments(part: Array, o: int, width: int, m: Any, e: Any, q: Any, share: Any, n: int) -> None:
    store_first(part, o, fma(e, share, m), n)
    store_first(part, o + width, fma(splat(np.float32(0)) - e * share, e, q), n)


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
        for c in range(0, width - SPAN + 1, SPAN):
            _moments(x, at + c, count, width, part, b * span + c, SPAN)
        c = width // SPAN * SPAN
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
def _counting(
    g: Array, x: Array, s: Array, kept: Array, i: int, m: Any, sm: Any, sa: Any, sb: Any, keeps: bool, n: int
) -> Any:
    """Return g' and x - m at i."""
    zero = splat(np.float32(0))
    counts = where_gt(fma(load_first(s, i, n) - sm, sa, sb), zero, load_first(g, i, n), zero)
    if keeps:
        store_first(kept, i, counts, n)
    return counts, load_first(x, i, n) - m


@inline
def _sums(
    g: Array, x: Array, s: Array, kept: Array, p: Array, at: int, rows: int, width: int, c: int, wide: int,
    keeps: bool, part: Array, o: int, n: int,
) -> None:  # fmt: skip
    """part[o:o+n] = sum g', part[o+width:] = sum g' (x - m) of n columns; p holds m, then the map (sm, sa, sb)."""
    b0 = w0 = splat(np.float32(0))
    m, sm = load_first(p, c, n), load_first(p, wide + c, n)
    sa, sb = load_first(p, 2 * wide + c, n), load_first(p, 3 * wide + c, n)
    for i in range(at, at + rows * width, width):
        counts, d = _counting(g, x, s, kept, i, m, sm, sa, sb, keeps, n)
        b0 = b0 + counts
        w0 = fma(counts, d, w0)
    store_first(part, o, b0, n)
    store_first(part, o + width, w0, n)


@inline
def _sums4(
    g: Array, x: Array, s: Array, kept: Array, p: Array, at: int, rows: int, width: int, c: int, wide: int,
    keeps: bool, part: Array, o: int,
) -> None:  # fmt: skip
    """The same for four vectors of columns side by side, so that memory is read line after line."""
    b0 = b1 = b2 = b3 = w0 = w1 = w2 = w3 = splat(np.float32(0))
    c1, c2, c3 = c + LANES, c + 2 * LANES, c + 3 * LANES
    m0, m1, m2, m3 = load(p, c), load(p, c1), load(p, c2), load(p, c3)
    sm0, sm1, sm2, sm3 = load(p, wide + c), load(p, wide + c1), load(p, wide + c2), load(p, wide + c3)
    k = 2 * wide
    sa0, sa1, sa2, sa3 = load(p, k + c), load(p, k + c1), load(p, k + c2), load(p, k + c3)
    k = 3 * wide
    sb0, sb1, sb2, sb3 = load(p, k + c), load(p, k + c1), load(p, k + c2), load(p, k + c3)
    for i in range(at, at + rows * width, width):
        counts, d = _counting(g, x, s, kept, i, m0, sm0, sa0, sb0, keeps, LANES)
        b0 = b0 + counts
        w0 = fma(counts, d, w0)
        counts, d = _counting(g, x, s, kept, i + LANES, m1, sm1, sa1, sb1, keeps, LANES)
        b1 = b1 + counts
        w1 = fma(counts, d, w1)
        counts, d = _counting(g, x, s, kept, i + 2 * LANES, m2, sm2, sa2, sb2, keeps, LANES)
        b2 = b2 + counts
        w2 = fma(counts, d, w2)
        counts, d = _counting(g, x, s, kept, i + 3 * LANES, m3, sm3, sa3, sb3, keeps, LANES)
        b3 = b3 + counts
        w3 = fma(counts, d, w3)
    store(part, o, b0)
    store(part, o + LANES, b1)
    store(part, o + 2 * LANES, b2)
    store(part, o + 3 * LANES, b3)
    store(part, o + width, w0)
    store(part, o + width + LANES, w1)
    store(part, o + width + 2 * LANES, w2)
    store(part, o + width + 3 * LANES, w3)


@spread
def _grad_sums(
    worker: int, workers: int, g: Array, x: Array, s: Array, kept: Array, keeps: bool, p: Array, part: Array,
    rows: int, channels: int, fold: int, height: int, blocks: int,
) -> None:  # fmt: skip
    """part: of each block sum g', then sum g' (x - m), each fold * channels long."""
    wide = fold * channels
    for b in range(worker * blocks // workers, (worker + 1) * blocks // workers):
        at, count, width = _block(rows, fold, channels, height, b)
        quads = width // SPAN * SPAN
        for c in range(0, quads, SPAN):
            _sums4(g, x, s, kept, p, at + c, count, width, c, wide, keeps, part, b * 2 * wide + c)
        for c in range(quads, width - LANES + 1, LANES):
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
