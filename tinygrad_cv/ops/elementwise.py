"""Functions of one operand, element by element: a table of values and derivatives.

Each line defines one op. The derivative is a function of ``x`` (the operand) or ``y`` (the value): its signature
decides which of them a recorded op keeps, and it is written in ops, so it has derivatives of its own.
"""

from __future__ import annotations

import builtins
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..typing import Array, Value
from .arithmetic import PowScalar, div, where
from .broadcast import cast, floating, only_float, read_number, result_type
from .comparison import gt, lt
from .errors import ArgumentError, DTypeError
from .kernels.readings import pick
from .layout import dense
from .op import Op, Plain

__all__ = [
    "abs", "absolute", "acos", "asin", "atan", "ceil", "clamp", "clip", "cos", "cosh", "erf", "exp", "exp2",
    "expm1", "floor", "frac", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "positive",
    "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh",
    "trunc",
]  # fmt: skip

Function = Callable[[Value], Value]


def _elementwise(
    name: str, forward: Callable[[Array], Array], derivative: Callable[..., Any], formula: str, slope: str
) -> Function:
    """Define the op class of a differentiable function and return the public function.

    ``slope`` says for the docstring what g is multiplied with, or divided by.
    """
    if "x" in inspect.signature(derivative).parameters:

        def grad_x(self: Op, g: Value, x: Value) -> Value:
            return g * derivative(x)
    else:

        def grad_x(self: Op, g: Value, y: Value) -> Value:  # type: ignore[misc]
            return g * derivative(y)

    def quiet(self: Op, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return forward(x)

    body = {
        "forward": quiet,
        "grad_x": grad_x,
        "__doc__": f"y = {formula}, element by element.",
        "__module__": __name__,
    }
    op = type(name.capitalize(), (Op,), body)()

    def function(input: Value) -> Value:
        return op(floating(input))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"Return {formula}, element by element; integers become floating point.\n\n    Derivative: g {slope}.\n    "
    )
    return function


def _composed(name: str, composite: Function, formula: str, slope: str) -> Function:
    """Return the public function of a line of other ops."""

    def function(input: Value) -> Value:
        return composite(floating(input))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"Return {formula}, element by element; integers become floating point.\n\n    Derivative: g {slope}.\n    "
    )
    return function


class Steps(Op):
    """y = x rounded in one way or another, or its sign: constant between jumps, so that the derivative is 0."""

    def __init__(self, function: Callable[[Array], Array]) -> None:
        self.function = function

    def forward(self, x: Array) -> Array:
        return self.function(x)

    def grad_x(self, g: Value) -> Value:
        return g * 0


def _constant(name: str, forward: Callable[[Array], Array], sentence: str) -> Function:
    """Return a piecewise constant function: its derivative is zero wherever there is one."""
    op = Steps(forward)

    def function(input: Value) -> Value:
        if input.dtype == np.bool_ and name != "sign":
            raise DTypeError(f"{name.strip('_')}: a bool tensor has nothing to round; cast to a number first")
        return op(input) if input.dtype.kind == "f" or name == "sign" else input

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{sentence}, element by element. The derivative is 0."
    return function


def _erf(x: Array) -> Array:
    """Return the error function: math.erf element by element (NumPy has none), in float64."""
    flat = np.asarray(x, np.float64).ravel()
    return np.fromiter(map(math.erf, flat.tolist()), np.float64, flat.size).reshape(np.shape(x)).astype(x.dtype)


exp = _elementwise("exp", np.exp, lambda y: y, "e^x", "y")
expm1 = _elementwise("expm1", np.expm1, lambda y: y + 1, "e^x - 1, accurate near 0", "(y + 1)")
log = _elementwise("log", np.log, lambda x: div(1.0, x), "ln x", "/ x")
log1p = _elementwise("log1p", np.log1p, lambda x: div(1.0, x + 1), "ln(1 + x), accurate near 0", "/ (1 + x)")
log2 = _composed("log2", lambda x: log(x) / math.log(2), "the logarithm of x to base 2", "/ (x ln 2)")
log10 = _composed("log10", lambda x: log(x) / math.log(10), "the logarithm of x to base 10", "/ (x ln 10)")
sqrt = _composed("sqrt", PowScalar(0.5), "the square root of x", "/ (2 y)")
rsqrt = _composed("rsqrt", PowScalar(-0.5), "1 / sqrt(x)", "(-y^3 / 2)")
reciprocal = _composed("reciprocal", PowScalar(-1), "1 / x", "(-y^2)")
sin: Function = _elementwise("sin", np.sin, lambda x: cos(x), "sin x", "cos x")
cos: Function = _elementwise("cos", np.cos, lambda x: -sin(x), "cos x", "(-sin x)")
tan = _composed("tan", lambda x: div(sin(x), cos(x)), "tan x", "(1 + y^2)")
asin = _elementwise("asin", np.arcsin, lambda x: rsqrt(1 - x * x), "the arc sine of x", "/ sqrt(1 - x^2)")
acos = _composed("acos", lambda x: math.pi / 2 - asin(x), "the arc cosine of x", "(-1 / sqrt(1 - x^2))")
atan = _elementwise("atan", np.arctan, lambda x: div(1.0, x * x + 1), "the arc tangent of x", "/ (1 + x^2)")
sinh = _composed("sinh", lambda x: (expm1(x) - expm1(-x)) * 0.5, "sinh x", "cosh x")
cosh = _composed("cosh", lambda x: (exp(x) + exp(-x)) * 0.5, "cosh x", "sinh x")
erf = _elementwise(
    "erf", _erf, lambda x: exp(-(x * x)) * (2 / math.sqrt(math.pi)), "the error function of x", "2 e^(-x^2) / sqrt(pi)"
)

