"""A line of pixels whose windows are a few numbers: the code that `small_window` runs, K multiply-adds a pixel.

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
    x: Array, s: int, step: int, taps: Taps, w: Array, w0: int, w_k: int, bias: Array, b0: int, y: Array, t: int,
    t_step: int, pixels: int, lines: int, x_line: int, columns: int, floor: Any,
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
    x: Array, s: int, step: int, taps: Taps, g: Array, t: int, t_step: int, pixels: int, lines: int, x_line: int,
    columns: int, out: Array, o: int, o_k: int,
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

    pixels = 1

    def __init__(self, builder: Any, columns: Any) -> None:
        self.builder, self.row = builder, first(builder, columns)

    def get(self, address: Any) -> Any:
        return self.builder.load(as_vector(self.builder, address), align=4)

    def put(self, value: Any, address: Any) -> None:
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
    """The last filters: lanes of a mask (which NEON loads and stores one by one)."""

    def get(self, address: Any) -> Any:
        return masked_load(self.builder, address, self.row)

    def put(self, value: Any, address: Any) -> None:
        masked_store(self.builder, value, as_vector(self.builder, address), self.row)


class Pair(Part):
    """Two pixels, filter by filter."""

    pixels = 2

    def __init__(self, builder: Any, columns: Any) -> None:
        super().__init__(builder, columns)
        self.rows = Part(builder, columns)
        self.both = first(builder, builder.mul(columns, I64(2)))
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

    def get(self, address: Any) -> Any:
        return self._permuted(masked_load(self.builder, address, self.both), self.inwards)

    def put(self, value: Any, address: Any) -> None:
        value = self._permuted(value, self.outwards)
        masked_store(self.builder, value, as_vector(self.builder, address), self.both)

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


def _loop(builder: Any, pixels: Any, pointers: list[Any], steps: list[Any], sums: list[Any], body: Any) -> list[Any]:
    """Emit ``for _ in range(pixels): sums = body(pointers, sums)``, pointers moving by steps; return the last sums."""
    before = builder.block
    turn, done = builder.function.append_basic_block("pixel"), builder.function.append_basic_block("done")
    builder.branch(turn)
    builder.position_at_end(turn)
    count = builder.phi(I64)
    count.add_incoming(I64(0), before)
    moving, carried = [builder.phi(p.type) for p in pointers], [builder.phi(VECTOR) for _ in sums]
    for phi, value in zip([*moving, *carried], [*pointers, *sums], strict=True):
        phi.add_incoming(value, before)
    after = body(moving, carried)
    moved = [builder.gep(p, [step]) for p, step in zip(moving, steps, strict=True)]
    here = builder.block
    following = builder.add(count, I64(1))
    count.add_incoming(following, here)
    for phi, value in zip([*moving, *carried], [*moved, *after], strict=True):
        phi.add_incoming(value, here)
    builder.cbranch(builder.icmp_signed("<", following, pixels), turn, done)
    builder.position_at_end(done)
    return after


def _windows(builder: Any, kind: Any, rows: list[Any], ends: Whole) -> Any:
    """The numbers of a window, each broadcast, kernel row by kernel row."""
    for row in rows:
        for k in range(kind.dtype.count):
            yield ends.number(builder.gep(row, [I64(k)]))


def _starts(context: Any, builder: Any, array: Any, x: Any, s: Any, kind: Any, taps: Any) -> list[Any]:
    """Where each kernel row of the first window begins."""
    first_taps = [builder.extract_value(row, 0) for row in cgutils.unpack_tuple(builder, taps, kind.count)]
    return [element(context, builder, array, x, builder.add(s, tap)) for tap in first_taps]


def _emitted_line(kind_of_ends: type[Whole]) -> Any:
    @intrinsic
    def line(
        context: Any, x: Any, s: Any, step: Any, taps: Any, w: Any, w0: Any, w_k: Any, bias: Any, b0: Any, y: Any,
        t: Any, t_step: Any, pixels: Any, lines: Any, x_line: Any, columns: Any, floor: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        kinds = types.void(_flat, i, i, taps, _flat, i, i, _flat, i, _flat, i, i, i, i, i, i, types.float32)

        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            x, s, step, taps, w, w0, w_k, bias, b0, y, t, t_step, pixels, lines, x_line, columns, floor = args
            kind, array = sig.args[3], sig.args[0]
            ends = kind_of_ends(builder, columns)
            rows = _starts(context, builder, array, x, s, kind, taps)
            at = [builder.add(w0, builder.mul(w_k, I64(k))) for k in range(kind.count * kind.dtype.count)]
            weights = [ends.weights(element(context, builder, array, w, i)) for i in at]
            start, lowest = ends.weights(element(context, builder, array, bias, b0)), broadcast(builder, floor)
            below = builder.mul(pixels, t_step)
            # Zeros that LLVM does not know of: it would join the chains again.
            no_lane = first(builder, builder.neg(pixels))
            nothing = masked_load(builder, element(context, builder, array, bias, b0), no_lane)

            def pixel(pointers: list[Any], sums: list[Any]) -> list[Any]:
                *rows, to = pointers
                prefetch(builder, builder.gep(to, [below]), True)
                total, chains = start, []
                for k, (value, weight) in enumerate(zip(_windows(builder, kind, rows, ends), weights, strict=True)):
                    if k > 0 and k % CHAIN == 0:
                        chains.append(total)
                        total = nothing
                    total = call(builder, f"llvm.fmuladd.v{LANES}f32", VECTOR, [value, weight, total])
                for chain in chains:
                    total = builder.fadd(chain, total)
                ends.put(builder.select(builder.fcmp_ordered("<", total, lowest), lowest, total), to)
                return []

            each = I64(ends.pixels)
            turns = builder.sdiv(pixels, each)
            steps = [builder.mul(v, each) for v in [step] * len(rows) + [t_step]]

            def line(pointers: list[Any], sums: list[Any]) -> list[Any]:
                return _loop(builder, turns, pointers, steps, sums, pixel)

            pointers = [*rows, element(context, builder, array, y, t)]
            _loop(builder, lines, pointers, [x_line] * len(rows) + [below], [], line)
            return context.get_dummy_value()

        return kinds, code

    return line


def _emitted_sums(kind_of_ends: type[Whole]) -> Any:
    @intrinsic
    def sums(
        context: Any, x: Any, s: Any, step: Any, taps: Any, g: Any, t: Any, t_step: Any, pixels: Any, lines: Any,
        x_line: Any, columns: Any, out: Any, o: Any, o_k: Any,
    ) -> Any:  # fmt: skip
        i = types.intp
        kinds = types.void(_flat, i, i, taps, _flat, i, i, i, i, i, i, _flat, i, i)

        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            x, s, step, taps, g, t, t_step, pixels, lines, x_line, columns, out, o, o_k = args
            kind, array = sig.args[3], sig.args[0]
            ends, each = kind_of_ends(builder, columns), I64(kind_of_ends.pixels)
            rows = _starts(context, builder, array, x, s, kind, taps)
            below = builder.mul(pixels, t_step)
            steps = [builder.mul(v, each) for v in [step] * len(rows) + [t_step]]
            turns = builder.sdiv(pixels, each)

            def pixel(pointers: list[Any], sums: list[Any]) -> list[Any]:
                *rows, from_g = pointers
                prefetch(builder, builder.gep(from_g, [below]), False, level=2)
                given = ends.get(from_g)
                return [
                    call(builder, f"llvm.fmuladd.v{LANES}f32", VECTOR, [value, given, total])
                    for value, total in zip(_windows(builder, kind, rows, ends), sums, strict=True)
                ]

            def line(pointers: list[Any], sums: list[Any]) -> list[Any]:
                return _loop(builder, turns, pointers, steps, sums, pixel)

            K = kind.count * kind.dtype.count
            pointers = [*rows, element(context, builder, array, g, t)]
            zeros = [ir.Constant(VECTOR, [0.0] * LANES)] * K
            totals = _loop(builder, lines, pointers, [x_line] * len(rows) + [below], zeros, line)
            at = [builder.add(o, builder.mul(o_k, I64(k))) for k in range(K)]
            ends.add(totals, [element(context, builder, array, out, k) for k in at])
            return context.get_dummy_value()

        return kinds, code

    return sums


if MODE == "plain":
    line = line_part = line_pair = inline(_plain_line)
    sums = sums_part = sums_pair = inline(_plain_sums)
else:
    line, line_part, line_pair = (_emitted_line(ends) for ends in (Whole, Part, Pair if PAIRS else Part))
    sums, sums_part, sums_pair = (_emitted_sums(ends) for ends in (Whole, Part, Pair if PAIRS else Part))
