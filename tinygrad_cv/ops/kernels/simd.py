"""A vector of float32 for numba, as wide as the CPU's registers: ``load``, ``store``, ``+ - *`` and friends.

    for i in range(0, n, LANES):
        store(y, i, load(a, i) * splat(s) + load(b, i))

Arrays are one-dimensional, C-contiguous float32; an index counts elements. Nothing is checked: a load beyond
the end reads whatever lies there. LANES follows the CPU, or the environment variable TGCV_SIMD:

    avx512   16 lanes        avx2   8 lanes
    neon      4 lanes, on any CPU with 128-bit registers
    plain     1 lane: a vector is a number, and every function below has its plain meaning

The plain functions are the definition; they also run without a compiler (NUMBA_DISABLE_JIT=1). The others
emit LLVM vector code through numba's ``intrinsic``. Numba vectorises plain loops as well, but in registers of
256 bits at most, and not where it must prove that arrays do not overlap.
"""

# mypy: disable-error-code="misc, no-untyped-call, no-any-return, attr-defined, untyped-decorator"
from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from ...typing import Array
from .jit import inline

WIDTHS = {"avx512": 16, "avx2": 8, "neon": 4, "plain": 1}


def _mode() -> str:
    wish = os.environ.get("TGCV_SIMD", "").lower()
    if numba.config.DISABLE_JIT:
        return "plain"
    if wish in WIDTHS:
        return wish
    if wish not in ("", "auto"):
        raise ValueError(f"TGCV_SIMD: {wish!r} is not a kind of vector; give one of {', '.join(WIDTHS)}")
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return "avx512"
    return "avx2" if features.get("avx2") and features.get("fma") else "neon"


MODE = _mode()
LANES = WIDTHS[MODE]
F32, I32 = ir.FloatType(), ir.IntType(32)
VECTOR = ir.VectorType(F32, LANES)


class VectorType(types.Type):
    """The numba type of LANES float32 in one register."""

    def __init__(self) -> None:
        super().__init__(name=f"f32x{LANES}")


vector = VectorType()
_flat = types.Array(types.float32, 1, "C")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


def _operator(function: Any, name: str) -> None:
    class Template(ConcreteTemplate):
        cases = [signature(vector, vector, vector)]

    infer_global(function)(Template)

    @lower_builtin(function, vector, vector)
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, name)(*args, flags=("contract", "nsz", "arcp"))


for _function, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _operator(_function, _name)


def call(builder: Any, name: str, result: Any, args: list[Any]) -> Any:
    """Emit a call of an LLVM intrinsic."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def element(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """Emit the address of ``array[index]``, of an array or of what lies at an address."""
    data = context.data_model_manager[kind].get(builder, array, "data") if isinstance(kind, types.Array) else array
    return builder.gep(data, [index])


def broadcast(builder: Any, scalar: Any) -> Any:
    """Emit a vector whose lanes are all ``scalar``."""
    kind = ir.VectorType(scalar.type, LANES)
    unset, zeros = ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
    return builder.shuffle_vector(builder.insert_element(unset, scalar, I32(0)), unset, zeros)


def first(builder: Any, count: Any) -> Any:
    """Emit the mask of the first ``count`` lanes."""
    lanes = ir.Constant(ir.VectorType(I32, LANES), list(range(LANES)))
    return builder.icmp_signed("<", lanes, broadcast(builder, builder.trunc(count, I32)))


def as_vector(builder: Any, address: Any) -> Any:
    """Emit ``address`` as the address of a vector."""
    return builder.bitcast(address, VECTOR.as_pointer())


def masked_store(builder: Any, value: Any, address: Any, mask: Any) -> None:
    """Emit a store of the lanes that ``mask`` names."""
    kind = ir.FunctionType(ir.VoidType(), [VECTOR, address.type, I32, mask.type])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{LANES}f32.p0")
    builder.call(function, [value, address, I32(4), mask])


def masked_load(builder: Any, address: Any, mask: Any) -> Any:
    """Emit a load of the lanes that ``mask`` names; the others are zero."""
    args = [as_vector(builder, address), I32(4), mask, ir.Constant(VECTOR, [0.0] * LANES)]
    return call(builder, f"llvm.masked.load.v{LANES}f32.p0", VECTOR, args)


def prefetch(builder: Any, address: Any, write: bool, level: int = 1) -> None:
    """Emit a hint that the line at ``address`` will soon be read, or written: it comes to this level of cache."""
    kind = ir.FunctionType(ir.VoidType(), [address.type, I32, I32, I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [address, I32(int(write)), I32(4 - level), I32(1)])


def _emits(result: Any, *given: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a plain function by the vector code that the decorated function emits (not in plain mode)."""

    def decorate(emit: Callable[..., Any]) -> Callable[..., Any]:
        plain = PLAIN[emit.__name__]
        if MODE == "plain":
            return inline(plain)

        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            out = emit(context, builder, sig, *args)
            return context.get_dummy_value() if result is types.void else out

        # intrinsic counts the parameters, so each number of them needs a function of its own
        typers: list[Callable[..., Any]] = [
            lambda context, a: (result(*given), code),
            lambda context, a, b: (result(*given), code),
            lambda context, a, b, c: (result(*given), code),
            lambda context, a, b, c, d: (result(*given), code),
        ]
        typer = typers[len(given) - 1]
        typer.__name__, typer.__doc__ = emit.__name__, plain.__doc__
        return intrinsic(typer)

    return decorate


