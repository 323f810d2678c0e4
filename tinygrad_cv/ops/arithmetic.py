"""The arithmetic of two operands, on equal shapes and dtypes once `broadcast.alike` has made them so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..typing import Array, DType, Value
from . import broadcast
from .broadcast import align, alike, cast, floating, result_type
from .comparison import eq, two_tensors
from .errors import ArgumentError, DTypeError
from .kernels.readings import SMALL, pick
from .layout import is_dense
from .op import Op, Plain

__all__ = [
    "add", "addcdiv", "addcmul", "div", "divide", "lerp", "maximum", "minimum", "mul", "multiply", "neg", "negative",
    "pow", "sub", "subtract", "true_divide", "where",
]  # fmt: skip


class Add(Op):
    """y = a + b."""

    tail = "add"
    masked = "passes"

    def forward(self, a: Array, b: Array) -> Array:
        if a.size < SMALL or a.shape != b.shape or not is_dense(a) or not is_dense(b):
            return a + b  # NumPy reads slices where they lie; the kernel would copy them
        return pick("add", a.dtype)(a, b)

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
            if a.dtype.kind == "i" and (b < 0).any():  # 1 / a^-b without its fraction
                sign = np.where(b % 2, a, a * a)
                return np.where(b >= 0, np.power(a, np.abs(b)), np.where(np.abs(a) == 1, sign, 0)).astype(a.dtype)
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
            if p in (0.5, -0.5) and x.dtype.kind == "f":
                return np.sqrt(x) if p > 0 else 1 / np.sqrt(x)
            if p == -1 and x.dtype.kind == "f":
                return 1 / x
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


def _scaled(op: str, input: Value, other: Value, alpha: float) -> Value:
    """Return ``alpha * other``; integers take whole factors alone."""
    dtype, kind = result_type(input, other), np.asarray(alpha).dtype.kind
    if kind == "f" and dtype.kind != "f":
        raise DTypeError(f"{op}: alpha is {alpha} for integers; give an int, or cast to floating point")
    if kind == "b" and dtype.kind != "b":
        raise DTypeError(f"{op}: alpha is {alpha}, which scales booleans alone; give a number")
    if alpha == 1:
        return other
    return cast(mul(cast(other, dtype), alpha), dtype) if hasattr(other, "dtype") else other * alpha


def add(input: Value, other: Value, *, alpha: float = 1) -> Value:
    """Return ``input + alpha * other``.

    Derivative: g for ``input``, alpha g for ``other``.
    """
    if alpha != 1 or type(alpha) is not int:
        other = _scaled("add", input, other, alpha)
    a, b = alike("add", input, other)
    return ADD(a, b)


def sub(input: Value, other: Value, *, alpha: float = 1) -> Value:
    """Return ``input - alpha * other``.

    Derivative: g for ``input``, -alpha g for ``other``.
    """
    _no_bool(input, other)
    if alpha != 1 or type(alpha) is not int:
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
        from .division import divide_rounding

        return divide_rounding(input, other, rounding_mode)
    a, b = alike("div", input, other)
    if a.dtype.kind != "f":
        a, b = align("div", *(floating(v) if hasattr(v, "dtype") else float(v) for v in (input, other)))
    return _DIV(a, b)


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
        if input.dtype.kind != "f" and exponent < 0:
            raise ArgumentError(f"pow: an integer tensor has no power {exponent}; cast to float first")
        if input.dtype == np.bool_:
            input = cast(input, np.dtype(np.int64))
        return PowScalar(exponent)(input)
    a, b = align("pow", input, exponent)
    if a.dtype == np.bool_:
        raise DTypeError("pow: booleans have no powers; cast one of them to a number first")
    return _POW(a, b)


def maximum(input: Value, other: Value) -> Value:
    """Return the larger of the two, element by element; NaN wins.

    Derivative: g for the larger one, halved between both where they are equal.
    """
    two_tensors("maximum", input, other, "clamp(x, min=...)")
    return _MAXIMUM(*alike("maximum", input, other))


def minimum(input: Value, other: Value) -> Value:
    """Return the smaller of the two, element by element; NaN wins.

    Derivative: g for the smaller one, halved between both where they are equal.
    """
    two_tensors("minimum", input, other, "clamp(x, max=...)")
    return _MINIMUM(*alike("minimum", input, other))


def where(condition: Value, input: Value = None, other: Value = None) -> Value:
    """Return ``input`` where ``condition`` holds, else ``other``; all three broadcast.

    Without the two, return where the condition holds, as ``nonzero(condition, as_tuple=True)`` does. Derivative: g
    where the operand was taken, 0 elsewhere; none for ``condition``.
    """
    if input is None and other is None:
        from .index import nonzero

        return nonzero(condition, as_tuple=True)
    if condition.dtype == np.uint8:  # PyTorch's old bytes
        condition = cast(condition, np.dtype(np.bool_))
    if condition.dtype != np.bool_:
        raise DTypeError(
            f"where: the condition has dtype {condition.dtype}, expected bool; write a comparison such as x > 0"
        )
    dtype = result_type(input, other)
    shape = broadcast.broadcast_shape(
        "where", condition.shape, *(v.shape for v in (input, other) if hasattr(v, "dtype"))
    )
    a, b = (v if hasattr(v, "dtype") else broadcast.read_number("where", "a branch", v, dtype) for v in (input, other))
    operands = (condition, broadcast.cast(a, dtype), broadcast.cast(b, dtype))
    return _WHERE(*(v if isinstance(v, np.generic) else broadcast.expand_to(v, shape) for v in operands))


def lerp(input: Value, end: Value, weight: Value) -> Value:
    """Return ``input + weight * (end - input)``.

    Derivative: ``g * (1 - weight)``, ``g * weight`` and ``g * (end - input)``.
    """
    two_tensors("lerp", input, end, "torch.full_like(input, number)")
    if input.dtype.kind != "f":
        raise DTypeError(f"lerp: the input has dtype {input.dtype}, of which there are no mixtures; cast with .float()")
    for name, x in (("end", end), ("weight", weight)):
        if hasattr(x, "dtype") and x.dtype != input.dtype:
            raise DTypeError(f"lerp: {name} has dtype {x.dtype}, the input {input.dtype}; cast one of them")
    return input + weight * (end - input)


def addcmul(input: Value, tensor1: Value, tensor2: Value, *, value: float = 1) -> Value:
    """Return ``input + value * tensor1 * tensor2``.

    Derivative: g, ``value * g * tensor2`` and ``value * g * tensor1``.
    """
    two_tensors("addcmul", tensor1, tensor2, "input + value * number * tensor")
    if result_type(input, tensor1, tensor2) == np.bool_:
        raise DTypeError("addcmul: booleans have no products to add; cast to a number first")
    return input + _factor(value, result_type(input, tensor1, tensor2)) * (tensor1 * tensor2)


def addcdiv(input: Value, tensor1: Value, tensor2: Value, *, value: float = 1) -> Value:
    """Return ``input + value * tensor1 / tensor2``.

    Derivative: g, ``value * g / tensor2`` and ``-value * g * tensor1 / tensor2 ** 2``.
    """
    two_tensors("addcdiv", tensor1, tensor2, "input + value * number / tensor")
    if result_type(tensor1, tensor2).kind != "f":
        raise DTypeError("addcdiv: integers divide to floating point; cast tensor1 with .float(), or write it out")
    return input + value * div(tensor1, tensor2)


def _factor(value: float, dtype: DType) -> float:
    """Return a number as an integer result takes it, without its fraction, as PyTorch does."""
    return value if dtype.kind == "f" else int(value)


subtract, multiply, divide, true_divide, negative = sub, mul, div, div, neg
