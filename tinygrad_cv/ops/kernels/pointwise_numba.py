"""Activations, sums and their gradients, compiled: float32 arrays as one long row, a stretch for each thread.

One loop serves all; what differs is a function of vectors, handed to it when it is compiled. Cheap functions wait for
memory, so a second thread pays only where the array outgrows a cache (``GRAIN``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...typing import Array
from . import simd_math
from .jit import get_num_threads, inline, spread
from .memory import empty, flat
from .simd import LANES, fma, load_first, maximum, splat, store_first, where_gt

GRAIN = 1 << 14
"""Elements that are worth another thread."""

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_ROOT, _DENSITY = np.float32(math.sqrt(0.5)), np.float32(1 / math.sqrt(2 * math.pi))
_vector_sigmoid, _vector_tanh = simd_math.sigmoid, simd_math.tanh
_exp, _erf = simd_math.exp, simd_math.erf


@inline
def _map(worker: int, workers: int, f: Any, x: Array, y: Array) -> None:
    """y = f(x), the worker's share of whole vectors, and for the last worker the rest."""
    vectors = len(x) // LANES
    for k in range(worker * vectors // workers, (worker + 1) * vectors // workers):
        store_first(y, k * LANES, f(load_first(x, k * LANES, LANES)), LANES)
    rest = len(x) - vectors * LANES
    if worker == workers - 1 and rest > 0:
        store_first(y, vectors * LANES, f(load_first(x, vectors * LANES, rest)), rest)


@inline
def _map2(worker: int, workers: int, f: Any, a: Array, b: Array, y: Array) -> None:
    """y = f(a, b), likewise; y may be a or b."""
    vectors = len(a) // LANES
    for k in range(worker * vectors // workers, (worker + 1) * vectors // workers):
        i = k * LANES
        store_first(y, i, f(load_first(a, i, LANES), load_first(b, i, LANES)), LANES)
    rest = len(a) - vectors * LANES
    if worker == workers - 1 and rest > 0:
        i = vectors * LANES
        store_first(y, i, f(load_first(a, i, rest), load_first(b, i, rest)), rest)


@inline
def _share(x: Any) -> Any:
    return (splat(_ONE) + _erf(x * splat(_ROOT))) * splat(_HALF)


@inline
def _relu(x: Any) -> Any:
    return maximum(x, splat(_ZERO))


@spread
def _relu_all(worker: int, workers: int, x: Array, y: Array) -> None:
    _map(worker, workers, _relu, x, y)


@inline
def _sigmoid(x: Any) -> Any:
    return _vector_sigmoid(x)


@spread
def _sigmoid_all(worker: int, workers: int, x: Array, y: Array) -> None:
    _map(worker, workers, _sigmoid, x, y)


@inline
def _tanh(x: Any) -> Any:
    return _vector_tanh(x)


@spread
def _tanh_all(worker: int, workers: int, x: Array, y: Array) -> None:
    _map(worker, workers, _tanh, x, y)


@inline
def _silu(x: Any) -> Any:
    return x * _vector_sigmoid(x)


@spread
def _silu_all(worker: int, workers: int, x: Array, y: Array) -> None:
    _map(worker, workers, _silu, x, y)


@inline
def _gelu(x: Any) -> Any:
    return x * _share(x)


@spread
def _gelu_all(worker: int, workers: int, x: Array, y: Array) -> None:
    _map(worker, workers, _gelu, x, y)


@inline
def _relu_grad(g: Any, y: Any) -> Any:
    return where_gt(y, splat(_ZERO), g, splat(_ZERO))


@spread
def _relu_grad_all(worker: int, workers: int, g: Array, y: Array, out: Array) -> None:
    _map2(worker, workers, _relu_grad, g, y, out)


@inline
def _add(a: Any, b: Any) -> Any:
    return a + b


@spread
def _add_all(worker: int, workers: int, a: Array, b: Array, out: Array) -> None:
    _map2(worker, workers, _add, a, b, out)


@inline
def _add_relu(a: Any, b: Any) -> Any:
    return maximum(a + b, splat(_ZERO))


@spread
def _add_relu_all(worker: int, workers: int, a: Array, b: Array, out: Array) -> None:
    _map2(worker, workers, _add_relu, a, b, out)


@inline
def _sigmoid_grad(g: Any, y: Any) -> Any:
    return g * y * (splat(_ONE) - y)


@spread
def _sigmoid_grad_all(worker: int, workers: int, g: Array, y: Array, out: Array) -> None:
    _map2(worker, workers, _sigmoid_grad, g, y, out)


@inline
def _tanh_grad(g: Any, y: Any) -> Any:
    return g * (splat(_ONE) - y * y)


@spread
def _tanh_grad_all(worker: int, workers: int, g: Array, y: Array, out: Array) -> None:
    _map2(worker, workers, _tanh_grad, g, y, out)


@inline
def _silu_grad(g: Any, x: Any) -> Any:
    s = _vector_sigmoid(x)
    return g * s * fma(x, splat(_ONE) - s, splat(_ONE))


@spread
def _silu_grad_all(worker: int, workers: int, g: Array, x: Array, out: Array) -> None:
    _map2(worker, workers, _silu_grad, g, x, out)


@inline
def _gelu_grad(g: Any, x: Any) -> Any:
    density = splat(_DENSITY) * _exp(x * x * splat(-_HALF))
    return g * fma(x, density, _share(x))


@spread
def _gelu_grad_all(worker: int, workers: int, g: Array, x: Array, out: Array) -> None:
    _map2(worker, workers, _gelu_grad, g, x, out)


def _workers(size: int) -> int:
    return max(1, min(get_num_threads(), size // GRAIN))


def _like(x: Array) -> Array:
    """Return an empty array of the shape of x, which is dense, and of its order in memory."""
    return empty(x.shape, strides=None if x.flags.c_contiguous else x.strides)


def _alike(a: Array, b: Array) -> Array:
    """Return b, copied into the order of a where it lies otherwise."""
    if b.strides == a.strides:
        return b
    copy = _like(a)
    copy[...] = b
    return copy


def _apply(f: Any, x: Array) -> Array:
    y = _like(x)
    f(_workers(x.size), flat(x), flat(y))
    return y


def _apply2(f: Any, a: Array, b: Array) -> Array:
    # Row-major gives way: one such gradient, from a mean or a flatten, would else be handed on from block to block
    # along the shortcuts of a residual network, and each of its sums would copy the other operand.
    if a.flags.c_contiguous and not b.flags.c_contiguous:
        a = _alike(b, a)
    y = _like(a)
    f(_workers(a.size), flat(a), flat(_alike(a, b)), flat(y))
    return y


def relu(x: Array) -> Array:
    """See `pointwise_loops.relu`."""
    return _apply(_relu_all, x)


def sigmoid(x: Array) -> Array:
    """See `pointwise_loops.sigmoid`."""
    return _apply(_sigmoid_all, x)


def tanh(x: Array) -> Array:
    """See `pointwise_loops.tanh`."""
    return _apply(_tanh_all, x)


def silu(x: Array) -> Array:
    """See `pointwise_loops.silu`."""
    return _apply(_silu_all, x)


def gelu(x: Array) -> Array:
    """See `pointwise_loops.gelu`."""
    return _apply(_gelu_all, x)


def relu_grad(g: Array, y: Array) -> Array:
    """See `pointwise_loops.relu_grad`."""
    return _apply2(_relu_grad_all, g, y)


def sigmoid_grad(g: Array, y: Array) -> Array:
    """See `pointwise_loops.sigmoid_grad`."""
    return _apply2(_sigmoid_grad_all, g, y)


def tanh_grad(g: Array, y: Array) -> Array:
    """See `pointwise_loops.tanh_grad`."""
    return _apply2(_tanh_grad_all, g, y)


def silu_grad(g: Array, x: Array) -> Array:
    """See `pointwise_loops.silu_grad`."""
    return _apply2(_silu_grad_all, g, x)


def gelu_grad(g: Array, x: Array) -> Array:
    """See `pointwise_loops.gelu_grad`."""
    return _apply2(_gelu_grad_all, g, x)


def add(a: Array, b: Array) -> Array:
    """See `pointwise_loops.add`."""
    return _apply2(_add_all, a, b)


def add_relu(a: Array, b: Array) -> Array:
    """See `pointwise_loops.add_relu`."""
    return _apply2(_add_relu_all, a, b)
