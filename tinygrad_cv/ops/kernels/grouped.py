"""Convolution in small groups: lanes are channels, several groups side by side, and no lane is idle.

Groups of G channels and G filters, G = 2, 4 or 8, are too narrow for the tiles of `direct`, which give each group
a vector of filters of its own. Here a vector holds LANES filters of LANES / G groups. Filter o needs the G channels of
its group, and they lie in the same lanes of x, for there are as many channels as filters. With ^ for "exclusive or",

    o ^ 0, o ^ 1, ..., o ^ (G - 1)      are the numbers of the channels of the group of o,

so that, with the weights in the order u[tap, k, o] = w[o, (o ^ k) mod G, tap],

    y[pixel, o] = sum over taps, over k < G of x[pixel + tap, o ^ k] * u[tap, k, o]

where "x at o ^ k" is the vector of x with its lanes exchanged, one instruction, and none for k = 0. The input gradient
is the same sum over g, with u[tap, k, c] = w[c ^ k, c mod G, tap]; the weight gradient is read off the same formula:

    gu[tap, k, o] = sum over pixels of x[pixel + tap, o ^ k] * g[pixel, o]

Taps and grids are those of `depthwise`; forward there is one launch, backward one for each phase of the stride. Eight
pixels share each weight; where a tap of theirs leaves the image, a copy of what they read, with zeros, takes its place.
The last vector may overlap the one before it: both then hold the same groups, and the same results.

    for line: for eight pixels: for vector of channels: for tap: for k: y[8 pixels] += x[8 pixels + tap, o ^ k] * u

The twin in plain loops is `conv_loops`.
"""

# mypy: disable-error-code="misc, no-untyped-call, no-any-return, attr-defined, untyped-decorator"
from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ...typing import Array
from . import depthwise
from .depthwise import Grid
from .jit import inline, spread
from .simd import I32, LANES, VECTOR, as_vector, broadcast, call, element, load, prefetch, splat, store

Pair = tuple[int, int]

BLOCK = 16
"""Pixels of a line whose products are summed before they join the sums of a weight gradient."""

I64 = ir.IntType(64)
_table = types.Array(types.int64, 1, "C")
_flat = types.Array(types.float32, 1, "C")


def _exchanged(builder: Any, v: Any, k: int) -> Any:
    """Emit v with lane o ^ k in lane o."""
    lanes = ir.Constant(ir.VectorType(I32, LANES), [lane ^ k for lane in range(LANES)])
    return builder.shuffle_vector(v, ir.Constant(VECTOR, ir.Undefined), lanes) if k else v


def _add_product(builder: Any, total: Any, a: Any, b: Any) -> None:
    """Emit total += a * b, where ``total`` is the place of a variable."""
    builder.store(call(builder, f"llvm.fmuladd.v{LANES}f32", VECTOR, [a, b, builder.load(total)]), total)


