"""Activation functions: composites of a line or two over `elementwise`."""

from __future__ import annotations

import math

import numpy as np

from ..typing import Value
from .arithmetic import gt, minimum, where
from .elementwise import abs as absolute
from .elementwise import clamp, erf, expm1, log1pexp, sigmoid, tanh
from .errors import ArgumentError, ShapeError
from .op import Plain

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "logsigmoid", "mish", "prelu", "relu6", "selu", "silu", "softplus", "softshrink", "softsign",
    "tanhshrink", "threshold",
]  # fmt: skip


def leaky_relu(input: Value, negative_slope: float = 0.01, inplace: bool = False) -> Value:
    """Return x where x > 0, else ``negative_slope * x`` (Maas, Hannun and Ng 2013)."""
    return where(gt(input, 0), input, input * negative_slope)


def prelu(input: Value, weight: Value) -> Value:
    """Return x where x > 0, else ``weight * x``; one weight, or one per channel (dimension 1) (He et al. 2015)."""
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.shape not in ((), (1,), (channels,)):
        raise ShapeError(
            f"prelu: weight has shape {weight.shape} for an input {input.shape}; give (1,) or ({channels},)"
        )
    if weight.shape == (channels,) and input.ndim > 1:
        weight = weight.reshape((channels,) + (1,) * (input.ndim - 2))
    return where(gt(input, 0), input, input * weight)


def relu6(input: Value, inplace: bool = False) -> Value:
    """Return min(max(x, 0), 6) (Howard et al. 2017)."""
    return hardtanh(input, 0.0, 6.0)


def hardtanh(input: Value, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Value:
    """Return x limited to [min_val, max_val]; the derivative is 1 strictly inside and 0 on the limits, as in
    PyTorch.
    """
    if min_val > max_val:
        raise ArgumentError(f"hardtanh: min_val {min_val} is larger than max_val {max_val}; swap them")
    inside = Plain(lambda x: (x > min_val) & (x < max_val), "inside")(input)
    edge = Plain(lambda x: np.clip(x, min_val, max_val).astype(x.dtype), "clip")(input)
    return where(inside, input, edge)


def elu(input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    """Return x where x > 0, else alpha (e^x - 1) (Clevert, Unterthiner and Hochreiter 2016)."""
    return where(gt(input, 0), input, expm1(minimum(input, 0.0)) * alpha)


def celu(input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    """Return max(0, x) + min(0, alpha (e^(x/alpha) - 1)) (Barron 2017)."""
    if alpha == 0:
        raise ArgumentError("celu: alpha is 0, by which x is divided; give another number")
    return where(gt(input, 0), input, expm1(minimum(input, 0.0) / alpha) * alpha)


def selu(input: Value, inplace: bool = False) -> Value:
    """Return the self-normalising scale * elu(x, alpha) (Klambauer et al. 2017)."""
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return elu(input, alpha) * scale


def gelu(input: Value, approximate: str = "none") -> Value:
    """Return x Phi(x), Phi the normal distribution; ``approximate='tanh'`` for the paper's approximation (Hendrycks
    and Gimpel 2016).
    """
    if approximate == "none":
        return input * (0.5 * (erf(input * math.sqrt(0.5)) + 1))
    if approximate != "tanh":
        raise ArgumentError(f"gelu: approximate is {approximate!r}; give 'none' or 'tanh'")
    inner = (input + 0.044715 * (input * input * input)) * math.sqrt(2 / math.pi)
    return 0.5 * input * (tanh(inner) + 1)


def silu(input: Value, inplace: bool = False) -> Value:
    """Return x sigmoid(x), also called swish (Elfwing, Uchibe and Doya 2017)."""
    return input * sigmoid(input)


def softplus(input: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    """Return ln(1 + e^(beta x)) / beta, computed without overflow; x itself where beta x > threshold."""
    scaled = input * beta
    return where(gt(scaled, threshold), input, log1pexp(scaled) / beta)


def mish(input: Value, inplace: bool = False) -> Value:
    """Return x tanh(softplus(x)) (Misra 2019)."""
    return input * tanh(softplus(input))


def hardswish(input: Value, inplace: bool = False) -> Value:
    """Return x relu6(x + 3) / 6 (Howard et al. 2019)."""
    return input * (relu6(input + 3) / 6)


def hardsigmoid(input: Value, inplace: bool = False) -> Value:
    """Return relu6(x + 3) / 6."""
    return relu6(input + 3) / 6


def hardshrink(input: Value, lambd: float = 0.5) -> Value:
    """Return x where |x| > lambd, else 0."""
    return where(Plain(lambda x: np.abs(x) > lambd, "outside")(input), input, input * 0)


def softshrink(input: Value, lambd: float = 0.5) -> Value:
    """Return x drawn towards 0 by lambd, and 0 where |x| <= lambd."""
    if lambd < 0:
        raise ArgumentError(f"softshrink: lambd is {lambd}; give a number of at least 0")
    return input - clamp(input, -lambd, lambd)


def tanhshrink(input: Value) -> Value:
    """Return x - tanh(x)."""
    return input - tanh(input)


def softsign(input: Value) -> Value:
    """Return x / (1 + |x|)."""
    return input / (absolute(input) + 1)


def logsigmoid(input: Value) -> Value:
    """Return ln sigmoid(x), computed without overflow."""
    return -softplus(-input, threshold=math.inf)


def threshold(input: Value, threshold: float, value: float, inplace: bool = False) -> Value:
    """Return x where x > threshold, else ``value``."""
    return where(gt(input, threshold), input, value)


def glu(input: Value, dim: int = -1) -> Value:
    """Split in two halves a, b along ``dim`` and return a sigmoid(b) (Dauphin et al. 2017)."""
    from .shape import chunk

    if input.shape[dim] % 2:
        raise ShapeError(f"glu: dimension {dim} of {input.shape} has the odd size {input.shape[dim]}; give an even one")
    a, b = chunk(input, 2, dim)
    return a * sigmoid(b)