def _load(a: Array, i: int) -> Any:
    """Return the vector a[i : i + LANES]."""
    return a[i]


def _load_first(a: Array, i: int, n: int) -> Any:
    """Return a[i : i + n], filled up with zeros; nothing beyond is read."""
    return a[i] if n > 0 else np.float32(0)


def _store(a: Array, i: int, v: Any) -> None:
    """Set a[i : i + LANES] to v."""
    a[i] = v


def _store_first(a: Array, i: int, v: Any, n: int) -> None:
    """Set a[i : i + n] to the first n lanes of v."""
    if n > 0:
        a[i] = v


def _ask(a: Array, i: int) -> None:
    """Ask for the line of memory around a[i], which will be read some microseconds from now: a hint, of any i."""


def _claim(a: Array, i: int) -> None:
    """Ask for the line of memory around a[i], which will soon be written: a hint, of any i."""


def _splat(s: Any) -> Any:
    """Return a vector whose lanes are all s."""
    return np.float32(s)


def _fma(a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c, rounded once where the CPU can."""
    return a * b + c


def _maximum(a: Any, b: Any) -> Any:
    """Return the larger of each pair of lanes; NaN where a is NaN."""
    return b if a < b else a


def _minimum(a: Any, b: Any) -> Any:
    """Return the smaller of each pair of lanes; NaN where a is NaN."""
    return b if a > b else a


def _where_gt(a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return x where a > b, else y (y where either is NaN)."""
    return x if a > b else y


def _sqrt(a: Any) -> Any:
    """Return the square root of each lane."""
    return np.float32(math.sqrt(a))


def _total(a: Any) -> Any:
    """Return the sum of the lanes, in the fixed order of a tree."""
    return a


PLAIN: dict[str, Callable[..., Any]] = {
    function.__name__[1:]: function
    for function in (
        _load, _load_first, _store, _store_first, _ask, _claim, _splat, _fma, _maximum, _minimum, _where_gt,
        _sqrt, _total,
    )
}  # fmt: skip


@_emits(vector, _flat, types.intp)
def load(context: Any, builder: Any, sig: Any, a: Any, i: Any) -> Any:
    return builder.load(as_vector(builder, element(context, builder, sig.args[0], a, i)), align=4)


@_emits(vector, _flat, types.intp, types.intp)
def load_first(context: Any, builder: Any, sig: Any, a: Any, i: Any, n: Any) -> Any:
    return masked_load(builder, element(context, builder, sig.args[0], a, i), first(builder, n))


@_emits(types.void, _flat, types.intp, vector)
def store(context: Any, builder: Any, sig: Any, a: Any, i: Any, v: Any) -> None:
    builder.store(v, as_vector(builder, element(context, builder, sig.args[0], a, i)), align=4)


@_emits(types.void, _flat, types.intp, vector, types.intp)
def store_first(context: Any, builder: Any, sig: Any, a: Any, i: Any, v: Any, n: Any) -> None:
    address = as_vector(builder, element(context, builder, sig.args[0], a, i))
    masked_store(builder, v, address, first(builder, n))


@_emits(types.void, _flat, types.intp)
def ask(context: Any, builder: Any, sig: Any, a: Any, i: Any) -> None:
    prefetch(builder, element(context, builder, sig.args[0], a, i), False, level=2)


@_emits(types.void, _flat, types.intp)
def claim(context: Any, builder: Any, sig: Any, a: Any, i: Any) -> None:
    prefetch(builder, element(context, builder, sig.args[0], a, i), True)


@_emits(vector, types.float32)
def splat(context: Any, builder: Any, sig: Any, s: Any) -> Any:
    return broadcast(builder, s)


@_emits(vector, vector, vector, vector)
def fma(context: Any, builder: Any, sig: Any, a: Any, b: Any, c: Any) -> Any:
    return call(builder, f"llvm.fmuladd.v{LANES}f32", VECTOR, [a, b, c])


@_emits(vector, vector, vector)
def maximum(context: Any, builder: Any, sig: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), b, a)


@_emits(vector, vector, vector)
def minimum(context: Any, builder: Any, sig: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), b, a)


@_emits(vector, vector, vector, vector, vector)
def where_gt(context: Any, builder: Any, sig: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), x, y)


@_emits(vector, vector)
def sqrt(context: Any, builder: Any, sig: Any, a: Any) -> Any:
    return call(builder, f"llvm.sqrt.v{LANES}f32", VECTOR, [a])


@_emits(types.float32, vector)
def total(context: Any, builder: Any, sig: Any, a: Any) -> Any:
    lanes = LANES
    while lanes > 1:
        lanes //= 2
        half = ir.Constant(ir.VectorType(I32, LANES), [(k + lanes) % LANES for k in range(LANES)])
        a = builder.fadd(a, builder.shuffle_vector(a, ir.Constant(VECTOR, ir.Undefined), half))
    return builder.extract_element(a, I32(0))
