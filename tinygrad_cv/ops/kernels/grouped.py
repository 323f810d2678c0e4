"""Convolution in small groups: lanes are channels, several groups side by side, and no lane is idle.

Groups of G channels and G filters, G = 2, 4 or 8, are too narrow for the tiles of `direct`, which give each group
a vector of filters of its own. Here a vector holds LANES filters of LANES / G groups. Filter o needs the G channels of
its group, and they lie in the same lanes of x, for there are as many channels as filters. With ^ for "exclusive or",

    o ^ 0, o ^ 1, ..., o ^ (G - 1)      are the numbers of the channels of the group of o,

so that, with the weights in the order u[tap, k, o] = w[o, (o ^ k) mod G, tap],

    y[pixel, o] = sum over taps, over k < G of x[pixel + tap, o ^ k] * u[tap, k, o]

where x at o ^ k is a vector of x with its lanes exchanged, one instruction, and none for k = 0. The input gradient is
the same sum over g, with u[tap, k, c] = w[c ^ k, c mod G, tap]; the gradient of the latter is the weight gradient,

    gu[tap, k, c] = sum over pixels of x[pixel + tap, c] * g[pixel, c ^ k]

Taps and grids are those of `depthwise`; forward there is one launch, backward one for each phase of the stride:

    for line: for eight pixels: for vector of channels:
        for tap, for k: y[8 pixels] += x[8 pixels + tap, o ^ k] * u[tap, k, o]          (y stays in registers)

Where a tap leaves the image, what the eight pixels see is copied first, with zeros around. The last vector may overlap
the one before it: both then hold whole groups, and the same results. What the next eight will read is asked for early,
for it comes in pieces that the CPU does not guess: 8x128x56x56 takes a quarter less.

The twin in plain loops is `conv_loops`.
"""

# mypy: disable-error-code="misc, no-untyped-call, no-any-return, attr-defined, untyped-decorator, call-arg"
from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ...typing import Array
from . import depthwise
from .depthwise import Grid
from .direct import clear, copy
from .jit import inline, spread
from .simd import I32, LANES, VECTOR, as_vector, ask, broadcast, call, element, prefetch

NARROW = tuple(G for G in (2, 4, 8) if G < LANES)
"""The G for which there is code."""

I64 = ir.IntType(64)
_table = types.Array(types.int64, 1, "C")
_flat = types.Array(types.float32, 1, "C")
_i = types.intp


def _vector_at(builder: Any, address: Any) -> Any:
    return builder.load(as_vector(builder, address), align=4)


def _exchanged(builder: Any, v: Any, k: int) -> Any:
    """Emit v with lane o ^ k in lane o."""
    lanes = ir.Constant(ir.VectorType(I32, LANES), [lane ^ k for lane in range(LANES)])
    return builder.shuffle_vector(v, ir.Constant(VECTOR, ir.Undefined), lanes) if k else v


def _add_product(builder: Any, total: Any, a: Any, b: Any) -> None:
    """Emit total += a * b, where ``total`` is a variable."""
    builder.store(call(builder, f"llvm.fmuladd.v{LANES}f32", VECTOR, [a, b, builder.load(total)]), total)


def _if_equal(builder: Any, one: tuple[Any, int], other: tuple[Any, int]) -> Any:
    """Emit a branch for two numbers that have the given values."""
    return builder.if_then(builder.and_(*(builder.icmp_signed("==", a, I64(b)) for a, b in (one, other))))


