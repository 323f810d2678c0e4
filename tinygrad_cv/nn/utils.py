"""Helpers for training loops: limiting gradients, and all parameters as one vector."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import functional as F
from ..ops.errors import ArgumentError, ShapeError
from ..tensors import Tensor
from .parameter import overwrite
from .state import load_partial as load_partial


def _with_grad(parameters: Any) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable) else [*parameters]
    for i, p in enumerate(given):
        if not isinstance(p, Tensor):
            raise ArgumentError(f"parameters: number {i} is {p!r} ({type(p).__name__}); give a tensor, or several")
    return [p for p in given if p.grad is not None]


def _norm_of(gradients: list[Any], norm_type: float) -> float:
    if norm_type == 2:
        squares = (float(np.vdot(flat, flat)) for flat in (g.ravel(order="K") for g in gradients))
        return math.sqrt(sum(squares))
    sizes = [float(np.linalg.norm(g.ravel(), norm_type)) for g in gradients if g.size]
    return float(np.linalg.norm(sizes, norm_type)) if sizes else 0.0


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """Return the norm of all tensors together, as if they were one vector: the norm of their norms.

    ``norm_type`` is its p (``inf`` for the largest element); with ``error_if_nonfinite`` an infinite or NaN norm is
    refused.
    """
    arrays = [t._data for t in ([tensors] if isinstance(tensors, Tensor) else tensors)]
    total = _norm_of(arrays, float(norm_type))
    if error_if_nonfinite and not math.isfinite(total):
        raise ArgumentError(
            f"get_total_norm: the norm is {total}; look for the first NaN or infinity, or give error_if_nonfinite=False"
        )
    return Tensor(np.asarray(total, np.result_type(*arrays) if arrays else np.float32))


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Shorten all gradients by one factor so that their common norm is at most ``max_norm``; return the norm before.

    The factor is max_norm / (norm + 1e-6), at most 1 (Pascanu, Mikolov and Bengio 2013).

    ``parameters`` is one tensor or several; ``norm_type`` and ``error_if_nonfinite`` as in `get_total_norm`.
    """
    chosen = _with_grad(parameters)
    total = get_total_norm([p.grad for p in chosen], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(chosen, max_norm, total)
    return total


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """Multiply all gradients by max_norm / (total_norm + 1e-6), if that is below 1.

    ``parameters`` is one tensor or several, ``total_norm`` a number that `get_total_norm` has given.
    """
    factor = float(max_norm) / (float(total_norm) + 1e-6)
    if not factor >= 1.0:
        for g in {id(p.grad): p.grad for p in _with_grad(parameters)}.values():
            assert g is not None
            g._data *= g.dtype.type(factor)


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of the gradients to [-clip_value, clip_value].

    ``parameters`` is one tensor or several.
    """
    limit = float(clip_value)
    if not limit >= 0:
        raise ArgumentError(f"clip_grad_value_: clip_value is {clip_value}; give a number of at least 0")
    for p in _with_grad(parameters):
        assert p.grad is not None
        np.clip(p.grad._data, -limit, limit, out=p.grad._data)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Any:
    """Return all elements of the parameters in one vector; gradients pass through."""
    return F.cat([F.reshape(p, (-1,)) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector back into the parameters, the reverse of `parameters_to_vector`.

    ``vec`` is (n,), n the number of all elements.
    """
    given = list(parameters)
    total = sum(p._data.size for p in given)
    if not isinstance(vec, Tensor):
        raise ArgumentError(f"vector_to_parameters: vec is of type {type(vec).__name__}; give a Tensor")
    if vec.shape != (total,):
        raise ShapeError(
            f"vector_to_parameters: the vector has shape {vec.shape}, the parameters {total} elements; give ({total},)"
        )
    start = 0
    for p in given:
        count = p._data.size
        overwrite(p, vec._data[start : start + count].reshape(p.shape))
        start += count