log1pexp = _elementwise(
    "log1pexp", lambda x: np.logaddexp(x, 0), lambda x: sigmoid(x), "ln(1 + e^x), without overflow", "sigmoid(x)"
)

floor = _constant("floor", np.floor, "Round down")
ceil = _constant("ceil", np.ceil, "Round up")
trunc = _constant("trunc", np.trunc, "Round towards zero")
sign = _constant("sign", lambda x: x if x.dtype == np.bool_ else np.sign(x), "Return -1, 0 or 1 by the sign")
_round = _constant("round", np.rint, "Round to the nearest integer, halves to even")


class Sigmoid(Op):
    """y = 1 / (1 + e^-x)."""

    def forward(self, x: Array) -> Array:
        return pick("sigmoid", x.dtype)(dense(x))

    def grad_x(self, g: Value, y: Value) -> Value:
        return _SIGMOID_GRAD(g, y)


class SigmoidGrad(Op):
    """y = t v (1 - v), for the value v of a sigmoid: one pass instead of three."""

    def forward(self, t: Array, v: Array) -> Array:
        return pick("sigmoid_grad", t.dtype, t.size)(dense(t), v)

    def grad_t(self, g: Value, v: Value) -> Value:
        return _SIGMOID_GRAD(g, v)

    def grad_v(self, g: Value, t: Value, v: Value) -> Value:
        return g * t * (1 - 2 * v)


class Tanh(Op):
    """y = tanh x."""

    def forward(self, x: Array) -> Array:
        return pick("tanh", x.dtype, x.size)(dense(x))

    def grad_x(self, g: Value, y: Value) -> Value:
        return _TANH_GRAD(g, y)


class TanhGrad(Op):
    """y = t (1 - v^2), for the value v of a tanh: one pass instead of three."""

    def forward(self, t: Array, v: Array) -> Array:
        return pick("tanh_grad", t.dtype, t.size)(dense(t), v)

    def grad_t(self, g: Value, v: Value) -> Value:
        return _TANH_GRAD(g, v)

    def grad_v(self, g: Value, t: Value, v: Value) -> Value:
        return -2 * (g * t * v)


class Abs(Op):
    """y = |x|; the derivative is sign(x), 0 at 0."""

    def forward(self, x: Array) -> Array:
        return np.abs(x)

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * sign(x)


class Relu(Op):
    """y = max(x, 0); the derivative is 1 where y > 0 and 0 elsewhere (0 is the sub-gradient chosen at 0)."""

    tail = "relu"
    masked = "makes"

    def forward(self, x: Array) -> Array:
        return pick("relu", x.dtype, x.size)(dense(x))

    def grad_x(self, g: Value, y: Value) -> Value:
        return _RELU_GRAD(g, y)


class ReluGrad(Op):
    """y = t where the ReLU's value was positive, else 0: linear in t, and its own derivative."""

    constant = ("value",)

    def forward(self, t: Array, value: Array) -> Array:
        return pick("relu_grad", t.dtype, t.size)(dense(t), value)

    def grad_t(self, g: Value, value: Value) -> Value:
        return _RELU_GRAD(g, value)


_ABS, _RELU, _RELU_GRAD = Abs(), Relu(), ReluGrad()
_SIGMOID, _SIGMOID_GRAD, _TANH, _TANH_GRAD = Sigmoid(), SigmoidGrad(), Tanh(), TanhGrad()


def sigmoid(input: Value) -> Value:
    """Return 1 / (1 + e^-x), element by element; integers become floating point. Derivative: y (1 - y)."""
    return _SIGMOID(floating(input))


