"""Activations, sums and their gradients, number by number: what is meant. Arrays of any one shape.

    relu        max(x, 0)                     silu   x s(x),  s(x) = 1 / (1 + e^-x)
    sigmoid     s(x)                          gelu   x F(x),  F(x) = (1 + erf(x / sqrt 2)) / 2
    tanh        tanh(x)

A gradient takes what is cheapest to keep: y where the derivative is a function of it (relu: [y > 0], sigmoid:
y (1 - y), tanh: 1 - y^2), else x (silu: s (1 + x (1 - s)), gelu: F + x e^(-x^2/2) / sqrt(2 pi)).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...typing import Array


def _each(f: Callable[..., float], *arrays: Array) -> Array:
    y = np.empty_like(arrays[0])
    for i in np.ndindex(*y.shape):
        y[i] = f(*(float(a[i]) for a in arrays))
    return y


def _s(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _f(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def relu(x: Array) -> Array:
    """Return max(x, 0); NaN stays."""
    return _each(lambda x: 0 if x < 0 else x, x)


def relu_grad(g: Array, y: Array) -> Array:
    """Return g where y > 0, else 0."""
    return _each(lambda g, y: g if y > 0 else 0, g, y)


def add(a: Array, b: Array) -> Array:
    """Return a + b."""
    return _each(lambda a, b: a + b, a, b)


def add_relu(a: Array, b: Array) -> Array:
    """Return max(a + b, 0)."""
    return relu(add(a, b))


def sigmoid(x: Array) -> Array:
    """Return s(x)."""
    return _each(_s, x)


def sigmoid_grad(g: Array, y: Array) -> Array:
    """Return g y (1 - y)."""
    return _each(lambda g, y: g * y * (1 - y), g, y)


def tanh(x: Array) -> Array:
    """Return tanh(x)."""
    return _each(math.tanh, x)


def tanh_grad(g: Array, y: Array) -> Array:
    """Return g (1 - y^2)."""
    return _each(lambda g, y: g * (1 - y * y), g, y)


def silu(x: Array) -> Array:
    """Return x s(x) (Elfwing, Uchibe and Doya 2018)."""
    return _each(lambda x: x * _s(x), x)


def silu_grad(g: Array, x: Array) -> Array:
    """Return g s (1 + x (1 - s))."""
    return _each(lambda g, x: g * _s(x) * (1 + x * (1 - _s(x))), g, x)


def gelu(x: Array) -> Array:
    """Return x F(x) (Hendrycks and Gimpel 2016)."""
    return _each(lambda x: x * _f(x), x)


def gelu_grad(g: Array, x: Array) -> Array:
    """Return g (F + x e^(-x^2/2) / sqrt(2 pi))."""
    return _each(lambda g, x: g * (_f(x) + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)), g, x)
