"""Activation functions: composites of a line or two over `elementwise`; GELU and SiLU are fused beside theirs."""

from __future__ import annotations

import math

import numpy as np

from ..typing import Array, Value
from .arithmetic import where
from .broadcast import only_float, read_number
from .comparison import eq, ge, gt
from .elementwise import abs as absolute
from .elementwise import clamp, erf, expm1, log1pexp, sigmoid, tanh
from .errors import ArgumentError, DTypeError, ShapeError
from .joining import narrow
from .kernels.readings import pick
from .layout import dense
from .op import Op, Plain
from .shape import read_dim, reshape

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "logsigmoid", "mish", "prelu", "relu6", "selu", "silu", "softplus", "softshrink", "softsign",
    "tanhshrink", "threshold",
]  # fmt: skip


class Gelu(Op):
    """y = x Phi(x), in one pass over memory each way where the composite needs five and more."""

    def forward(self, x: Array) -> Array:
        return pick("gelu", x.dtype)(dense(x))

    def composite(self, x: Value) -> Value:
        return x * (0.5 * (erf(x * math.sqrt(0.5)) + 1))

    def grad_x(self, g: Value, x: Value) -> Value:
        return pick("gelu_grad", x.dtype, x.size)(dense(g), dense(x))


class Silu(Op):
    """y = x sigmoid(x), likewise."""

    def forward(self, x: Array) -> Array:
        return pick("silu", x.dtype)(dense(x))

    def composite(self, x: Value) -> Value:
        return x * sigmoid(x)

    def grad_x(self, g: Value, x: Value) -> Value:
        return pick("silu_grad", x.dtype, x.size)(dense(g), dense(x))


_GELU, _SILU = Gelu(), Silu()


def leaky_relu(input: Value, negative_slope: float = 0.01, inplace: bool = False) -> Value:
    """Return x where x > 0, else ``negative_slope * x`` (Maas, Hannun and Ng 2013).

    Derivative: g where x > 0, else ``negative_slope * g``.
    """
    only_float("leaky_relu", input)
    return where(gt(input, 0), input, input * negative_slope)


def prelu(input: Value, weight: Value) -> Value:
    """Return x where x > 0, else ``weight * x``; one weight, or one per channel (dimension 1) (He et al. 2015).

    Derivative: g where x > 0, else ``weight * g``; for the weight, the sum of g x where x <= 0.
    """
    only_float("prelu", input)
    if weight.dtype != input.dtype:
        raise DTypeError(f"prelu: x has dtype {input.dtype}, the weight {weight.dtype}; cast one of them")
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.shape not in ((), (1,), (channels,)):
        raise ShapeError(
            f"prelu: weight has shape {weight.shape} for an input {input.shape}; give (1,) or ({channels},)"
        )
    weight = reshape(
        weight, (channels,) + (1,) * (input.ndim - 2) if weight.shape == (channels,) and input.ndim > 1 else ()
    )
    return where(gt(input, 0), input, input * weight)


def relu6(input: Value, inplace: bool = False) -> Value:
    """Return min(max(x, 0), 6) (Howard et al. 2017).

    Derivative: g where 0 < x < 6, else 0.
    """
    return hardtanh(input, 0.0, 6.0)


