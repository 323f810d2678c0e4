"""Batch normalisation, compiled: float32 rows of channels (P, C), each pass reading memory once.

Training takes two passes forward (statistics, apply) and two backward (sums, apply); a ReLU and a residual branch
that follow ride along for nothing or for one more reading. See `norm_loops` for the algebra.

Wide rows. A row of 16 channels is one vector; loops that short are mostly loop. The memory of P rows of C channels is
also that of P/k rows of k*C, so k pixels are taken as one row of about ``SPAN`` floats or more, its column j belonging
to channel j mod C. The P mod k pixels that remain form a last, narrow block. Sums take four vectors of columns at a
time, whole rows where there are 64 channels or fewer, so that memory is read as it lies.

Statistics. Rows are cut into blocks; in each, sums are taken around a number t near the mean,

    e = sum (x - t)        q = sum (x - t)^2        m_i = t + e/n        q_i = q - e^2/n

where t is the mean of the first eighth of the block's rows. What q - e^2/n cancels is n (m_i - t)^2. Were these rows
as far from the others as you like, they would themselves make q_i at least n/8 (m_i - t)^2: so q is at most 9 q_i,
and three bits are lost, whatever the mean. Blocks merge by (Chan, Golub and LeVeque 1983, eq. 2.1, for many parts)

    m = sum n_i m_i / P        v = sum (q_i + n_i (m_i - m)^2) / P

in float64. The order of every sum depends on P and C alone, not on threads.

ReLU backward needs to know where y was positive. Where y came from x alone, the kernel computes it again: that is one
multiplication in a loop that waits for memory, and spares a third of what is read. What bounds all of it is memory:
training reads or writes the activation eight times (with a residual, eleven), near the speed of a plain copy. The
second pass goes from the last rows to the first, for the last are what the caches still hold of the first pass.

The file is long because the four passes share how rows are folded, cut into blocks and charted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, kernel, spread
from .memory import empty, flat
from .simd import LANES, fma, load_first, maximum, splat, store_first, where_gt

SPAN = 4 * LANES
"""Floats of a wide row, about, and columns summed at a time: four vectors side by side."""

GRAIN = 1 << 14
"""Floats that are worth another thread."""

BAND, LARGE = 512, 1 << 20
"""Floats that are summed before the next columns are, where a row has more than SPAN and x more than LARGE: else eight
times as many. Memory is best read line after line: bands of 16 KiB took twice as long for 16384 x 128 with a residual,
and so did second passes of rows from the last to the first, instead of runs of rows."""

RUN = 1 << 13
"""Floats that a second pass takes from first to last; its runs follow each other from the last to the first."""

TALL, LONG = 256, 1024
"""Rows of a block: as few as make 64 blocks, which many threads can share, but within these."""


@inline
def _begin(x: Array, at: int, rows: int, width: int, part: Array, o: int, wide: int, n: int) -> None:
    """Of n columns: e = part[o:] and q = part[o+wide:] begin at 0, and t = part[o+2*wide:] is the mean of some rows."""
    t0 = t1 = t2 = t3 = splat(np.float32(0))
    for i in range(at, at + rows * width, width):
        t0 = t0 + load_first(x, i, n)
        t1 = t1 + load_first(x, i + LANES, n - LANES)
        t2 = t2 + load_first(x, i + 2 * LANES, n - 2 * LANES)
        t3 = t3 + load_first(x, i + 3 * LANES, n - 3 * LANES)
    zero, share = splat(np.float32(0)), splat(np.float32(1.0 / rows))
    _store_4(part, o, zero, zero, zero, zero, n)
    _store_4(part, o + wide, zero, zero, zero, zero, n)
    _store_4(part, o + 2 * wide, t0 * share, t1 * share, t2 * share, t3 * share, n)


@inline
def _store_4(part: Array, o: int, v0: Any, v1: Any, v2: Any, v3: Any, n: int) -> None:
    store_first(part, o, v0, n)
    store_first(part, o + LANES, v1, n - LANES)
    store_first(part, o + 2 * LANES, v2, n - 2 * LANES)
    store_first(part, o + 3 * LANES, v3, n - 3 * LANES)


@inline
def _moments(x: Array, at: int, rows: int, width: int, part: Array, o: int, wide: int, n: int) -> None:
    """Add some rows of n columns to e and q."""
    n1, n2, n3, o1, o2, o3 = n - LANES, n - 2 * LANES, n - 3 * LANES, o + LANES, o + 2 * LANES, o + 3 * LANES
    e0, e1 = load_first(part, o, n), load_first(part, o1, n1)
    e2, e3 = load_first(part, o2, n2), load_first(part, o3, n3)
    q0, q1 = load_first(part, o + wide, n), load_first(part, o1 + wide, n1)
    q2, q3 = load_first(part, o2 + wide, n2), load_first(part, o3 + wide, n3)
    t0, t1 = load_first(part, o + 2 * wide, n), load_first(part, o1 + 2 * wide, n1)
    t2, t3 = load_first(part, o2 + 2 * wide, n2), load_first(part, o3 + 2 * wide, n3)
    for i in range(at, at + rows * width, width):
        d0, d1 = load_first(x, i, n) - t0, load_first(x, i + LANES, n1) - t1
        d2, d3 = load_first(x, i + 2 * LANES, n2) - t2, load_first(x, i + 3 * LANES, n3) - t3
        e0, q0 = e0 + d0, fma(d0, d0, q0)
        e1, q1 = e1 + d1, fma(d1, d1, q1)
        e2, q2 = e2 + d2, fma(d2, d2, q2)
        e3, q3 = e3 + d3, fma(d3, d3, q3)
    _store_4(part, o, e0, e1, e2, e3, n)
    _store_4(part, o + wide, q0, q1, q2, q3, n)


@inline
def _settle(rows: int, part: Array, o: int, wide: int, n: int) -> None:
    """Turn e into the mean, and q into the sum of squares around it."""
    zero, e = splat(np.float32(0)), load_first(part, o, n)
    apart = e * splat(np.float32(1.0 / rows))
    q = fma(zero - apart, e, load_first(part, o + wide, n))
    store_first(part, o, load_first(part, o + 2 * wide, n) + apart, n)
    store_first(part, o + wide, maximum(q, zero), n)


@inline
def _block(rows: int, fold: int, channels: int, height: int, b: int) -> tuple[int, int, int]:
    """Return where block b starts, how many rows it has, and how wide they are."""
    wide = rows // fold
    if b * height < wide:
        return b * height * fold * channels, min(height, wide - b * height), fold * channels
    return wide * fold * channels, rows - wide * fold, channels


@inline
def _step(x: Array, rows: int, width: int) -> int:
    """Return how many rows of a block are summed before the next columns are."""
    return rows if width <= SPAN else max(1, (BAND if len(x) > LARGE else 8 * BAND) // width)


@spread
def _stats(
    worker: int, workers: int, x: Array, part: Array, rows: int, channels: int, fold: int, height: int, blocks: int
) -> None:
    """part: of each block the means, the sums of squares, and t, each fold * channels long."""
    wide = fold * channels
    for b in range(worker * blocks // workers, (worker + 1) * blocks // workers):
        at, count, width = _block(rows, fold, channels, height, b)
        o, step = 3 * b * wide, _step(x, count, width)
        for c in range(0, width, SPAN):
            _begin(x, at + c, (count + 7) // 8, width, part, o + c, wide, width - c)
        for row in range(0, count, step):
            for c in range(0, width, SPAN):
                _moments(x, at + row * width + c, min(step, count - row), width, part, o + c, wide, width - c)
        for c in range(0, width, LANES):
            _settle(count, part, o + c, wide, width - c)


@kernel
def _merge(part: Array, both: Array, out: Array, rows: int, channels: int, fold: int, height: int, blocks: int) -> None:
    """out: of each channel the mean, then the variance, from those of all blocks; both: the same in float64."""
    both[:] = 0.0
    wide = fold * channels
    for b in range(blocks):
        count, width = _block(rows, fold, channels, height, b)[1:]
        share = count / rows
        for o in range(3 * b * wide, 3 * b * wide + width, channels):
            for c in range(channels):
                both[c] += share * part[o + c]
    for b in range(blocks):
        count, width = _block(rows, fold, channels, height, b)[1:]
        for o in range(3 * b * wide, 3 * b * wide + width, channels):
            for c in range(channels):
                d = part[o + c] - both[c]
                both[channels + c] += part[o + wide + c] + count * d * d
    for c in range(channels):
        out[c], out[channels + c] = both[c], both[channels + c] / rows


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
    """Rows of ``width`` floats, the last one perhaps shorter, a run of them for each thread, from its last."""
    rows, run = (len(x) + width - 1) // width, max(1, RUN // width)
    first, last = worker * rows // workers, (worker + 1) * rows // workers
    for end in range(last, first, -run):
        for at in range(max(first, end - run) * width, end * width, width):
            stop = min(width, len(x) - at)
            for c in range(0, stop - LANES + 1, LANES):
                _affine(x, add, y, p, at + c, c, width, floor, adds, LANES)
            c = stop // LANES * LANES
            if c < stop:
                _affine(x, add, y, p, at + c, c, width, floor, adds, stop - c)


# What counts of g backward: g where s, mapped like x in the forward pass, was positive. Without a ReLU the map is
# s -> 0 * s + 1; where y itself is given, it is s -> y. One rule serves all, so the kernels have no cases.


@inline
def _counts(
    g: Array, more: Array, s: Array, kept: Array, i: int, sm: Any, sa: Any, sb: Any, keeps: bool, others: int, n: int
) -> Any:
    """Return what counts of g[i:i+n], and keep it; then ``others`` lanes of ``more``, all or none, are added first."""
    zero, z = splat(np.float32(0)), fma(load_first(s, i, n) - sm, sa, sb)
    counts = load_first(g, i, n)
    if keeps:
        counts = where_gt(z, zero, counts + load_first(more, i, min(n, others)), zero)
        store_first(kept, i, counts, n)
        return counts
    return where_gt(z, zero, counts, zero)


@inline
def _chart(p: Array, c: int, wide: int, n: int) -> Any:
    """Return m and the map (sm, sa, sb) of n columns."""
    k = c + 2 * wide
    return load_first(p, c, n), load_first(p, c + wide, n), load_first(p, k, n), load_first(p, k + wide, n)


@inline
def _sums(
    g: Array, more: Array, x: Array, s: Array, kept: Array, p: Array, at: int, rows: int, width: int, c: int, wide: int,
    keeps: bool, others: int, part: Array, o: int, n: int,
) -> None:  # fmt: skip
    """Add some rows of n columns to part[o:o+n] = sum g' and part[o+wide:] = sum g' (x - m)."""
    n1, n2, n3, o1, o2, o3 = n - LANES, n - 2 * LANES, n - 3 * LANES, o + LANES, o + 2 * LANES, o + 3 * LANES
    m0, sm0, sa0, sb0 = _chart(p, c, wide, n)
    m1, sm1, sa1, sb1 = _chart(p, c + LANES, wide, n1)
    m2, sm2, sa2, sb2 = _chart(p, c + 2 * LANES, wide, n2)
    m3, sm3, sa3, sb3 = _chart(p, c + 3 * LANES, wide, n3)
    b0, b1 = load_first(part, o, n), load_first(part, o1, n1)
    b2, b3 = load_first(part, o2, n2), load_first(part, o3, n3)
    w0, w1 = load_first(part, o + wide, n), load_first(part, o1 + wide, n1)
    w2, w3 = load_first(part, o2 + wide, n2), load_first(part, o3 + wide, n3)
    for i in range(at, at + rows * width, width):
        i1, i2, i3 = i + LANES, i + 2 * LANES, i + 3 * LANES
        k0 = _counts(g, more, s, kept, i, sm0, sa0, sb0, keeps, others, n)
        k1 = _counts(g, more, s, kept, i1, sm1, sa1, sb1, keeps, others, n1)
        k2 = _counts(g, more, s, kept, i2, sm2, sa2, sb2, keeps, others, n2)
        k3 = _counts(g, more, s, kept, i3, sm3, sa3, sb3, keeps, others, n3)
        b0, w0 = b0 + k0, fma(k0, load_first(x, i, n) - m0, w0)
        b1, w1 = b1 + k1, fma(k1, load_first(x, i1, n1) - m1, w1)
        b2, w2 = b2 + k2, fma(k2, load_first(x, i2, n2) - m2, w2)
        b3, w3 = b3 + k3, fma(k3, load_first(x, i3, n3) - m3, w3)
    _store_4(part, o, b0, b1, b2, b3, n)
    _store_4(part, o + wide, w0, w1, w2, w3, n)


@spread
def _grad_sums(
    worker: int, workers: int, g: Array, more: Array, x: Array, s: Array, kept: Array, keeps: bool, others: int,
    p: Array, part: Array, rows: int, channels: int, fold: int, height: int, blocks: int,
) -> None:  # fmt: skip
    """part: of each block sum g', then sum g' (x - m), each fold * channels long."""
    wide = fold * channels
    for b in range(worker * blocks // workers, (worker + 1) * blocks // workers):
        at, count, width = _block(rows, fold, channels, height, b)
        o, step = 2 * b * wide, _step(x, count, width)
        part[o : o + 2 * wide] = 0.0
        for row in range(0, count, step):
            first, n = at + row * width, min(step, count - row)
            for c in range(0, width, SPAN):
                _sums(g, more, x, s, kept, p, first + c, n, width, c, wide, keeps, others, part, o + c, width - c)


@kernel
def _grad_merge(
    part: Array, both: Array, out: Array, r: Array, p: Array, rows: int, channels: int, fold: int, height: int,
    blocks: int, training: bool,
) -> None:  # fmt: skip
    """out: of each channel gw, then gb; and d and k of `_slope` to their places in p, after a."""
    both[:] = 0.0
    wide = fold * channels
    for b in range(blocks):
        width = _block(rows, fold, channels, height, b)[2]
        for o in range(2 * b * wide, 2 * b * wide + width, channels):
            for c in range(channels):
                both[c] += part[o + c]
                both[channels + c] += part[o + wide + c]
    for c in range(channels):
        gb, gw = both[c], both[channels + c] * r[c]
        out[c], out[channels + c] = gw, gb
        for j in range(c, wide, channels):
            share = p[4 * wide + j] / rows if training else 0.0
            p[5 * wide + j], p[6 * wide + j] = share * gb, share * gw * r[c]


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
    """Rows of ``width`` floats, the last one perhaps shorter, a run of them for each thread, from its last."""
    rows, run = (len(x) + width - 1) // width, max(1, RUN // width)
    first, last = worker * rows // workers, (worker + 1) * rows // workers
    for end in range(last, first, -run):
        for at in range(max(first, end - run) * width, end * width, width):
            stop = min(width, len(x) - at)
            for c in range(0, stop - LANES + 1, LANES):
                _slope(g, x, s, gx, p, at + c, c, width, LANES)
            c = stop // LANES * LANES
            if c < stop:
                _slope(g, x, s, gx, p, at + c, c, width, stop - c)


Row = Array | float | None
Chart = tuple[Row, Row, Row]


def _partition(rows: int, channels: int) -> tuple[int, int, int]:
    """Return how many pixels make a wide row, how many wide rows a block, and how many blocks there are."""
    fold = max(1, min(SPAN // channels, rows))
    wide = rows // fold
    height = min(max(wide // 64, TALL), LONG)
    return fold, height, -(-wide // height) + (rows % fold > 0)


def _tiled(fold: int, channels: int, *parts: Row) -> Array:
    """Return rows of channels, each repeated ``fold`` times, as one flat array."""
    out = np.empty((len(parts), fold, channels), np.float32)
    for row, part in zip(out, parts, strict=True):
        row[...] = 0 if part is None else part
    return out.reshape(-1)


def _workers(elements: int) -> int:
    """Return how many threads are worth their launch."""
    return max(1, min(get_num_threads(), elements // GRAIN))


def batch_norm_stats(x: Array) -> tuple[Array, Array]:
    """See `norm_loops.batch_norm_stats`."""
    rows, channels = x.shape
    fold, height, blocks = _partition(rows, channels)
    part, both = np.empty(blocks * 3 * fold * channels, np.float32), np.empty(2 * channels)
    out = np.empty(2 * channels, np.float32)
    _stats(_workers(x.size), flat(x), part, rows, channels, fold, height, blocks)
    _merge(part, both, out, rows, channels, fold, height, blocks)
    return out[:channels], out[channels:]


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
    more: Array | None = None,
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
    part, both = np.empty(blocks * 2 * width, np.float32), np.empty(2 * channels)
    gx, gr = empty(x.shape), empty(x.shape) if residual and relu else g
    keeps = gr is not g
    p, out = _tiled(fold, channels, mean, *chart, a, None, None), np.empty(2 * channels, np.float32)
    second, others = (flat(g), 0) if more is None else (flat(more), LANES)
    _grad_sums(
        workers, flat(g), second, flat(x), flat(source), flat(gr), keeps, others, p, part, rows, channels, fold, height,
        blocks,
    )  # fmt: skip
    _grad_merge(part, both, out, np.ascontiguousarray(r), p, rows, channels, fold, height, blocks, training)
    if keeps:  # what counts is known now
        source, p[width : 4 * width] = x, _tiled(fold, channels, *everything)
    _grad_apply(workers, flat(gr), flat(x), flat(source), flat(gx), p, width)
    grads = (gx, out[:channels], out[channels:])
    return (*grads, gr) if residual else grads
