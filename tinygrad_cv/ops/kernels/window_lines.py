"""Lines of pixels whose windows are a few numbers: the code that `small_window` runs, K multiply-adds a pixel.

    line    y[t + (i*pixels + j)*t_step + n] = max(floor,
            bias[b0 + n] + sum over k of x[s + i*x_line + j*step + taps[k]] * w[w0 + k*w_k + n])
    sums    out[o + k*o_k + n] += sum over lines i, pixels j of
            x[s + i*x_line + j*step + taps[k]] * g[t + (i*pixels + j)*t_step + n]

for LANES filters n, or the first few of them. ``taps`` is a tuple for each kernel row, of neighbours in memory: how
many there are is part of its type. So K is known when code is made, and the weights, or the sums, have a register each.

A vector holds one pixel's filters. Where a layer has 8 of them or fewer, on AVX-512, it holds two pixels', filter by
filter: (pixel 0, filter 0), (pixel 1, filter 0), (pixel 0, filter 1), ... Numbers of x then come in pairs, which with
one channel and stride 1 are neighbours: one load broadcasts both. Pixels are put in this order as they are loaded, and
back as they are stored.

A broadcast of pairs takes longer than the multiply-add that it feeds: 36 cycles for the 25 of a 5 x 5 window. So four
lines go together where kernel rows are one line apart, for a number of x lies in the windows of all of them: 40
broadcasts for 100 multiply-adds (64 x 1 x 28 x 28, 6 of 5 x 5, on one thread: 0.30 ms and 0.29 for the gradient, now
0.22 and 0.21). Lines beyond the last have lanes that are neither loaded nor stored.
"""

# mypy: disable-error-code="misc, no-untyped-call, no-any-return, attr-defined, untyped-decorator"
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ...typing import Array
from .jit import inline
from .simd import (
    I32,
    LANES,
    MODE,
    VECTOR,
    as_vector,
    broadcast,
    call,
    element,
    first,
    masked_load,
    masked_store,
    prefetch,
)

Taps = tuple[tuple[int, ...], ...]
Kind = tuple[int, ...]
"""How long it is says which of KINDS a vector is, from 1: the compiler sees the type alone, and makes one of them."""

MOST = {"avx512": 27, "avx2": 9, "neon": 27, "plain": 27}[MODE]
"""Numbers in a window: registers, less a sum, a number of x, and what LLVM needs."""

PAIRS = 8 if MODE == "avx512" else 0
"""Filters of which two pixels share a vector."""

CHAIN = 14
"""Multiply-adds that wait for each other, four cycles each: a scheduler of 64 operations then holds four chains, of
which each cycle finds one ready (64x3x32x32, 64 of 3x3: 1.08 ms; with chains of 27, 1.14)."""

I64 = ir.IntType(64)
_flat = types.Array(types.float32, 1, "C")


def _plain_line(
    x: Array, s: int, step: int, taps: Taps, kind: Kind, w: Array, w0: int, w_k: int, bias: Array, b0: int, y: Array,
    t: int, t_step: int, pixels: int, lines: int, x_line: int, columns: int, floor: Any,
) -> None:  # fmt: skip
    for i in range(lines):
        for j in range(pixels):
            total = bias[b0]
            k = 0
            for row in taps:
                for tap in row:
                    total += x[s + i * x_line + j * step + tap] * w[w0 + k * w_k]
                    k += 1
            y[t + (i * pixels + j) * t_step] = floor if total < floor else total


def _plain_sums(
    x: Array, s: int, step: int, taps: Taps, kind: Kind, g: Array, t: int, t_step: int, pixels: int, lines: int,
    x_line: int, columns: int, out: Array, o: int, o_k: int,
) -> None:  # fmt: skip
    k = 0
    for row in taps:
        for tap in row:
            total = np.float32(0)
            for i in range(lines):
                for j in range(pixels):
                    total += x[s + i * x_line + j * step + tap] * g[t + (i * pixels + j) * t_step]
            out[o + k * o_k] += total
            k += 1