@intrinsic
def _tile(
    context: Any, G: Any, T: Any, x: Any, x0: Any, x_step: Any, taps: Any, t0: Any, n_t: Any, u: Any, u0: Any,
    bias: Any, b0: Any, floor: Any, y: Any, y0: Any, y_step: Any, last: Any,
) -> Any:  # fmt: skip
    """Sum over all taps for eight pixels and one vector of filters; x[i], u[i], y[i] are vectors that begin there:

        for e in reversed(range(8)):
            y[y0 + min(e, last)*y_step] = max(floor, bias[b0] + sum over t < n_t, k < G of
                exchanged(x[x0 + taps[t0 + t] + e*x_step], k) * u[u0 + (t*G + k)*LANES])

    Pixels beyond the last one of a short line are computed from whatever follows, and then overwritten. Where T is 3,
    taps come in threes side by side, and eight pixels share what ten of them, exchanged, give; else T is 1.
    """
    kinds = types.void(
        _i, _i, _flat, _i, _i, _table, _i, _i, _flat, _i, _flat, _i, types.float32, _flat, _i, _i, _i
    )  # fmt: skip

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        G, T, x, x0, x_step, taps, t0, n_t, u, u0, bias, b0, floor, y, y0, y_step, last = args

        def at(number: int, array: Any, index: Any) -> Any:
            return element(context, builder, sig.args[number], array, index)

        places = []
        for e in range(8):
            near = builder.select(builder.icmp_signed("<", I64(e), last), I64(e), last)
            places.append(at(13, y, builder.add(y0, builder.mul(near, y_step))))
            prefetch(builder, places[e], True)
        start = _vector_at(builder, at(10, bias, b0))
        sums = [cgutils.alloca_once_value(builder, start) for _ in range(8)]
        for width, together in product(NARROW, (1, 3)):
            with _if_equal(builder, (G, width), (T, together)), cgutils.for_range(
                builder, builder.sdiv(n_t, I64(together))
            ) as loop:
                t = builder.mul(loop.index, I64(together))
                tap = builder.load(at(5, taps, builder.add(t0, t)))
                source = at(2, x, builder.add(x0, tap))
                weights = at(8, u, builder.add(u0, builder.mul(t, I64(width * LANES))))
                pixels = [
                    _vector_at(builder, builder.gep(source, [builder.mul(I64(e), x_step)])) for e in range(7 + together)
                ]
                for k in range(width):
                    places_of_u = [I64((m * width + k) * LANES) for m in range(together)]
                    line = [_vector_at(builder, builder.gep(weights, [place])) for place in places_of_u]
                    for e, pixel in enumerate(pixels):
                        other = _exchanged(builder, pixel, k)
                        for m in range(together):
                            if 0 <= e - m < 8:
                                _add_product(builder, sums[e - m], other, line[m])
        lowest = broadcast(builder, floor)
        for e in reversed(range(8)):
            total = builder.load(sums[e])
            total = builder.select(builder.fcmp_ordered("<", total, lowest), lowest, total)
            builder.store(total, as_vector(builder, places[e]), align=4)
        return context.get_dummy_value()

    return kinds, code


@intrinsic
def _sums(
    context: Any, G: Any, T: Any, x: Any, x0: Any, step: Any, taps: Any, t0: Any, g: Any, g0: Any, C: Any, n: Any,
    out: Any, out0: Any,
) -> Any:  # fmt: skip
    """Sum over n pixels for T taps, one or three, and one vector of channels:

        for t in range(T), k in range(G):
            out[out0 + (t*G + k)*LANES] += sum over j < n of
                x[x0 + taps[t0 + t] + j*step] * exchanged(g[g0 + j*C], k)

    Three taps share what is exchanged.
    """
    kinds = types.void(_i, _i, _flat, _i, _i, _table, _i, _flat, _i, _i, _i, _flat, _i)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        G, T, x, x0, step, taps, t0, g, g0, C, n, out, out0 = args

        def at(number: int, array: Any, index: Any) -> Any:
            return element(context, builder, sig.args[number], array, index)

        def emit(width: int, together: int) -> None:
            grid = [(t, k) for t in range(together) for k in range(width)]
            offsets = [builder.load(at(5, taps, builder.add(t0, I64(t)))) for t in range(together)]
            starts = [at(2, x, builder.add(x0, offset)) for offset in offsets]
            zero = ir.Constant(VECTOR, [0.0] * LANES)
            totals = {tk: cgutils.alloca_once_value(builder, zero) for tk in grid}
            with cgutils.for_range(builder, n) as loop:
                gradient = _vector_at(builder, at(7, g, builder.add(g0, builder.mul(loop.index, C))))
                pixels = [_vector_at(builder, builder.gep(a, [builder.mul(loop.index, step)])) for a in starts]
                for t, k in grid:
                    _add_product(builder, totals[t, k], pixels[t], _exchanged(builder, gradient, k))
            for t, k in grid:
                place = as_vector(builder, at(11, out, builder.add(out0, I64((t * width + k) * LANES))))
                total = builder.fadd(builder.load(place, align=4), builder.load(totals[t, k]))
                builder.store(total, place, align=4)

        for width, together in product(NARROW, (1, 3)):
            with _if_equal(builder, (G, width), (T, together)):
                emit(width, together)
        return context.get_dummy_value()

    return kinds, code


