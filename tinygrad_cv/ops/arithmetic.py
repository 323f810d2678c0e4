"""The arithmetic of two operands, on equal shapes and dtypes once `broadcast.alike` has made them so.

The file is long because comparisons and logic share its broadcasting, and every public function states its rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..typing import Array, Value
from . import broadcast
from .broadcast import align, alike, cast, floating, result_type
from .errors import ArgumentError, DTypeError
from .kernels.readings import SMALL, pick
from .layout import dense
from .op import Op, Plain

__all__ = [
    "add", "addcdiv", "addcmul", "allclose", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "div",
    "divide", "eq", "equal", "floor_divide", "fmod", "ge", "gt", "isclose", "le", "lerp", "logical_and",
    "logical_not", "logical_or", "logical_xor", "lt", "maximum", "minimum", "mul", "multiply", "ne", "neg",
    "negative", "pow", "remainder", "sub", "subtract", "true_divide", "where",
]  # fmt: skip


class Add(Op):
    """y = a + b."""

    tail = "add"

    def forward(self, a: Array, b: Array) -> Array:
        if a.size < SMALL or a.shape != b.shape or 0 in a.strides or 0 in b.strides:
            return a + b
        return pick("add", a.dtype)(dense(a), b)

    def grad_a(self, g: Value) -> Value:
        return g

    def grad_b(self, g: Value) -> Value:
        return g


class Sub(Op):
    """y = a - b."""

    def forward(self, a: Array, b: Array) -> Array:
        return a - b

    def grad_a(self, g: Value) -> Value:
        return g

    def grad_b(self, g: Value) -> Value:
        return -g


class Mul(Op):
    """y = a b."""

    def forward(self, a: Array, b: Array) -> Array:
        return a * b

    def grad_a(self, g: Value, b: Value) -> Value:
        return g * b

    def grad_b(self, g: Value, a: Value) -> Value:
        return g * a


class Div(Op):
    """y = a / b; dy/da = 1/b, dy/db = -y/b."""

    def forward(self, a: Array, b: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return a / b

    def grad_a(self, g: Value, b: Value) -> Value:
        return div(g, b)

    def grad_b(self, g: Value, b: Value, y: Value) -> Value:
        return div(-g * y, b)


class Neg(Op):
    """y = -x."""

    def forward(self, x: Array) -> Array:
        return -x

    def grad_x(self, g: Value) -> Value:
        return -g


class Pow(Op):
    """y = a^b; dy/da = b a^(b-1) (0 where b is 0), dy/db = y ln a (0 where a and b are 0, as 0^0 = 1 is kept)."""

    def forward(self, a: Array, b: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.power(a, b).astype(a.dtype, copy=False)

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return where(eq(b, 0), _zero(a), g * (b * pow(a, b - 1)))

    def grad_b(self, g: Value, a: Value, b: Value, y: Value) -> Value:
        from .elementwise import log

        flat = Plain(lambda a, b: (a == 0) & (b >= 0), "flat")(a, b)
        return g * where(flat, _zero(y), y * log(where(flat, _zero(a) + 1, a)))


class PowScalar(Op):
    """y = x^p with a number p; dy/dx = p x^(p-1)."""

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def forward(self, x: Array) -> Array:
        p = self.exponent
        if p == 2:
            return x * x
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.power(x, x.dtype.type(p)) if isinstance(p, float) else np.power(x, p)

    def grad_x(self, g: Value, x: Value) -> Value:
        p = self.exponent
        if p == 0:
            return g * 0
        return g * (p * x) if p == 2 else g * (p * PowScalar(p - 1)(x))


class Extremum(Op):
    """y = max(a, b) or min(a, b), element by element.

    At a tie each operand receives half (PyTorch's choice of sub-gradient).
    """

    def __init__(self, function: Callable[..., Any], wins: Callable[..., Any]) -> None:
        self.function, self.wins = function, wins

    def forward(self, a: Array, b: Array) -> Array:
        return self.function(a, b)

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return g * Plain(lambda a, b: self.wins(a, b).astype(a.dtype) + (a == b) / a.dtype.type(2), "share")(a, b)

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return g * Plain(lambda a, b: self.wins(b, a).astype(a.dtype) + (a == b) / a.dtype.type(2), "share")(a, b)


class Where(Op):
    """y = a where the condition holds, else b."""

    constant = ("condition",)

    def forward(self, condition: Array, a: Array, b: Array) -> Array:
        return np.where(condition, a, b)

    def grad_a(self, g: Value, condition: Value) -> Value:
        return where(condition, g, _zero(g))

    def grad_b(self, g: Value, condition: Value) -> Value:
        return where(condition, _zero(g), g)


ADD, _SUB, _MUL, _DIV, _NEG, _POW, _WHERE = Add(), Sub(), Mul(), Div(), Neg(), Pow(), Where()
_MAXIMUM, _MINIMUM = Extremum(np.maximum, np.greater), Extremum(np.minimum, np.less)


def _zero(like: Value) -> Any:
    return like.dtype.type(0)


def _no_bool(a: Value, b: Value) -> None:
    """Refuse to subtract booleans."""
    for v in (a, b):
        if getattr(v, "dtype", None) == np.bool_ or isinstance(v, bool):
            raise DTypeError("sub: a bool operand has no differences; use ~ or a logical operator, or cast to a number")


def _two_tensors(op: str, a: Value, b: Value, instead: str) -> None:
    for v in (a, b):
        if not hasattr(v, "dtype"):
            raise DTypeError(f"{op}: {v!r} is a number, expected two tensors; write {instead}, or make it a tensor")


def _scaled(op: str, input: Value, other: Value, alpha: float) -> Value:
    """Return ``alpha * other``; integers take whole factors alone."""
    if isinstance(alpha, float) and result_type(input, other).kind != "f":
        raise DTypeError(f"{op}: alpha is {alpha} for integers; give an int, or cast to floating point")
    dtype = result_type(input, other)
    return cast(mul(cast(other, dtype), alpha), dtype) if hasattr(other, "dtype") else other * alpha


def add(input: Value, other: Value, *, alpha: float = 1) -> Value:
    """Return ``input + alpha * other``.

    Derivative: g for ``input``, alpha g for ``other``.
    """
    if alpha != 1:
        other = _scaled("add", input, other, alpha)
    a, b = alike("add", input, other)
    return ADD(a, b)


def sub(input: Value, other: Value, *, alpha: float = 1) -> Value:
    """Return ``input - alpha * other``.

    Derivative: g for ``input``, -alpha g for ``other``.
    """
    _no_bool(input, other)
    if alpha != 1:
        other = _scaled("sub", input, other, alpha)
    a, b = alike("sub", input, other)
    return _SUB(a, b)


def mul(input: Value, other: Value) -> Value:
    """Return ``input * other``.

    Derivative: ``g * other`` and ``g * input``.
    """
    a, b = alike("mul", input, other)
    return _MUL(a, b)


def div(input: Value, other: Value, *, rounding_mode: str | None = None) -> Value:
    """Return ``input / other``; integers divide to floating point. ``rounding_mode``: None, 'floor' or 'trunc'.

    Derivative, without rounding: ``g / other`` and ``-g * y / other``; with rounding the quotient is constant: 0.
    """
    if rounding_mode is not None:
        return _divide_rounding(input, other, rounding_mode)
    a, b = alike("div", input, other)
    if a.dtype.kind != "f":
        a, b = align("div", *(floating(v) if hasattr(v, "dtype") else float(v) for v in (input, other)))
    return _DIV(a, b)


def _divide_rounding(input: Value, other: Value, mode: str) -> Value:
    from .elementwise import floor, trunc

    if mode not in ("floor", "trunc"):
        raise ArgumentError(f"div: rounding_mode is {mode!r}; give None, 'floor' or 'trunc'")
    dtype = result_type(input, other)
    if dtype.kind == "f":
        quotient = div(input, other)
        return floor(quotient) if mode == "floor" else trunc(quotient)
    if dtype == np.bool_:
        raise DTypeError("div: booleans have no whole quotient; cast to a number first")
    a, b = align("div", input, other)
    if (np.asarray(b) == 0).any():
        raise ArgumentError("div: an integer divisor is 0; integers have no infinity, so cast to float or avoid zeros")
    return Plain(np.floor_divide if mode == "floor" else _truncate_divide, "floor_divide")(a, b)


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
    return Plain(np.remainder)(a, b)


def fmod(input: Value, other: Value) -> Value:
    """Return ``input - other * trunc(input / other)``: C's modulus, the sign is the input's.

    Derivative: g for ``input``, ``-g * trunc(input / other)`` for ``other``.
    """
    a, b = align("fmod", input, other)
    if a.dtype.kind == "f":
        return sub(a, mul(b, div(a, b, rounding_mode="trunc")))
    return Plain(np.fmod)(a, b)


def neg(input: Value) -> Value:
    """Return ``-input``.

    Derivative: -g.
    """
    if input.dtype == np.bool_:
        raise DTypeError("neg: a bool tensor has no negative; use ~ (logical_not), or cast to a number first")
    return _NEG(input)


def pow(input: Value, exponent: Value) -> Value:
    """Return ``input ** exponent``, element by element; either may be a number.

    Derivative: ``g * exponent * input ** (exponent - 1)``, and ``g * y * ln(input)`` for the exponent.
    """
    if isinstance(exponent, (int, float)) and not isinstance(exponent, bool):
        if isinstance(exponent, float) and input.dtype.kind != "f":
            input = floating(input)
        if input.dtype.kind in "iu" and exponent < 0:
            raise ArgumentError(f"pow: an integer tensor has no power {exponent}; cast to float first")
        if input.dtype == np.bool_:
            input = cast(input, np.dtype(np.int64))
        return PowScalar(exponent)(input)
    a, b = align("pow", input, exponent)
    return _POW(a, b)


def maximum(input: Value, other: Value) -> Value:
    """Return the larger of the two, element by element; NaN wins.

    Derivative: g for the larger one, halved between both where they are equal.
    """
    _two_tensors("maximum", input, other, "clamp(x, min=...)")
    return _MAXIMUM(*alike("maximum", input, other))


def minimum(input: Value, other: Value) -> Value:
    """Return the smaller of the two, element by element; NaN wins.

    Derivative: g for the smaller one, halved between both where they are equal.
    """
    _two_tensors("minimum", input, other, "clamp(x, max=...)")
    return _MINIMUM(*alike("minimum", input, other))


def where(condition: Value, input: Value, other: Value) -> Value:
    """Return ``input`` where ``condition`` holds, else ``other``; all three broadcast.

    Derivative: g where the operand was taken, 0 elsewhere; none for ``condition``.
    """
    if condition.dtype != np.bool_:
        raise DTypeError(
            f"where: the condition has dtype {condition.dtype}, expected bool; write a comparison such as x > 0"
        )
    dtype = result_type(input, other)
    shape = broadcast.broadcast_shape(
        "where", condition.shape, *(v.shape for v in (input, other) if hasattr(v, "dtype"))
    )
    a, b = (v if hasattr(v, "dtype") else dtype.type(v) for v in (input, other))
    operands = (condition, broadcast.cast(a, dtype), broadcast.cast(b, dtype))
    return _WHERE(*(v if isinstance(v, np.generic) else broadcast.expand_to(v, shape) for v in operands))


def lerp(input: Value, end: Value, weight: Value) -> Value:
    """Return ``input + weight * (end - input)``.

    Derivative: ``g * (1 - weight)``, ``g * weight`` and ``g * (end - input)``.
    """
    for name, x in (("end", end), ("weight", weight)):
        if hasattr(x, "dtype") and x.dtype != input.dtype:
            raise DTypeError(f"lerp: {name} has dtype {x.dtype}, the input {input.dtype}; cast one of them")
    return input + weight * (end - input)


def addcmul(input: Value, tensor1: Value, tensor2: Value, *, value: float = 1) -> Value:
    """Return ``input + value * tensor1 * tensor2``.

    Derivative: g, ``value * g * tensor2`` and ``value * g * tensor1``.
    """
    return input + value * (tensor1 * tensor2)


def addcdiv(input: Value, tensor1: Value, tensor2: Value, *, value: float = 1) -> Value:
    """Return ``input + value * tensor1 / tensor2``.

    Derivative: g, ``value * g / tensor2`` and ``-value * g * tensor1 / tensor2 ** 2``.
    """
    return input + value * div(tensor1, tensor2)


def _comparison(function: Callable[..., Any], sentence: str) -> Callable[[Value, Value], Value]:
    op, name = Plain(function), function.__name__

    def compare(input: Value, other: Value) -> Value:
        return op(*alike(name, input, other))

    compare.__name__, compare.__doc__ = name, f"{sentence}, element by element, as a bool tensor."
    return compare


eq = _comparison(np.equal, "Tell where ``input == other``")
ne = _comparison(np.not_equal, "Tell where ``input != other``")
lt = _comparison(np.less, "Tell where ``input < other``")
le = _comparison(np.less_equal, "Tell where ``input <= other``")
gt = _comparison(np.greater, "Tell where ``input > other``")
ge = _comparison(np.greater_equal, "Tell where ``input >= other``")


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
    _two_tensors("logical_and", input, other, "a comparison")
    return Plain(np.logical_and)(*alike("logical_and", input, other))


def logical_or(input: Value, other: Value) -> Value:
    """Return True where at least one is true (non-zero)."""
    _two_tensors("logical_or", input, other, "a comparison")
    return Plain(np.logical_or)(*alike("logical_or", input, other))


def bitwise_not(input: Value) -> Value:
    """Return the bitwise *not* of a bool or integer tensor."""
    if input.dtype.kind == "f":
        raise DTypeError(f"bitwise_not: the input has dtype {input.dtype}; give a bool or integer tensor")
    return Plain(np.invert)(input)


def logical_xor(input: Value, other: Value) -> Value:
    """Return True where exactly one is true (non-zero)."""
    _two_tensors("logical_xor", input, other, "a comparison")
    return Plain(np.logical_xor)(*alike("logical_xor", input, other))


def isclose(input: Value, other: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Value:
    """Tell which elements agree within ``atol + rtol * |other|``.

    ``rtol`` and ``atol`` are the relative and the absolute tolerance; with ``equal_nan``, NaN agrees with NaN.
    """
    return Plain(lambda a, b: np.isclose(a, b, rtol, atol, equal_nan), "isclose")(input, other)


def equal(input: Value, other: Value) -> bool:
    """Tell whether two tensors have the same shape and elements."""
    return tuple(input.shape) == tuple(other.shape) and bool((np.asarray(input) == np.asarray(other)).all())


def allclose(input: Value, other: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Tell whether all elements agree within ``atol + rtol * |other|``.

    A Python bool; see `isclose`.
    """
    return bool(np.allclose(np.asarray(input), np.asarray(other), rtol, atol, equal_nan))


subtract, multiply, divide, true_divide, negative = sub, mul, div, div, neg
