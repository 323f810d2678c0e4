"""The matrix micro-kernel: a tile of the result in registers, fed from anywhere.

    C[m, n] = start + (sum over taps t, sum over k of A[rows[m] + taps[t] + k*a_k] * B[t, k, n])

for a few rows m and one or two vectors of columns n. The tile of C stays in registers while t and k run; each
step loads one row of B, and multiplies it by one number of A for each row m. On AVX-512, 12 rows x 2 vectors
of 16 lanes are 24 of the 32 registers, and 24 multiply-adds need 14 loads: the two multipliers never wait (97
% of a core's peak was measured). On AVX2, with 16 registers, 6 rows x 2 vectors; on NEON 12 x 2 vectors of 4.

Rows come from a table of offsets, so a tile takes pixels from any row of any image, and taps come from a
second table, so with the right tables this one loop nest is every product in the house:

    product                     row m              tap t                k                   column n
    convolution                 output pixel       kernel row           kernel column, c    filter
    its input gradient          input pixel        kernel row           kernel column, oc   c
    its weight gradient         kernel tap, c      output row           output column       filter
    Winograd, 1x1, linear       tile or pixel      -                    c                   filter

B mostly lies packed: the rows of a panel, 1 or 2 vectors wide, follow each other without gaps. The last panel is
filled up with zeros, and stores are masked, so sizes need not divide.

A long sum is made of several calls, each of which adds its own sum, begun at zero, to C. Such a sum of K terms in
blocks of b has an error of about b + K/b roundings instead of K (Higham 2002, "Accuracy and Stability of Numerical
Algorithms", section 4.2). While a tile runs, the lines of C that it will write are on their way from memory, and those
of what comes next.

The idea of packed panels and a register tile: Goto and van de Geijn 2008, "Anatomy of high-performance matrix
multiplication"; of tables of offsets: Georganas et al. 2020, "Harnessing deep learning via a single building
block".
"""

# mypy: disable-error-code="misc, no-untyped-call, no-any-return, attr-defined, untyped-decorator"
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import config, types
from numba.extending import intrinsic

from ...typing import Array
from .jit import inline
from .outline import outline
from .simd import LANES, MODE, VECTOR, as_vector, broadcast, call, element, first, masked_store, prefetch

ROWS = {"avx512": 12, "avx2": 6, "neon": 12, "plain": 6}[MODE]
"""Rows of a full tile; what is left over goes in tiles of FEW rows."""

FEW = ROWS // 3
WIDTH = 2 * LANES
"""Columns of a full panel."""

I64 = ir.IntType(64)
NUMBERS, TABLE, COUNT = types.CPointer(types.float32), types.CPointer(types.int64), types.intp
KINDS = (
    NUMBERS, TABLE, COUNT, TABLE, COUNT, COUNT, COUNT, NUMBERS, COUNT, NUMBERS, TABLE, COUNT, types.boolean, NUMBERS,
    types.float32, NUMBERS, COUNT,
)  # fmt: skip
"""Types of the arguments of a tile, and of a whole panel."""


@intrinsic
def _address(context: Any, array: Any, i: Any) -> Any:
    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return element(context, builder, sig.args[0], *args)

    return types.CPointer(array.dtype)(array, types.intp), code


def _tail(array: Array, i: int) -> Array:
    return array[i:]


at: Any = _tail if config.DISABLE_JIT else _address
"""What begins at array[i]: an address, or in plain Python a view. Nothing is checked."""


def _plain(height: int, width: int) -> Any:
    """The definition of a tile, in loops."""

    def tile(
        a: Array, rows: Array, n_rows: int, taps: Array, n_t: int, n_k: int, a_k: int, b: Array, b_k: int, c: Array,
        places: Array, columns: int, add: bool, bias: Array, floor: Any, soon: Array, step: int,
    ) -> None:  # fmt: skip
        for m in range(min(height, n_rows)):
            for n in range(min(width, columns)):
                total = np.float32(0) if add else bias[n]
                for t in range(n_t):
                    for k in range(n_k):
                        total += a[rows[m] + taps[t] + k * a_k] * b[(t * n_k + k) * b_k + n]
                if add:
                    total += c[places[m] + n]
                c[places[m] + n] = floor if total < floor else total

    return inline(tile)


