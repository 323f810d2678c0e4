"""Quotients without their fraction, and what they leave: rounding division, remainders."""

from __future__ import annotations

import numpy as np

from ..typing import Array, Value
from .arithmetic import div, mul, sub
from .broadcast import align, result_type
from .elementwise import floor, trunc
from .errors import ArgumentError, DTypeError
from .op import Plain

__all__ = [
    "floor_divide", "fmod", "remainder",
]  # fmt: skip


def divide_rounding(input: Value, other: Value, mode: str) -> Value:
    """Return the quotient rounded down ('floor') or towards zero ('trunc')."""
    if mode not in ("floor", "trunc"):
        raise ArgumentError(f"div: rounding_mode is {mode!r}; give None, 'floor' or 'trunc'")
    dtype = result_type(input, other)
    if dtype.kind == "f":
        quotient = div(input, other)
        return floor(quotient) if mode == "floor" else trunc(quotient)
    if dtype == np.bool_:
        raise DTypeError("div: booleans have no whole quotient; cast to a number first")
    a, b = align("div", input, other)
    _no_zero("div", b)
    return Plain(np.floor_divide if mode == "floor" else _truncate_divide, "floor_divide")(a, b)


def _no_zero(op: str, divisor: Value) -> None:
    if (np.asarray(divisor) == 0).any():
        raise ArgumentError(f"{op}: an integer divisor is 0; integers have no infinity, so cast to float")


def _truncate_divide(a: Array, b: Array) -> Array:
    return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))


def floor_divide(input: Value, other: Value) -> Value:
    """Return the quotient rounded towards minus infinity.

    ``input`` and ``other`` broadcast. The derivative is 0.
    """
    return div(input, other, rounding_mode="floor")


def remainder(input: Value, other: Value) -> Value:
    """Return ``input - other * floor(input / other)``, Python's modulus: the sign is the divisor's.

    Derivative: g for ``input``, ``-g * floor(input / other)`` for ``other``.
    """
    a, b = align("remainder", input, other)
    if a.dtype == np.bool_:
        raise DTypeError("remainder: booleans have no remainder; cast to a number first")
    if a.dtype.kind == "f":
        return sub(a, mul(b, floor_divide(a, b)))
    _no_zero("remainder", b)
    return Plain(np.remainder)(a, b)


def fmod(input: Value, other: Value) -> Value:
    """Return ``input - other * trunc(input / other)``: C's modulus, the sign is the input's.

    Derivative: g for ``input``, ``-g * trunc(input / other)`` for ``other``.
    """
    a, b = align("fmod", input, other)
    if a.dtype == np.bool_:
        raise DTypeError("fmod: booleans have no remainder; cast to a number first")
    if a.dtype.kind == "f":
        return sub(a, mul(b, div(a, b, rounding_mode="trunc")))
    _no_zero("fmod", b)
    return Plain(np.fmod)(a, b)
