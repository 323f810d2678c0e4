"""Writing to places that an index names along one dimension: `scatter` and `scatter_add`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..typing import Array, Value
from .arithmetic import where
from .broadcast import read_number
from .errors import ArgumentError, DTypeError, ShapeError
from .index import ScatterAdd, along, getitem, read_at
from .op import Plain
from .shape import reshape

__all__ = [
    "scatter", "scatter_add",
]  # fmt: skip


def scatter_add(input: Value, dim: int, index: Value, src: Value) -> Value:
    """Return ``input`` with ``src`` added at the places that ``index`` names along ``dim``."""
    if input.ndim == 0:
        return _as_vectors(scatter_add, input, dim, index, src)
    d = read_at("scatter_add", input, dim, index)
    if not hasattr(src, "dtype"):
        raise DTypeError(f"scatter_add: src is {src!r}; give a tensor; scatter takes numbers")
    src = _source("scatter_add", input, index, src)
    return input + ScatterAdd(d, input.shape)(src, index)


def _as_vectors(function: Any, input: Value, dim: int, index: Value, src: Any, **settings: Any) -> Value:
    """Treat tensors without dimensions as vectors of one element."""
    at = reshape(index, (-1,)) if index.ndim < 2 else index
    src = reshape(src, (1,)) if getattr(src, "ndim", 1) == 0 else src
    return reshape(function(reshape(input, (1,)), dim, at, src, **settings), ())


def _source(op: str, input: Value, index: Value, src: Any) -> Value:
    if not hasattr(src, "dtype"):
        return np.full(index.shape, read_number(op, "value", src, input.dtype), input.dtype)
    if src.dtype != input.dtype:
        raise DTypeError(f"{op}: src has dtype {src.dtype}, the input {input.dtype}; cast one of them")
    if src.ndim != index.ndim or any(n > m for n, m in zip(index.shape, src.shape)):
        raise ShapeError(
            f"{op}: src has shape {src.shape}, smaller than index {index.shape}; give at least as many elements"
        )
    return src if src.shape == index.shape else getitem(src, tuple(slice(n) for n in index.shape))


def scatter(
    input: Value, dim: int, index: Value, src: Value = None, *, value: float | None = None, reduce: str | None = None
) -> Value:
    """Return ``input`` with ``src`` (a tensor or a number) written at the places that ``index`` names along ``dim``.

    ``value`` is ``src`` where that is a number. With ``reduce``, 'add' or 'multiply', what stands there is added to or
    multiplied. Otherwise, where ``index`` names a place twice, the last one stays and only it receives a gradient.
    """
    if (src is None) == (value is None):
        raise ArgumentError("scatter: give src, a tensor, or value, a number; one of the two")
    src = value if src is None else src
    if input.ndim == 0:
        return _as_vectors(scatter, input, dim, index, src, reduce=reduce)
    d = read_at("scatter", input, dim, index)
    src = _source("scatter", input, index, src)
    if reduce == "add":
        return input + ScatterAdd(d, input.shape)(src, index)
    if reduce == "multiply":
        return _multiply_at(input, d, index, src)
    if reduce is not None:
        raise ArgumentError(f"scatter: reduce is {reduce!r}; give None, 'add' or 'multiply'")

    def last(at: Array) -> Array:
        winner = np.zeros(input.shape, np.int64)
        where_ = along(d, at)
        order = np.arange(1, at.size + 1).reshape(at.shape)
        winner[where_] = order
        return winner[where_] == order

    winners = Plain(last)(index)
    hit = Plain(lambda at: _mark(input.shape, d, at), "mark")(index)
    written = where(winners, src, src.dtype.type(0))
    return where(hit, ScatterAdd(d, input.shape)(written, index), input)


def _multiply_at(input: Value, d: int, index: Value, src: Value) -> Value:
    """Multiply by each of ``src`` in turn; outside of gradients alone, as in PyTorch."""
    if getattr(input, "requires_grad", False) or getattr(src, "requires_grad", False):
        raise ArgumentError("scatter: reduce='multiply' has no derivative; detach the operands, or multiply the result")

    def multiply(x: Array, at: Array, v: Array) -> Array:
        y = x.copy()
        np.multiply.at(y, along(d, at), v)
        return y

    return Plain(multiply)(input, index, src)


def _mark(shape: tuple[int, ...], dim: int, at: Array) -> Array:
    hit = np.zeros(shape, np.bool_)
    hit[along(dim, at)] = True
    return hit
