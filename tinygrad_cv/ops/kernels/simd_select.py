"""More of the vector type: choices that see NaN, comparison and arithmetic of bits, and e^x.

Whole numbers travel through float32 vectors as bits: a load, a store and a choice move them unchanged, so a table
of marks (whole numbers viewed as float32) stands beside the values, and an index needs no vector type of its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from .simd import I32, LANES, PLAIN, _emits, broadcast, call, splat, vector


def _where_wins(a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return x where a > b or a is NaN, else y."""
    return x if a > b or a != a else y


def _where_same(a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return x where a and b are the same bits, else y."""
    return x if np.float32(a).view(np.int32) == np.float32(b).view(np.int32) else y


def _nearest(a: Any) -> Any:
    """Return the nearest whole number, halves to even."""
    return splat(round(a)) if math.isfinite(a) else a


def _pow2(n: Any) -> Any:
    """Return 2^n for whole numbers n from -126 to 127."""
    return splat(math.ldexp(1.0, int(n))) if n == n else n


def _highest(a: Any) -> Any:
    """Return the largest of the lanes."""
    return a


for _function in (_where_wins, _where_same, _nearest, _pow2, _highest):
    PLAIN[_function.__name__[1:]] = _function

_INTS = ir.VectorType(I32, LANES)


@_emits(vector, vector, vector, vector, vector)
def where_wins(context: Any, builder: Any, sig: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    nan = builder.fcmp_unordered("uno", a, a)
    return builder.select(builder.or_(builder.fcmp_ordered(">", a, b), nan), x, y)


@_emits(vector, vector, vector, vector, vector)
def where_same(context: Any, builder: Any, sig: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.icmp_signed("==", builder.bitcast(a, _INTS), builder.bitcast(b, _INTS)), x, y)


@_emits(vector, vector)
def nearest(context: Any, builder: Any, sig: Any, a: Any) -> Any:
    return call(builder, f"llvm.rint.v{LANES}f32", a.type, [a])


@_emits(vector, vector)
def pow2(context: Any, builder: Any, sig: Any, n: Any) -> Any:
    whole = builder.add(builder.fptosi(n, _INTS), broadcast(builder, I32(127)))
    return builder.bitcast(builder.shl(whole, broadcast(builder, I32(23))), n.type)


@_emits(types.float32, vector)
def highest(context: Any, builder: Any, sig: Any, a: Any) -> Any:
    lanes = LANES
    while lanes > 1:
        lanes //= 2
        half = ir.Constant(_INTS, [(k + lanes) % LANES for k in range(LANES)])
        other = builder.shuffle_vector(a, ir.Constant(a.type, ir.Undefined), half)
        a = builder.select(builder.fcmp_ordered(">", other, a), other, a)
    return builder.extract_element(a, I32(0))