@inline
def _inside(rise: Array, slide: Array, d: Grid, i: int, j: int, n: int) -> Any:
    """Tell whether all taps of n pixels side by side, from pixel j of line i, lie in the image."""
    rows = i * d.SH + rise[0] >= 0 and i * d.SH + rise[-1] < d.H
    return rows and j * d.SW + slide[0] >= 0 and (j + n - 1) * d.SW + slide[-1] < d.W


@inline
def _hold(
    x: Array, rise: Array, slide: Array, d: Grid, n: int, i: int, j: int, width: int, held: Array, to: int
) -> None:
    """Copy ``width`` columns of the rows that the taps of pixel (i, j) see, with zeros outside the image."""
    for k in range(rise.size):
        h = i * d.SH + rise[k]
        for e in range(width):
            v = j * d.SW + slide[0] + e
            if h >= 0 and h < d.H and v >= 0 and v < d.W:
                copy(x, ((n * d.H + h) * d.W + v) * d.C, held, to, d.C)
            else:
                clear(held, to, d.C)
            to += d.C


@inline
def _ask_ahead(x: Array, soon: int, rise: Array, d: Grid, n: int) -> None:
    """Ask for what n pixels of a line are the first to read, in their last rows; x[soon] is in the last one."""
    for row in range(min(d.SH, rise.size)):
        for column in range(d.SW):
            for e in range(n):
                ask(x, soon + (e * d.SW + column - row * d.W) * d.C)


