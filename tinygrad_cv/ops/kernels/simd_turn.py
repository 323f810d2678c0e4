"""Turn a square of LANES x LANES numbers over in registers: rows of memory become columns.

Eklundh's algorithm (1972, "A fast computer method for matrix transposing"): of every two rows whose numbers differ in
one bit d, the upper gives its right half of each 2d columns for the other's left half; one pass for each bit. So 16 x
16 numbers take 16 loads, 64 shuffles and 16 stores, where one by one they would take 256 of each.
"""

# mypy: disable-error-code="misc, no-untyped-call, untyped-decorator"
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ...typing import Array
from .jit import inline
from .simd import I32, LANES, MODE, VECTOR, as_vector, element

_flat = types.Array(types.float32, 1, "C")


def _plain(x: Array, at: int, step: int, y: Array, put: int, apart: int) -> None:
    """Set y[put + j*apart + i] = x[at + i*step + j] for i and j below LANES."""
    for i in range(LANES):
        for j in range(LANES):
            y[put + j * apart + i] = x[at + i * step + j]


def _emitted() -> Any:
    @intrinsic
    def square(context: Any, x: Any, at: Any, step: Any, y: Any, put: Any, apart: Any) -> Any:
        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            x, at, step, y, put, apart = args

            def address(kind: int, array: Any, first: Any, distance: Any, k: int) -> Any:
                index = builder.add(first, builder.mul(distance, ir.Constant(distance.type, k)))
                return as_vector(builder, element(context, builder, sig.args[kind], array, index))

            rows = [builder.load(address(0, x, at, step, k), align=4) for k in range(LANES)]
            d = 1
            while d < LANES:
                left = [j if not j & d else LANES + j - d for j in range(LANES)]
                right = [j + d if not j & d else LANES + j for j in range(LANES)]
                masks = [ir.Constant(ir.VectorType(I32, LANES), lanes) for lanes in (left, right)]
                for i in range(LANES):
                    if not i & d:
                        pair = rows[i], rows[i + d]
                        rows[i], rows[i + d] = (builder.shuffle_vector(*pair, mask) for mask in masks)
                d *= 2
            for k, row in enumerate(rows):
                assert row.type == VECTOR
                builder.store(row, address(3, y, put, apart, k), align=4)
            return context.get_dummy_value()

        return types.void(_flat, types.intp, types.intp, _flat, types.intp, types.intp), code

    return square


_square = inline(_plain) if MODE == "plain" else _emitted()


@inline
def turn(x: Array, at: int, step: int, rows: int, y: Array, put: int, apart: int, columns: int) -> None:
    """Set y[put + j*apart + i] = x[at + i*step + j] for i < rows and j < columns, LANES of each at most."""
    if rows == LANES and columns == LANES:
        _square(x, at, step, y, put, apart)
        return
    for i in range(rows):
        for j in range(columns):
            y[put + j * apart + i] = x[at + i * step + j]