class Whole:
    """A vector is one pixel's LANES filters: how it is loaded and stored."""

    pixels = together = 1

    def __init__(self, builder: Any, columns: Any) -> None:
        self.builder, self.row = builder, first(builder, columns)
        self.lanes = self.row

    def get(self, address: Any, there: Any = None) -> Any:
        return self.builder.load(as_vector(self.builder, address), align=4)

    def put(self, value: Any, address: Any, there: Any = None) -> None:
        self.builder.store(value, as_vector(self.builder, address), align=4)

    def weights(self, address: Any) -> Any:
        return self.get(address)

    def number(self, address: Any) -> Any:
        return broadcast(self.builder, self.builder.load(address, align=4))

    def add(self, totals: list[Any], places: list[Any]) -> None:
        """All loads come before all stores: rows of few filters overlap, and a load waits for a masked store."""
        held = [self.get(place) for place in places]
        for before, total, place in zip(held, totals, places, strict=True):
            self.put(self.builder.fadd(before, total), place)


class Part(Whole):
    """Some filters: lanes of a mask (which NEON loads and stores one by one), none where a line is not ``there``."""

    def _of(self, there: Any) -> Any:
        return self.lanes if there is None else self.builder.and_(self.lanes, broadcast(self.builder, there))

    def get(self, address: Any, there: Any = None) -> Any:
        return masked_load(self.builder, address, self._of(there))

    def put(self, value: Any, address: Any, there: Any = None) -> None:
        masked_store(self.builder, value, as_vector(self.builder, address), self._of(there))