@spread
def grouped(
    worker: int, workers: int, x: Array, u: Array, bias: Array, y: Array, rise: Array, slide: Array, taps: Array,
    d: Grid, G: int, width: int, floor: Any, buffers: Array,
) -> None:  # fmt: skip
    """Run one launch: u as in the module's formula, by vectors; results below ``floor`` become it."""
    lines, n_t, step, there = d.N * d.PH, rise.size * slide.size, d.SW * d.C, d.step_w * d.C
    held, T = worker * rise.size * width * d.C, 3 if d.SW == 1 and slide.size == 3 == slide[2] - slide[0] + 1 else 1
    for line in range(worker * lines // workers, (worker + 1) * lines // workers):
        n, i = line // d.PH, line % d.PH
        for eight in range(0, d.PW, 8):
            j = max(0, min(eight, d.PW - 8))  # the last eight may overlap the ones before
            source, x0, t0 = x, ((n * d.H + i * d.SH) * d.W + j * d.SW) * d.C, 0
            soon = x0 + (rise[-1] * d.W + 8 * d.SW + slide[-1]) * d.C
            if not _inside(rise, slide, d, i, j, 8):
                _hold(x, rise, slide, d, n, i, j, width, buffers, held)
                source, x0, t0 = buffers, held, n_t
            y0 = ((n * d.DH + d.first_h + i * d.step_h) * d.DW + d.first_w + j * d.step_w) * d.C
            for vector in range((d.C + LANES - 1) // LANES):
                c, u0 = min(vector * LANES, d.C - LANES), vector * n_t * G * LANES
                _ask_ahead(x, soon + c, rise, d, 8)
                _tile(
                    G, T, source, x0 + c, step, taps, t0, n_t, u, u0, bias, c, floor, y, y0 + c, there, d.PW - 1 - j
                )  # fmt: skip


@spread
def grouped_weights(
    worker: int, workers: int, x: Array, g: Array, out: Array, rise: Array, slide: Array, taps: Array, d: Grid,
    G: int, block: int, width: int, slices: int, buffers: Array,
) -> None:  # fmt: skip
    """out[slice, vector, tap, k, lane] = gu, summed over the slice's lines; out starts at zero.

    for line: for block of pixels: for vector of channels: for tap: for pixel: for k: gu += x[pixel + tap] * g
    """
    lines, columns, step, vectors = d.N * d.PH, slide.size, d.SW * d.C, (d.C + LANES - 1) // LANES
    n_t, held = rise.size * columns, worker * rise.size * width * d.C
    for part in range(worker * slices // workers, (worker + 1) * slices // workers):
        for line in range(part * lines // slices, (part + 1) * lines // slices):
            image, i = line // d.PH, line % d.PH
            for j in range(0, d.PW, block):
                n, g0 = min(block, d.PW - j), (line * d.PW + j) * d.C
                source, x0, t0 = x, ((image * d.H + i * d.SH) * d.W + j * d.SW) * d.C, 0
                soon = x0 + (rise[-1] * d.W + block * d.SW + slide[-1]) * d.C
                if not _inside(rise, slide, d, i, j, n):
                    _hold(x, rise, slide, d, image, i, j, width, buffers, held)
                    source, x0, t0 = buffers, held, n_t
                for vector in range(vectors):
                    c, put = min(vector * LANES, d.C - LANES), (part * vectors + vector) * n_t * G * LANES
                    _ask_ahead(x, soon + c, rise, d, n)
                    for e in range(block, block + n):
                        ask(g, g0 + c + e * d.C)
                    t = 0
                    while t < n_t:
                        T = 3 if columns - t % columns >= 3 else 1
                        _sums(
                            G, T, source, x0 + c, step, taps, t0 + t, g, g0 + c, d.C, n, out, put + t * G * LANES
                        )  # fmt: skip
                        t += T


class Launch(NamedTuple):
    """One launch: its grid, its taps, and where the weights come from."""

    grid: Grid
    rise: Array
    slide: Array
    taps: Array
    """Where each tap finds a pixel in the source, and then where in a copy of what some pixels read."""
    pixels: int
    """How many pixels go together."""
    width: int
    """Columns of such a copy."""
    order: Array
    """u[vector, tap, k, lane] = w.transpose(2, 3, 1, 0).flat[order]."""


def _launch(plan: depthwise.Launch, G: int, pixels: int, backward: bool) -> Launch:
    d = plan.grid
    lane = np.minimum(np.arange(0, d.C, LANES), d.C - LANES)[:, None, None, None] + np.arange(LANES)
    k, tap = np.arange(G)[:, None], (plan.p[:, None] * d.KW + plan.q).reshape(-1, 1, 1)
    channel, o = (lane % G, lane ^ k) if backward else ((lane ^ k) % G, lane)
    width = (pixels - 1) * d.SW + int(plan.slide[-1] - plan.slide[0]) + 1
    in_x = (plan.rise[:, None] * d.W + plan.slide) * d.C
    in_copy = (np.arange(plan.rise.size)[:, None] * width + plan.slide - plan.slide[0]) * d.C
    taps = np.concatenate([in_x, in_copy], None)
    return Launch(d, plan.rise, plan.slide, taps, pixels, width, ((tap * G + channel) * d.C + o).reshape(-1))


@lru_cache(maxsize=256)
def forward(G: int, *geometry: Any) -> Launch:
    """Plan y = conv2d(x, w) with groups of G channels and filters; the geometry is that of `depthwise.forward`."""
    return _launch(depthwise.forward(*geometry), G, 8, False)


@lru_cache(maxsize=256)
def backward(G: int, *geometry: Any) -> tuple[list[Launch], bool]:
    """Plan gx from g: one launch for each phase that has taps, and whether they leave pixels untouched."""
    plans, gaps = depthwise.backward(*geometry)
    return [_launch(plan, G, 8, True) for plan in plans], gaps


@lru_cache(maxsize=256)
def weights(G: int, *geometry: Any) -> Launch:
    """Plan gw from x and g.

    The sums of a block of pixels are added to those of the slice. Long blocks do so seldom, short ones stay in the
    first-level cache, where pixels a power of two apart collide (two threads: 8x128x56x56, G = 4: 1.9 ms by 8 pixels,
    2.8 by 16; 8x256x28x28, G = 8: 2.7 by 8, 2.1 by whole lines).
    """
    plan = depthwise.forward(*geometry)
    return _launch(plan, G, min(8 if G < 8 else 32, plan.grid.PW), True)