def _tile(G: int) -> Any:
    """Make the sum over all taps for eight pixels and one vector of filters.

    tile(x, x0, x_step, taps, t0, n_t, u, u0, start, floor, y, y0, y_step, last):

        for e in range(8):
            y[y0 + min(e, last)*y_step] = max(floor, start + sum over t < n_t, k < G of
                exchanged(x[x0 + taps[t0 + t] + e*x_step], k) * u[u0 + (t*G + k)*LANES])

    where y[i], x[i] and u[i] are the vectors that begin there, and start is one of ``bias``.
    """

    @intrinsic
    def tile(
        context: Any, x: Any, x0: Any, x_step: Any, taps: Any, t0: Any, n_t: Any, u: Any, u0: Any, bias: Any, b0: Any,
        floor: Any, y: Any, y0: Any, y_step: Any, last: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        kinds = types.void(_flat, i, i, _table, i, i, _flat, i, _flat, i, types.float32, _flat, i, i, i)

        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            x, x0, x_step, taps, t0, n_t, u, u0, bias, b0, floor, y, y0, y_step, last = args
            kind = sig.args

            def vector_at(address: Any) -> Any:
                return builder.load(as_vector(builder, address), align=4)

            places = []
            for e in range(8):
                near = builder.select(builder.icmp_signed("<", I64(e), last), I64(e), last)
                places.append(element(context, builder, kind[11], y, builder.add(y0, builder.mul(near, y_step))))
                prefetch(builder, places[e], True)
            start = vector_at(element(context, builder, kind[8], bias, b0))
            sums = [cgutils.alloca_once_value(builder, start) for _ in range(8)]
            with cgutils.for_range(builder, n_t) as loop:
                tap = builder.load(element(context, builder, kind[3], taps, builder.add(t0, loop.index)))
                source = element(context, builder, kind[0], x, builder.add(x0, tap))
                first = builder.add(u0, builder.mul(loop.index, I64(G * LANES)))
                weights = element(context, builder, kind[6], u, first)
                line = [vector_at(builder.gep(weights, [I64(k * LANES)])) for k in range(G)]
                for e in range(8):
                    pixel = vector_at(builder.gep(source, [builder.mul(I64(e), x_step)]))
                    for k in range(G):
                        _add_product(builder, sums[e], _exchanged(builder, pixel, k), line[k])
            lowest = broadcast(builder, floor)
            for e in range(8):
                total = builder.load(sums[e])
                total = builder.select(builder.fcmp_ordered("<", total, lowest), lowest, total)
                builder.store(total, as_vector(builder, places[e]), align=4)
            return context.get_dummy_value()

        return kinds, code

    return tile


def _sums(G: int) -> Any:
    """Make the sum over some pixels of a line for one tap and one vector of filters.

    sums(x, x0, x_step, g, g0, g_step, n, out, out0):

        for k in range(G):
            out[out0 + k*LANES] += sum over j < n of exchanged(x[x0 + j*x_step], k) * g[g0 + j*g_step]
    """

    @intrinsic
    def sums(
        context: Any, x: Any, x0: Any, x_step: Any, g: Any, g0: Any, g_step: Any, n: Any, out: Any, out0: Any
    ) -> Any:
        i = types.intp
        kinds = types.void(_flat, i, i, _flat, i, i, i, _flat, i)

        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            x, x0, x_step, g, g0, g_step, n, out, out0 = args

            def at(array: Any, number: int, start: Any, index: Any, step: Any) -> Any:
                place = builder.add(start, builder.mul(index, step))
                return as_vector(builder, element(context, builder, sig.args[number], array, place))

            totals = [cgutils.alloca_once_value(builder, ir.Constant(VECTOR, [0.0] * LANES)) for _ in range(G)]
            with cgutils.for_range(builder, n) as loop:
                pixel = builder.load(at(x, 0, x0, loop.index, x_step), align=4)
                gradient = builder.load(at(g, 3, g0, loop.index, g_step), align=4)
                for k in range(G):
                    _add_product(builder, totals[k], _exchanged(builder, pixel, k), gradient)
            for k in range(G):
                place = at(out, 7, out0, I64(k), I64(LANES))
                held = builder.load(place, align=4)
                builder.store(builder.fadd(held, builder.load(totals[k])), place, align=4)
            return context.get_dummy_value()

        return kinds, code

    return sums


_tile2, _tile4, _tile8 = (_tile(min(G, LANES)) for G in (2, 4, 8))
_sums2, _sums4, _sums8 = (_sums(min(G, LANES)) for G in (2, 4, 8))


@inline
def _hold(
    x: Array, rise: Array, slide: Array, d: Grid, n: int, i: int, j: int, c: int, held: Array, held0: int
) -> None:
    """Copy what each tap of eight pixels reads, tap by tap, with zeros for what lies outside the image."""
    at = held0
    for k in range(rise.size):
        h = i * d.SH + rise[k]
        for m in range(slide.size):
            for e in range(8):
                v = min(j + e, d.PW - 1) * d.SW + slide[m]
                if h >= 0 and h < d.H and v >= 0 and v < d.W:
                    store(held, at, load(x, ((n * d.H + h) * d.W + v) * d.C + c))
                else:
                    store(held, at, splat(np.float32(0)))
                at += LANES


@spread
def grouped(
    worker: int, workers: int, x: Array, u: Array, bias: Array, y: Array, rise: Array, slide: Array, taps: Array,
    d: Grid, G: int, floor: Any, buffers: Array,
) -> None:  # fmt: skip
    """Run one launch: u as in the module's formula, by vectors; results below ``floor`` become it."""
    lines, n_t = d.N * d.PH, rise.size * slide.size
    top, bottom = min(rise[0], rise[-1]), max(rise[0], rise[-1])
    held0 = worker * n_t * 8 * LANES
    for line in range(worker * lines // workers, (worker + 1) * lines // workers):
        n, i = line // d.PH, line % d.PH
        for eight in range(0, d.PW, 8):
            j = max(0, min(eight, d.PW - 8))  # the last eight may overlap the ones before
            inside = d.PW >= 8 and i * d.SH + top >= 0 and i * d.SH + bottom < d.H
            inside = inside and j * d.SW + slide[0] >= 0 and (j + 7) * d.SW + slide[-1] < d.W
            from_x = ((n * d.H + i * d.SH) * d.W + j * d.SW) * d.C
            to_y = ((n * d.DH + d.first_h + i * d.step_h) * d.DW + d.first_w + j * d.step_w) * d.C
            for vector in range((d.C + LANES - 1) // LANES):
                c = min(vector * LANES, d.C - LANES)
                if inside:
                    source, x0, step, t0 = x, from_x + c, d.SW * d.C, 0
                else:
                    _hold(x, rise, slide, d, n, i, j, c, buffers, held0)
                    source, x0, step, t0 = buffers, held0, LANES, n_t
                u0, y0, y_step, last = vector * n_t * G * LANES, to_y + c, d.step_w * d.C, d.PW - 1 - j
                if G == 2:
                    _tile2(source, x0, step, taps, t0, n_t, u, u0, bias, c, floor, y, y0, y_step, last)
                elif G == 4:
                    _tile4(source, x0, step, taps, t0, n_t, u, u0, bias, c, floor, y, y0, y_step, last)
                else:
                    _tile8(source, x0, step, taps, t0, n_t, u, u0, bias, c, floor, y, y0, y_step, last)


@spread
def grouped_weights(
    worker: int, workers: int, x: Array, g: Array, out: Array, rise: Array, slide: Array, d: Grid, G: int, slices: int
) -> None:
    """out[slice, vector, tap, k, lane] = gu, summed over the slice's lines; out starts at zero.

    for line: for block of pixels: for vector of filters: for tap: for pixel: for k: gu += x[pixel + tap, o ^ k] * g
    """
    lines, n_t, vectors = d.N * d.PH, rise.size * slide.size, (d.C + LANES - 1) // LANES
    for part in range(worker * slices // workers, (worker + 1) * slices // workers):
        for line in range(part * lines // slices, (part + 1) * lines // slices):
            n, i = line // d.PH, line % d.PH
            for block in range(0, d.PW, BLOCK):
                for vector in range(vectors):
                    c, put = min(vector * LANES, d.C - LANES), (part * vectors + vector) * n_t * G * LANES
                    for t in range(n_t):
                        h, v = i * d.SH + rise[t // slide.size], slide[t % slide.size]
                        j = max(block, -(v // d.SW))
                        stop = min(block + BLOCK, d.PW, (d.W - 1 - v) // d.SW + 1)
                        if h < 0 or h >= d.H or j >= stop:
                            continue
                        x0, step = ((n * d.H + h) * d.W + j * d.SW + v) * d.C + c, d.SW * d.C
                        g0, o = (line * d.PW + j) * d.C + c, put + t * G * LANES
                        if G == 2:
                            _sums2(x, x0, step, g, g0, d.C, stop - j, out, o)
                        elif G == 4:
                            _sums4(x, x0, step, g, g0, d.C, stop - j, out, o)
                        else:
                            _sums8(x, x0, step, g, g0, d.C, stop - j, out, o)


class Launch(NamedTuple):
    """One launch: its grid, its taps, and where the weights come from."""

    grid: Grid
    rise: Array
    slide: Array
    taps: Array
    """Where each tap finds a pixel in the source, and then where in a copy of what eight pixels read."""
    order: Array
    """u[vector, tap, k, lane] = w.transpose(2, 3, 1, 0).flat[order]."""


def _launch(plan: depthwise.Launch, G: int, backward: bool) -> Launch:
    d = plan.grid
    starts = np.minimum(np.arange(0, d.C, LANES), d.C - LANES)
    lane, k = starts[:, None, None, None] + np.arange(LANES), np.arange(G)[:, None]
    channel, o = (lane % G, lane ^ k) if backward else ((lane ^ k) % G, lane)
    tap = (plan.p[:, None] * d.KW + plan.q).reshape(-1, 1, 1)
    offsets = ((plan.rise[:, None] * d.W + plan.slide) * d.C).reshape(-1)
    taps = np.concatenate([offsets, np.arange(offsets.size) * 8 * LANES])
    return Launch(d, plan.rise, plan.slide, taps, ((tap * G + channel) * d.C + o).reshape(-1))


@lru_cache(maxsize=256)
def forward(G: int, *geometry: Any) -> Launch:
    """Plan y = conv2d(x, w) with groups of G channels and filters; the geometry is that of `depthwise.forward`."""
    return _launch(depthwise.forward(*geometry), G, False)


@lru_cache(maxsize=256)
def backward(G: int, *geometry: Any) -> tuple[list[Launch], bool]:
    """Plan gx from g: one launch for each phase that has taps, and whether they leave pixels untouched."""
    plans, gaps = depthwise.backward(*geometry)
    return [_launch(plan, G, True) for plan in plans], gaps