def hardtanh(input: Value, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Value:
    """Return x limited to [min_val, max_val]; the derivative is 1 strictly inside and 0 on the limits, as in
    PyTorch.
    """
    if input.dtype == np.bool_:
        raise DTypeError("hardtanh: a bool tensor has no size to limit; cast to a number first")
    if input.dtype.kind == "u" and min_val <= -1:
        raise DTypeError(f"hardtanh: min_val is {min_val} for {input.dtype}, which has no negative numbers; cast first")
    if min_val > max_val:
        raise ArgumentError(f"hardtanh: min_val {min_val} is larger than max_val {max_val}; swap them")
    inside = Plain(lambda x: (x > min_val) & (x < max_val), "inside")(input)
    edge = Plain(lambda x: np.clip(x, min_val, max_val).astype(x.dtype), "clip")(input)
    return where(inside, input, edge)


def elu(input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    """Return x where x > 0, else alpha (e^x - 1) (Clevert, Unterthiner and Hochreiter 2016).

    Derivative: g where x > 0, else g alpha e^x.
    """
    only_float("elu", input)
    positive = gt(input, 0)
    bent = expm1(where(positive, 0.0, input)) * alpha
    return where(positive, input, where(eq(input, 0), input * alpha, bent))  # at 0 PyTorch's second derivative is 0


def celu(input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    """Return max(0, x) + min(0, alpha (e^(x/alpha) - 1)) (Barron 2017).

    Derivative: g where x > 0, else g e^(x/alpha).
    """
    only_float("celu", input)
    if alpha == 0:
        raise ArgumentError("celu: alpha is 0, by which x is divided; give another number")
    positive = ge(input, 0)
    bent = expm1(where(positive, 0.0, input) / alpha) * alpha
    return where(positive, input, bent)


def selu(input: Value, inplace: bool = False) -> Value:
    """Return the self-normalising scale * elu(x, alpha) (Klambauer et al. 2017).

    scale = 1.0507.., alpha = 1.6733..; they keep mean 0 and variance 1. Derivative: that of `elu`, times scale.
    """
    only_float("selu", input)
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return elu(input, alpha) * scale


def gelu(input: Value, *, approximate: str = "none") -> Value:
    """Return x Phi(x), Phi the normal distribution; ``approximate='tanh'`` for the paper's approximation (Hendrycks
    and Gimpel 2016).

    Derivative: g (Phi(x) + x phi(x)), phi the normal density.
    """
    only_float("gelu", input)
    if approximate == "none":
        return _GELU(input)
    if approximate != "tanh":
        raise ArgumentError(f"gelu: approximate is {approximate!r}; give 'none' or 'tanh'")
    inner = (input + 0.044715 * (input * input * input)) * math.sqrt(2 / math.pi)
    return 0.5 * input * (tanh(inner) + 1)


def silu(input: Value, inplace: bool = False) -> Value:
    """Return x sigmoid(x), also called swish (Elfwing, Uchibe and Doya 2017).

    Derivative: g s (1 + x (1 - s)), s = sigmoid(x).
    """
    only_float("silu", input)
    return _SILU(input)


def softplus(input: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    """Return ln(1 + e^(beta x)) / beta, computed without overflow; x itself where beta x > threshold.

    Derivative: g sigmoid(beta x).
    """
    only_float("softplus", input)
    scaled = input * beta
    return where(gt(scaled, threshold), input, log1pexp(scaled) / beta)


def mish(input: Value, inplace: bool = False) -> Value:
    """Return x tanh(softplus(x)) (Misra 2019).

    Derivative: g (t + x (1 - t^2) sigmoid(x)), t = tanh(softplus(x)).
    """
    only_float("mish", input)
    return input * tanh(softplus(input))


def hardswish(input: Value, inplace: bool = False) -> Value:
    """Return x relu6(x + 3) / 6 (Howard et al. 2019).

    Derivative: g (2 x + 3) / 6 where -3 < x < 3, 0 below, g above.
    """
    only_float("hardswish", input)
    return input * (relu6(input + 3) / 6)


def hardsigmoid(input: Value, inplace: bool = False) -> Value:
    """Return relu6(x + 3) / 6.

    That is, (x + 3) / 6 limited to [0, 1]. Derivative: g / 6 where -3 < x < 3, else 0.
    """
    only_float("hardsigmoid", input)
    return relu6(input + 3) / 6


def hardshrink(input: Value, lambd: float = 0.5) -> Value:
    """Return x where |x| > lambd, else 0.

    Derivative: g where |x| > lambd, else 0.
    """
    only_float("hardshrink", input)
    return where(Plain(lambda x: np.abs(x) > lambd, "outside")(input), input, input * 0)


def softshrink(input: Value, lambd: float = 0.5) -> Value:
    """Return x drawn towards 0 by lambd, and 0 where |x| <= lambd.

    Derivative: g where |x| > lambd, else 0.
    """
    only_float("softshrink", input)
    if not 0 <= lambd < float("inf"):
        raise ArgumentError(f"softshrink: lambd is {lambd}; give a finite number of at least 0")
    return input - clamp(input, -lambd, lambd)


def tanhshrink(input: Value) -> Value:
    """Return x - tanh(x).

    Derivative: g tanh(x)^2.
    """
    return input - tanh(input)


def softsign(input: Value) -> Value:
    """Return x / (1 + |x|).

    Values in (-1, 1). Derivative: g / (1 + |x|)^2.
    """
    return input / (absolute(input) + 1)


def logsigmoid(input: Value) -> Value:
    """Return ln sigmoid(x), computed without overflow.

    Derivative: g (1 - sigmoid(x)).
    """
    only_float("logsigmoid", input)
    return -softplus(-input, threshold=math.inf)


def threshold(input: Value, threshold: float, value: float, inplace: bool = False) -> Value:
    """Return x where x > threshold, else ``value``.

    Derivative: g where x > threshold, else 0.
    """
    if input.dtype == np.bool_:
        raise DTypeError("threshold: a bool tensor has no size to compare; cast to a number first")
    read_number("threshold", "threshold", threshold, input.dtype)
    return where(gt(input, threshold), input, read_number("threshold", "value", value, input.dtype))


def glu(input: Value, dim: int = -1) -> Value:
    """Split in two halves a, b along ``dim`` and return a sigmoid(b) (Dauphin et al. 2017).

    ``dim`` must have an even size. Derivative: g sigmoid(b) for a, g a sigmoid(b) (1 - sigmoid(b)) for b.
    """
    only_float("glu", input)
    if input.ndim == 0:
        raise ShapeError("glu: a tensor without dimensions has no halves; give at least one dimension")
    d = read_dim("glu", dim, input.ndim)
    half, odd = divmod(input.shape[d], 2)
    if odd:
        raise ShapeError(f"glu: dimension {dim} of {input.shape} has the odd size {input.shape[d]}; give an even one")
    return narrow(input, d, 0, half) * sigmoid(narrow(input, d, half, half))
