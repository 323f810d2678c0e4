"""Comparing, and logic: functions of two operands whose value is constant, so that no gradient flows through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..typing import Value
from .broadcast import align, alike, broadcast_shape, result_type
from .errors import ArgumentError, DTypeError
from .op import Plain

__all__ = [
    "allclose", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "eq", "equal", "ge", "gt", "isclose", "le",
    "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "ne",
]  # fmt: skip


def two_tensors(op: str, a: Value, b: Value, instead: str) -> None:
    """Refuse a number where a tensor is needed."""
    for v in (a, b):
        if not hasattr(v, "dtype"):
            raise DTypeError(f"{op}: {v!r} is a number, expected two tensors; write {instead}, or make it a tensor")


def _comparison(name: str, function: Callable[..., Any], sentence: str) -> Callable[[Value, Value], Value]:
    op = Plain(function, name)

    def compare(input: Value, other: Value) -> Value:
        return op(*alike(name, input, other))

    compare.__name__, compare.__doc__ = name, f"{sentence}, element by element, as a bool tensor."
    return compare


eq = _comparison("eq", np.equal, "Tell where ``input == other``")
ne = _comparison("ne", np.not_equal, "Tell where ``input != other``")
lt = _comparison("lt", np.less, "Tell where ``input < other``")
le = _comparison("le", np.less_equal, "Tell where ``input <= other``")
gt = _comparison("gt", np.greater, "Tell where ``input > other``")
ge = _comparison("ge", np.greater_equal, "Tell where ``input >= other``")


def _bitwise(function: Callable[..., Any], sentence: str) -> Callable[[Value, Value], Value]:
    op, name = Plain(function), function.__name__

    def combine(input: Value, other: Value) -> Value:
        if result_type(input, other).kind == "f":
            raise DTypeError(f"{name}: an operand is of floating point; give bool or integer tensors")
        return op(*align(name, input, other))

    combine.__name__, combine.__doc__ = name, f"{sentence} of bool or integer tensors, element by element."
    return combine


bitwise_and = _bitwise(np.bitwise_and, "Return the bitwise *and*")
bitwise_or = _bitwise(np.bitwise_or, "Return the bitwise *or*")
bitwise_xor = _bitwise(np.bitwise_xor, "Return the bitwise *exclusive or*")


def logical_not(input: Value) -> Value:
    """Return True where ``input`` is False or zero."""
    return Plain(np.logical_not)(input)


def logical_and(input: Value, other: Value) -> Value:
    """Return True where both are true (non-zero)."""
    two_tensors("logical_and", input, other, "a comparison")
    return Plain(np.logical_and)(*alike("logical_and", input, other))


def logical_or(input: Value, other: Value) -> Value:
    """Return True where at least one is true (non-zero)."""
    two_tensors("logical_or", input, other, "a comparison")
    return Plain(np.logical_or)(*alike("logical_or", input, other))


def bitwise_not(input: Value) -> Value:
    """Return the bitwise *not* of a bool or integer tensor."""
    if input.dtype.kind == "f":
        raise DTypeError(f"bitwise_not: the input has dtype {input.dtype}; give a bool or integer tensor")
    return Plain(np.invert)(input)


def logical_xor(input: Value, other: Value) -> Value:
    """Return True where exactly one is true (non-zero)."""
    two_tensors("logical_xor", input, other, "a comparison")
    return Plain(np.logical_xor)(*alike("logical_xor", input, other))


def isclose(input: Value, other: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Value:
    """Tell which elements agree within ``atol + rtol * |other|``.

    ``rtol`` and ``atol`` are the relative and the absolute tolerance; with ``equal_nan``, NaN agrees with NaN.
    """
    _comparable("isclose", input, other, rtol, atol)
    return Plain(lambda a, b: np.isclose(a, b, rtol, atol, equal_nan), "isclose")(input, other)


def equal(input: Value, other: Value) -> bool:
    """Tell whether two tensors have the same shape and elements."""
    return tuple(input.shape) == tuple(other.shape) and bool((np.asarray(input) == np.asarray(other)).all())


def allclose(input: Value, other: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Tell whether all elements agree within ``atol + rtol * |other|``.

    A Python bool; see `isclose`.
    """
    _comparable("allclose", input, other, rtol, atol)
    return bool(np.allclose(np.asarray(input), np.asarray(other), rtol, atol, equal_nan))


def _comparable(op: str, a: Value, b: Value, rtol: float, atol: float) -> None:
    if not (rtol >= 0 and atol >= 0):
        raise ArgumentError(f"{op}: rtol is {rtol} and atol {atol}; give tolerances of at least 0")
    two_tensors(op, a, b, "abs(x - number) < tolerance")
    if a.dtype != b.dtype:
        raise DTypeError(f"{op}: dtypes {a.dtype} and {b.dtype}; cast one of them")
    broadcast_shape(op, a.shape, b.shape)
