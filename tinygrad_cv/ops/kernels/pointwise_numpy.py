"""Activations, sums and their gradients in array expressions; the formulas stand in `pointwise_loops`."""

from __future__ import annotations

import math

import numpy as np

from ...typing import Array

_erf = np.vectorize(math.erf, otypes=[np.float64])


def relu(x: Array) -> Array:
    """See `pointwise_loops.relu`."""
    return np.maximum(x, 0)


def relu_grad(g: Array, y: Array) -> Array:
    """See `pointwise_loops.relu_grad`."""
    return np.where(y > 0, g, g.dtype.type(0))


def add(a: Array, b: Array) -> Array:
    """Return a + b."""
    return a + b


def add_relu(a: Array, b: Array) -> Array:
    """See `pointwise_loops.add_relu`."""
    return relu(a + b)


def sigmoid(x: Array) -> Array:
    """See `pointwise_loops.sigmoid`."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small), x.dtype)


def sigmoid_grad(g: Array, y: Array) -> Array:
    """See `pointwise_loops.sigmoid_grad`."""
    return np.asarray(g * y * (1 - y))


def tanh(x: Array) -> Array:
    """See `pointwise_loops.tanh`."""
    return np.tanh(x)


def tanh_grad(g: Array, y: Array) -> Array:
    """See `pointwise_loops.tanh_grad`."""
    return np.asarray(g * (1 - y * y))


def silu(x: Array) -> Array:
    """See `pointwise_loops.silu`."""
    return np.asarray(x * sigmoid(x))


def silu_grad(g: Array, x: Array) -> Array:
    """See `pointwise_loops.silu_grad`."""
    s = sigmoid(x)
    return np.asarray(g * s * (1 + x * (1 - s)))


def _share(x: Array) -> Array:
    return (1 + _erf(x / math.sqrt(2))) / 2 if x.size else x


def gelu(x: Array) -> Array:
    """See `pointwise_loops.gelu`."""
    return (x * _share(x)).astype(x.dtype)


def gelu_grad(g: Array, x: Array) -> Array:
    """See `pointwise_loops.gelu_grad`."""
    return (g * (_share(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi))).astype(x.dtype)