def _emitted(height: int, vectors: int) -> Any:
    """The same as LLVM vector code: `height` rows x `vectors` vectors."""
    grid = [(m, n) for m in range(height) for n in range(vectors)]

    @intrinsic
    def tile(
        context: Any, a: Any, rows: Any, n_rows: Any, taps: Any, n_t: Any, n_k: Any, a_k: Any, b: Any, b_k: Any, c: Any,
        places: Any, columns: Any, add: Any, bias: Any, floor: Any, soon: Any, step: Any,
    ) -> Any:  # fmt: skip
        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            a, rows, n_rows, taps, n_t, n_k, a_k, b, b_k, c, places, columns, add, bias, floor, soon, step = args

            def block(name: str) -> Any:
                return builder.function.append_basic_block(name)

            def vector_at(base: Any, n: int) -> Any:
                return as_vector(builder, builder.gep(base, [I64(n * LANES)]))

            # A low tile that reaches beyond the last row computes that row again; as all loads of a tile come
            # before its stores, even a sum that is added to C is right.
            row = [I64(m) for m in range(height)]
            if height < ROWS:
                last = builder.sub(n_rows, I64(1))
                row = [builder.select(builder.icmp_signed("<", m, last), m, last) for m in row]
            here = [builder.load(builder.gep(rows, [m])) for m in row]
            base = [builder.gep(c, [builder.load(builder.gep(places, [m]))]) for m in row]
            over = builder.sub(columns, I64((vectors - 1) * LANES))
            mask = first(builder, over)
            whole = builder.icmp_signed(">=", over, I64(LANES))

            for m, n in grid:
                prefetch(builder, builder.gep(base[m], [I64(n * LANES)]), True)

            # start: the bias, or zero where the sum goes to what C holds already
            zeros = ir.Constant(VECTOR, [0.0] * LANES)
            line = [builder.load(vector_at(bias, n), align=4) for n in range(vectors)]
            line = [builder.select(add, zeros, vector) for vector in line]
            start = {(m, n): line[n] for m, n in grid}
            begin, outer, inner, turn, done = (block(name) for name in ("begin", "tap", "step", "turn", "done"))
            builder.branch(begin)
            builder.position_at_end(begin)
            builder.branch(outer)

            # for t in range(n_t)
            builder.position_at_end(outer)
            t, b_t, soon_t = builder.phi(I64), builder.phi(b.type), builder.phi(soon.type)
            t.add_incoming(I64(0), begin)
            b_t.add_incoming(b, begin)
            soon_t.add_incoming(soon, begin)
            sums_t = {mn: builder.phi(VECTOR) for mn in grid}
            for mn in grid:
                sums_t[mn].add_incoming(start[mn], begin)
            a_t = builder.gep(a, [builder.load(builder.gep(taps, [t]))])
            builder.branch(inner)

            # for k in range(n_k)
            builder.position_at_end(inner)
            k, a_now, b_now = builder.phi(I64), builder.phi(a.type), builder.phi(b.type)
            soon_now = builder.phi(soon.type)
            k.add_incoming(I64(0), outer)
            a_now.add_incoming(a_t, outer)
            soon_now.add_incoming(soon_t, outer)
            b_now.add_incoming(b_t, outer)
            sums = {mn: builder.phi(VECTOR) for mn in grid}
            for mn in grid:
                sums[mn].add_incoming(sums_t[mn], outer)
            prefetch(builder, soon_now, False)
            line = [builder.load(vector_at(b_now, n), align=4) for n in range(vectors)]
            after = {}
            for m in range(height):
                value = broadcast(builder, builder.load(builder.gep(a_now, [here[m]]), align=4))
                for n in range(vectors):
                    after[m, n] = call(builder, f"llvm.fmuladd.v{LANES}f32", VECTOR, [value, line[n], sums[m, n]])
            k_next = builder.add(k, I64(1))
            a_next, b_next = builder.gep(a_now, [a_k]), builder.gep(b_now, [b_k])
            k.add_incoming(k_next, inner)
            a_now.add_incoming(a_next, inner)
            soon_next = builder.gep(soon_now, [step])
            soon_now.add_incoming(soon_next, inner)
            b_now.add_incoming(b_next, inner)
            for mn in grid:
                sums[mn].add_incoming(after[mn], inner)
            builder.cbranch(builder.icmp_signed("<", k_next, n_k), inner, turn)

            builder.position_at_end(turn)
            t_next = builder.add(t, I64(1))
            t.add_incoming(t_next, turn)
            b_t.add_incoming(b_next, turn)
            soon_t.add_incoming(soon_next, turn)
            for mn in grid:
                sums_t[mn].add_incoming(after[mn], turn)
            builder.cbranch(builder.icmp_signed("<", t_next, n_t), outer, done)

            builder.position_at_end(done)
            more, store = block("more"), block("store")
            builder.cbranch(add, more, store)
            builder.position_at_end(more)
            both = {}
            for m, n in grid:
                if n < vectors - 1:
                    held = builder.load(vector_at(base[m], n), align=4)
                else:
                    name = f"llvm.masked.load.v{LANES}f32.p0"
                    held = call(builder, name, VECTOR, [vector_at(base[m], n), ir.IntType(32)(4), mask, zeros])
                both[m, n] = builder.fadd(held, after[m, n])
            builder.branch(store)
            builder.position_at_end(store)
            total = {mn: builder.phi(VECTOR) for mn in grid}
            for mn in grid:
                total[mn].add_incoming(after[mn], done)
                total[mn].add_incoming(both[mn], more)
            lowest = broadcast(builder, floor)
            out = {mn: builder.select(builder.fcmp_ordered("<", total[mn], lowest), lowest, total[mn]) for mn in grid}
            full, part, end = block("full"), block("part"), block("end")
            builder.cbranch(whole, full, part)
            for here_block, masked in ((full, False), (part, True)):
                builder.position_at_end(here_block)
                for m, n in grid:
                    if masked and n == vectors - 1:
                        masked_store(builder, out[m, n], vector_at(base[m], n), mask)
                    else:
                        builder.store(out[m, n], vector_at(base[m], n), align=4)
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(*KINDS), code

    return tile


