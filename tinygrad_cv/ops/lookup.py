"""Rows of a table by number, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..typing import Array, Value
from .arithmetic import where
from .elementwise import detach
from .errors import ArgumentError, DimError, DTypeError, ShapeError
from .index import Put, getitem, places
from .op import Plain
from .reduce import sum as total
from .shape import read_dim
from .statistics import norm

__all__ = [
    "bincount", "embedding", "index_add", "unique",
]  # fmt: skip


def embedding(
    input: Value,
    weight: Value,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Value:
    """Return the rows of ``weight`` (V, D) that the integers ``input`` name: (*input.shape, D).

    Derivative: g added back to the rows that were named.

    Parameters
    ----------
    padding_idx : a row that receives no gradient.
    max_norm, norm_type : rows in use whose ``norm_type``-norm is larger are shortened to it, in place, before they are
        read.
    scale_grad_by_freq : divide the gradient of a row by the number of times that it was named.
    sparse : accepted and ignored: gradients are dense.
    """
    places("embedding", "input", input)
    if weight.ndim != 2:
        raise ShapeError(f"embedding: weight has shape {weight.shape}, expected (rows, features)")
    rows, at = weight.shape[0], np.asarray(input)
    if at.size and (at.min() < 0 or at.max() >= rows):
        raise DimError(
            f"embedding: a row number of {at.min() if at.min() < 0 else at.max()} for {rows} rows; give numbers "
            f"from 0 to {rows - 1}"
        )
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise ArgumentError(
            f"embedding: padding_idx is {padding_idx} for {rows} rows; give a number from {-rows} to {rows - 1}"
        )
    if max_norm is not None and at.size:
        table, used = np.asarray(weight), np.unique(at)
        length = np.asarray(norm(table[used], norm_type, 1, True))
        table[used] *= np.where(length > max_norm, max_norm / (length + 1e-7), 1).astype(table.dtype)
    y = getitem(weight, at)
    if scale_grad_by_freq:
        share = (1 / np.bincount(at.reshape(-1), minlength=rows).clip(1))[at].astype(weight.dtype)
        y = detach(y) + (y - detach(y)) * share[..., None]
    if padding_idx is not None:
        y = where((at == padding_idx % rows)[..., None], detach(y), y)
    return y


def index_add(input: Value, dim: int, index: Value, source: Value, *, alpha: float = 1) -> Value:
    """Return ``input`` with ``alpha`` times the slices of ``source`` added where ``index`` says along ``dim``."""
    d = read_dim("index_add", dim, input.ndim)
    places("index_add", "index", index)
    if index.ndim > 1:
        raise ShapeError(f"index_add: index has shape {index.shape}, expected a vector of integers")
    at = np.asarray(index).reshape(-1)
    fit = (*input.shape[:d], at.size, *input.shape[d + 1 :])
    if input.ndim and source.shape != fit:
        raise ShapeError(
            f"index_add: source has shape {source.shape}; for {at.size} places in {input.shape} give {fit}"
        )
    if source.dtype != input.dtype:
        raise DTypeError(f"index_add: source has dtype {source.dtype}, the input {input.dtype}; cast one of them")
    if at.size and (at.min() < 0 or at.max() >= (input.shape[d] if input.ndim else 1)):
        raise DimError(
            f"index_add: an index from {at.min()} to {at.max()} along dimension {d} of {input.shape}; give "
            "numbers within it"
        )
    source = source if alpha == 1 else source * alpha
    if not input.ndim:
        return input + total(source)
    return input + Put((slice(None),) * d + (at,), input.shape)(source)


def unique(
    input: Value, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the different elements (or slices along ``dim``) in rising order; on request where they stand, how often.

    Parameters
    ----------
    sorted : accepted: they always come in order.
    return_inverse : also return the place in ``values`` of every element of ``input``.
    return_counts : also return how often each value occurs.
    dim : compare slices along this dimension; the flattened elements if None.

    Returns
    -------
    values, or (values, inverse, counts) as far as asked for; ``values[inverse]`` is the input.
    """
    if dim is not None:
        dim = read_dim("unique", dim, input.ndim)
        if any(n == 0 and i != dim for i, n in enumerate(input.shape)):
            raise ShapeError(f"unique: the slices of {input.shape} along dimension {dim} are empty; leave dim out")

    def part(i: int) -> Value:
        return Plain(lambda x: _unique(x, dim)[i], "unique")(input)

    wanted = [0, *([1] if return_inverse else []), *([2] if return_counts else [])]
    return part(0) if len(wanted) == 1 else tuple(part(i) for i in wanted)


def _unique(x: Array, dim: int | None) -> tuple[Array, Array, Array]:
    if dim is not None and x.shape[dim] == 0:
        return x, np.zeros(0, np.int64), np.zeros(0, np.int64)
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    return values, inverse.reshape(x.shape if dim is None else -1), counts


def bincount(input: Value, weights: Value | None = None, minlength: int = 0) -> Value:
    """Count how often each number from 0 up occurs in a vector of integers; with ``weights``, add those up instead.

    The result has max(input) + 1 elements, at least ``minlength``, and is constant.
    """
    if input.ndim != 1 or input.dtype.kind not in "iu":
        raise ShapeError(
            f"bincount: the input has shape {input.shape} and dtype {input.dtype}, expected a vector of integers"
        )
    if minlength < 0:
        raise ArgumentError(f"bincount: minlength is {minlength}; give at least 0")
    x = np.asarray(input)
    if x.size and x.min() < 0:
        raise ArgumentError(f"bincount: the input holds {x.min()}; give numbers of at least 0")
    if weights is None or not x.size:
        return Plain(lambda x: np.bincount(x.astype(np.int64), minlength=minlength).astype(np.int64), "bincount")(input)
    if weights.shape != input.shape:
        raise ShapeError(f"bincount: weights have shape {weights.shape} for numbers {input.shape}; give equal shapes")
    kind = weights.dtype if weights.dtype == np.float32 else np.dtype(np.float64)
    return Plain(lambda x, w: np.bincount(x, w, minlength).astype(kind), "bincount")(input, weights)