class Pair(Part):
    """Two pixels, filter by filter."""

    pixels, together = 2, 4

    def __init__(self, builder: Any, columns: Any) -> None:
        super().__init__(builder, columns)
        self.rows = Part(builder, columns)
        self.lanes = first(builder, builder.mul(columns, I64(2)))
        kind = ir.VectorType(I32, LANES)
        lane, half, odd, twice = (
            ir.Constant(kind, list(v))
            for v in (range(LANES), np.arange(LANES) // 2, np.arange(LANES) % 2, np.arange(LANES) * 2 % LANES)
        )
        count = broadcast(builder, builder.trunc(columns, I32))
        self.double, self.even = half, twice
        self.inwards = builder.add(half, builder.mul(odd, count))
        second = builder.add(
            builder.mul(builder.sub(lane, count), ir.Constant(kind, [2] * LANES)), ir.Constant(kind, [1] * LANES)
        )
        self.outwards = builder.select(builder.icmp_signed("<", lane, count), twice, second)

    def _permuted(self, value: Any, order: Any) -> Any:
        return call(self.builder, "llvm.x86.avx512.permvar.sf.512", VECTOR, [value, order])

    def get(self, address: Any, there: Any = None) -> Any:
        return self._permuted(super().get(address, there), self.inwards)

    def put(self, value: Any, address: Any, there: Any = None) -> None:
        super().put(self._permuted(value, self.outwards), address, there)

    def weights(self, address: Any) -> Any:
        return self._permuted(masked_load(self.builder, address, self.row), self.double)

    def number(self, address: Any) -> Any:
        pair = self.builder.load(self.builder.bitcast(address, ir.DoubleType().as_pointer()), align=4)
        kind = ir.VectorType(ir.DoubleType(), LANES // 2)
        unset, zeros = ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(I32, LANES // 2), [0] * (LANES // 2))
        both = self.builder.shuffle_vector(self.builder.insert_element(unset, pair, I32(0)), unset, zeros)
        return self.builder.bitcast(both, VECTOR)

    def add(self, totals: list[Any], places: list[Any]) -> None:
        swap = ir.Constant(ir.VectorType(I32, LANES), [k ^ 1 for k in range(LANES)])
        unset = ir.Constant(VECTOR, ir.Undefined)
        sums = [self.builder.fadd(total, self.builder.shuffle_vector(total, unset, swap)) for total in totals]
        Part.add(self.rows, [self._permuted(total, self.even) for total in sums], places)


KINDS = (Whole, Part, Pair)


def kind_of(OC: int, paired: bool) -> Kind:
    """Return the kind of vector for OC filters; ``paired``: pixels, and lines, may go together."""
    return (0,) * (3 if paired and OC <= PAIRS else 1 if OC % LANES == 0 else 2)


def _loop(builder: Any, count: Any, pointers: list[Any], steps: list[Any], sums: list[Any], body: Any) -> list[Any]:
    """Emit ``for i in range(count): sums = body(i, pointers, sums)``, pointers moving by steps; return the sums."""
    before = builder.block
    turn, done = builder.function.append_basic_block("turn"), builder.function.append_basic_block("done")
    builder.branch(turn)
    builder.position_at_end(turn)
    i = builder.phi(I64)
    i.add_incoming(I64(0), before)
    moving, carried = [builder.phi(p.type) for p in pointers], [builder.phi(VECTOR) for _ in sums]
    for phi, value in zip([*moving, *carried], [*pointers, *sums], strict=True):
        phi.add_incoming(value, before)
    after = body(i, moving, list(carried))
    moved = [builder.gep(p, [step]) for p, step in zip(moving, steps, strict=True)]
    here = builder.block
    following = builder.add(i, I64(1))
    i.add_incoming(following, here)
    for phi, value in zip([*moving, *carried], [*moved, *after], strict=True):
        phi.add_incoming(value, here)
    builder.cbranch(builder.icmp_signed("<", following, count), turn, done)
    builder.position_at_end(done)
    return after


class Walk:
    """The lines of a call, some together, and along them the pixels: what both kernels have in common."""

    def __init__(self, context: Any, builder: Any, kinds: list[Any], x: Any, s: Any, step: Any, taps: Any) -> None:
        array, *_, windows, kind = kinds
        self.builder, self.kind = builder, KINDS[kind.count - 1]
        self.KH, self.KW, self.step = windows.count, windows.dtype.count, step
        starts = [builder.extract_value(row, 0) for row in cgutils.unpack_tuple(builder, taps, self.KH)]
        self.rows = [element(context, builder, array, x, builder.add(s, start)) for start in starts]

    def run(
        self, to: Any, t_step: Any, pixels: Any, lines: Any, x_line: Any, sums: list[Any], body: Any
    ) -> list[Any]:  # fmt: skip
        """Emit the loops around ``sums = body(rows, places, sums)``; a place is (address, that of the lines ahead,
        whether the line is there).
        """
        builder, G = self.builder, self.kind.together
        each, below = I64(self.kind.pixels), builder.mul(pixels, t_step)
        groups = builder.sdiv(builder.add(lines, I64(G - 1)), I64(G))

        def line(group: Any, pointers: list[Any], sums: list[Any]) -> list[Any]:
            *rows, to = pointers
            left = builder.sub(lines, builder.mul(group, I64(G)))
            there = [None if G == 1 else builder.icmp_signed(">", left, I64(m)) for m in range(G)]
            for m in range(1, G):  # a line that is not there reads again what lies in the last one's window
                rows.append(builder.select(there[m], builder.gep(rows[-1], [x_line]), rows[-1]))

            def pixel(_: Any, pointers: list[Any], sums: list[Any]) -> list[Any]:
                *rows, to = pointers
                at = [builder.gep(to, [builder.mul(below, I64(m))]) for m in range(2 * G)]
                return body(rows, list(zip(at[:G], at[G:], there, strict=True)), sums)

            steps = [builder.mul(v, each) for v in [step] * len(rows) + [t_step]]
            return _loop(builder, builder.sdiv(pixels, each), [*rows, to], steps, sums, pixel)

        step, on = self.step, [builder.mul(v, I64(G)) for v in [x_line] * self.KH + [below]]
        return _loop(builder, groups, [*self.rows, to], on, sums, line)

    def windows(self, ends: Whole, rows: list[Any]) -> Any:
        """Each number of the windows, broadcast, and the (line, tap) that it meets."""
        for r, row in enumerate(rows):
            for q in range(self.KW):
                met = [(m, (r - m) * self.KW + q) for m in range(self.kind.together) if 0 <= r - m < self.KH]
                yield ends.number(self.builder.gep(row, [I64(q)])), met


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return call(builder, f"llvm.fmuladd.v{LANES}f32", VECTOR, [a, b, c])


@intrinsic
def _emitted_line(
    context: Any, x: Any, s: Any, step: Any, taps: Any, kind: Any, w: Any, w0: Any, w_k: Any, bias: Any, b0: Any,
    y: Any, t: Any, t_step: Any, pixels: Any, lines: Any, x_line: Any, columns: Any, floor: Any,
) -> Any:  # fmt: skip
    i = types.intp
    kinds = types.void(_flat, i, i, taps, kind, _flat, i, i, _flat, i, _flat, i, i, i, i, i, i, types.float32)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, s, step, taps, _, w, w0, w_k, bias, b0, y, t, t_step, pixels, lines, x_line, columns, floor = args
        array = sig.args[0]
        walk = Walk(context, builder, sig.args[:5], x, s, step, taps)
        ends = walk.kind(builder, columns)
        at = [builder.add(w0, builder.mul(w_k, I64(k))) for k in range(walk.KH * walk.KW)]
        weights = [ends.weights(element(context, builder, array, w, i)) for i in at]
        start, lowest = ends.weights(element(context, builder, array, bias, b0)), broadcast(builder, floor)
        # Zeros that LLVM does not know of: it would join the chains again.
        nothing = masked_load(builder, element(context, builder, array, bias, b0), first(builder, builder.neg(pixels)))

        def pixel(rows: list[Any], places: list[Any], sums: list[Any]) -> list[Any]:
            for _, ahead, _ in places:
                prefetch(builder, ahead, True)
            totals, chains = [start for _ in places], [nothing for _ in places]
            for value, met in walk.windows(ends, rows):
                for m, k in met:
                    if k > 0 and k % CHAIN == 0:
                        chains[m] = totals[m] if k == CHAIN else builder.fadd(chains[m], totals[m])
                        totals[m] = nothing
                    totals[m] = _multiply_add(builder, value, weights[k], totals[m])
            for (place, _, there), chain, total in zip(places, chains, totals, strict=True):
                total = builder.fadd(chain, total) if len(weights) > CHAIN else total
                ends.put(builder.select(builder.fcmp_ordered("<", total, lowest), lowest, total), place, there)
            return []

        walk.run(element(context, builder, array, y, t), t_step, pixels, lines, x_line, [], pixel)
        return context.get_dummy_value()

    return kinds, code


@intrinsic
def _emitted_sums(
    context: Any, x: Any, s: Any, step: Any, taps: Any, kind: Any, g: Any, t: Any, t_step: Any, pixels: Any, lines: Any,
    x_line: Any, columns: Any, out: Any, o: Any, o_k: Any,
) -> Any:  # fmt: skip
    i = types.intp
    kinds = types.void(_flat, i, i, taps, kind, _flat, i, i, i, i, i, i, _flat, i, i)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, s, step, taps, _, g, t, t_step, pixels, lines, x_line, columns, out, o, o_k = args
        array = sig.args[0]
        walk = Walk(context, builder, sig.args[:5], x, s, step, taps)
        ends = walk.kind(builder, columns)

        def pixel(rows: list[Any], places: list[Any], sums: list[Any]) -> list[Any]:
            for _, ahead, _ in places:
                prefetch(builder, ahead, False, level=2)
            given = [ends.get(place, there) for place, _, there in places]
            for value, met in walk.windows(ends, rows):
                for m, k in met:
                    sums[k] = _multiply_add(builder, value, given[m], sums[k])
            return sums

        K = walk.KH * walk.KW
        zeros = [ir.Constant(VECTOR, [0.0] * LANES)] * K
        totals = walk.run(element(context, builder, array, g, t), t_step, pixels, lines, x_line, zeros, pixel)
        at = [builder.add(o, builder.mul(o_k, I64(k))) for k in range(K)]
        ends.add(totals, [element(context, builder, array, out, k) for k in at])
        return context.get_dummy_value()

    return kinds, code


line: Any = inline(_plain_line) if MODE == "plain" else _emitted_line
sums: Any = inline(_plain_sums) if MODE == "plain" else _emitted_sums