_make = _plain if MODE == "plain" else _emitted
_tall_wide, _tall_slim, _low_wide, _low_slim = (_make(m, n) for m in (ROWS, FEW) for n in (2, 1))


def _panel(
    a: Array, rows: Array, n_rows: int, taps: Array, n_t: int, n_k: int, a_k: int, b: Array, b_k: int, c: Array,
    places: Array, columns: int, add: bool, bias: Array, floor: Any, soon: Array, step: int,
) -> None:  # fmt: skip
    """Multiply any number of rows, tile by tile."""
    wide = columns > LANES
    m = 0
    while m < n_rows:
        here, there, left = at(rows, m), at(places, m), n_rows - m
        if left >= ROWS:
            if wide:
                _tall_wide(
                    a, here, left, taps, n_t, n_k, a_k, b, b_k, c, there, columns, add, bias, floor, soon, step,
                )  # fmt: skip
            else:
                _tall_slim(
                    a, here, left, taps, n_t, n_k, a_k, b, b_k, c, there, columns, add, bias, floor, soon, step,
                )  # fmt: skip
            soon = at(soon, n_t * n_k * step)
            m += ROWS
        else:
            if wide:
                _low_wide(a, here, left, taps, n_t, n_k, a_k, b, b_k, c, there, columns, add, bias, floor, soon, 0)
            else:
                _low_slim(a, here, left, taps, n_t, n_k, a_k, b, b_k, c, there, columns, add, bias, floor, soon, 0)
            m += FEW


_rows_of_tiles = inline(_panel) if MODE == "plain" else outline(*KINDS)(_panel)


@inline
def multiply(
    a: Array, a0: int, rows: Array, r0: int, n_rows: int, taps: Array, t0: int, n_t: int, n_k: int, a_k: int,
    b: Array, b0: int, b_k: int, c: Array, c0: int, places: Array, columns: int,
    add: bool, bias: Array, bias0: int, floor: Any, soon: Array, soon0: int, step: int,
) -> None:  # fmt: skip
    """Multiply ``n_rows`` rows of A by one panel of B: the module's formula for any number of rows.

    Parameters
    ----------
    a, a0, rows, r0, n_rows : row m of A starts at a[a0 + rows[r0 + m]].
    taps, t0, n_t, n_k, a_k : tap t adds taps[t0 + t], step k adds k*a_k.
    b, b0, b_k : the panel's first row, and the distance of its rows; two vectors are read when ``columns`` exceeds
        LANES, else one.
    c, c0, places : row m of C starts at c[c0 + places[r0 + m]].
    columns : how many columns are stored.
    add, bias, bias0 : sums are added to C, or start from bias[bias0 + n] (a whole panel is read).
    floor : results below it are set to it: 0 for a fused ReLU, -inf for none.
    soon, soon0, step : memory that will be read next; each step of a full tile asks for one of its lines, ``step``
        elements further on than the step before. 0 for none.
    """
    _rows_of_tiles(
        at(a, a0), at(rows, r0), n_rows, at(taps, t0), n_t, n_k, a_k, at(b, b0), b_k, at(c, c0), at(places, r0),
        columns, add, at(bias, bias0), floor, at(soon, soon0), step,
    )  # fmt: skip


NO_FLOOR = np.float32(-np.inf)