def tanh(input: Value) -> Value:
    """Return tanh x, element by element; integers become floating point. Derivative: 1 - y^2."""
    return _TANH(floating(input))


def abs(input: Value) -> Value:
    """Return |x|, element by element; the derivative at 0 is taken as 0."""
    if input.dtype == np.bool_:
        raise DTypeError("abs: a bool tensor has no sign; cast to a number first")
    return _ABS(input)


def relu(input: Value, inplace: bool = False) -> Value:
    """Return max(x, 0), element by element; the derivative at 0 is taken as 0 (Nair and Hinton 2010)."""
    if input.dtype == np.bool_:
        raise DTypeError("relu: a bool tensor has no sign; cast to a number first")
    return _RELU(input)


def square(input: Value) -> Value:
    """Return x^2, element by element; booleans become int64."""
    x = cast(input, np.dtype(np.int64)) if input.dtype == np.bool_ else input
    return x * x


def round(input: Value, *, decimals: int = 0) -> Value:
    """Round to ``decimals`` places, halves to even. The derivative is 0."""
    if decimals == 0:
        return _round(input)
    if input.dtype.kind != "f":
        raise DTypeError(
            f"round: decimals is {decimals} for dtype {input.dtype}, which has none; cast with .float() first"
        )
    scale = 10.0 ** builtins.abs(decimals)
    return _round(input * scale) / scale if decimals > 0 else _round(input / scale) * scale


def clamp(input: Value, min: Value | None = None, max: Value | None = None) -> Value:
    """Limit to [min, max]; either may be None, a number, or a tensor.

    The derivative with respect to ``input`` is 1 inside and on the limits and 0 outside.
    """
    if min is None and max is None:
        raise ArgumentError("clamp: both limits are None; give min, max or both")
    if min is not None and max is not None and hasattr(min, "dtype") != hasattr(max, "dtype"):
        raise DTypeError("clamp: one limit is a tensor and the other a number; give two of a kind")
    dtype = result_type(input, *(v for v in (min, max) if v is not None))
    if dtype.kind != "f":
        for name, limit in (("min", min), ("max", max)):
            if limit is not None and not hasattr(limit, "dtype"):
                read_number("clamp", name, limit, dtype)
        if dtype == np.bool_:
            raise DTypeError("clamp: a bool tensor has no size to limit; cast to a number first")
    if isinstance(min, (int, float, type(None))) and isinstance(max, (int, float, type(None))):
        return Clamp(min, max)(cast(input, dtype))
    y = cast(input, dtype)
    if min is not None:
        y = where(lt(y, min), min, y)
    return y if max is None else where(gt(y, max), max, y)


class Clamp(Op):
    """y = min(max(x, low), high) for numbers; the derivative is 1 where low <= x <= high."""

    def __init__(self, low: float | None, high: float | None) -> None:
        self.low, self.high = low, high

    def forward(self, x: Array) -> Array:
        low: Any = self.low
        high: Any = self.high
        if x.dtype.kind == "u":  # negative limits wrap round, as in PyTorch; NumPy refuses them
            low, high = (None if v is None else np.asarray(v).astype(x.dtype) for v in (low, high))
        return np.clip(x, low, high)

    def grad_x(self, g: Value, x: Value) -> Value:
        inside = np.inf
        low = -inside if self.low is None else self.low
        high = inside if self.high is None else self.high
        return g * Plain(lambda x: ((x >= low) & (x <= high)).astype(x.dtype), "inside")(x)


def exp2(input: Value) -> Value:
    """Return 2^x, element by element."""
    return exp(floating(input) * math.log(2))


def frac(input: Value) -> Value:
    """Return the part of x behind the point, with the sign of x."""
    only_float("frac", input)
    return input - trunc(input)


def positive(input: Value) -> Value:
    """Return x itself."""
    if input.dtype == np.bool_:
        raise DTypeError("positive: a bool tensor has no sign; cast to a number first")
    return input


absolute, clip = abs, clamp


def isnan(input: Value) -> Value:
    """Tell which elements are not a number."""
    return Plain(np.isnan)(input)


def isinf(input: Value) -> Value:
    """Tell which elements are infinite."""
    return Plain(np.isinf)(input)


def isfinite(input: Value) -> Value:
    """Tell which elements are neither infinite nor NaN."""
    return Plain(np.isfinite)(input)


def detach(x: Value) -> Value:
    """Return x as a constant: no gradient flows through it. Arrays are constants already."""
    return _DETACH(x)


_DETACH = Plain(lambda x: x, "detach")
