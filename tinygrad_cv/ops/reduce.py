"""Reductions: many values become one.

The primitive is ``Sum``; means, variances and norms are composites. Extremes share their gradient evenly among ties
(``amax``) or give it to the first (``max`` along a dimension, which also tells where).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..typing import Array, Dim, DType, Value
from .arithmetic import div, maximum, minimum
from .broadcast import Expand, cast, expand_to, floating, only_float
from .elementwise import exp, log
from .errors import ArgumentError, DimError, DTypeError
from .kernels.readings import pick
from .layout import to_rows
from .op import Op, Plain
from .shape import flip, read_dim, reshape

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero", "cumprod", "cumsum", "logsumexp", "max",
    "mean", "min", "prod", "sum",
]  # fmt: skip


class Extreme(NamedTuple):
    """A value and the position where it was found."""

    values: Value
    indices: Value


class Sum(Op):
    """y = x summed over some dimensions; the derivative spreads g back over them."""

    def __init__(self, dims: tuple[int, ...], keepdim: bool, source: tuple[int, ...]) -> None:
        self.dims, self.keepdim, self.source = dims, keepdim, source

    def forward(self, x: Array) -> Array:
        if not self.keepdim and (x.ndim, self.dims) in ((2, (0,)), (4, (0, 2, 3))):  # the gradient of an offset
            return pick("column_sums", x.dtype, x.size)(to_rows(x))
        return x.sum(axis=self.dims, keepdims=self.keepdim, dtype=x.dtype)

    def grad_x(self, g: Value) -> Value:
        kept = keep_shape(self.source, self.dims)
        return Expand(self.source, kept)(g if g.shape == kept else reshape(g, kept))


class ExtremeOf(Op):
    """y = the largest (or smallest) of x over some dimensions; g is shared evenly among the elements that attain it."""

    def __init__(self, function: Any, dims: tuple[int, ...], keepdim: bool) -> None:
        self.function, self.dims, self.keepdim = function, dims, keepdim

    def forward(self, x: Array) -> Array:
        return self.function(x, axis=self.dims, keepdims=self.keepdim)

    def grad_x(self, g: Value, x: Value, y: Value) -> Value:
        kept = keep_shape(x.shape, self.dims)

        def share(x: Array, y: Array) -> Array:
            hit = x == y.reshape(kept)
            return hit.astype(x.dtype) / hit.sum(axis=self.dims, keepdims=True).astype(x.dtype)

        return expand_to(reshape(g, kept), x.shape) * Plain(share)(x, y)


class CumSum(Op):
    """y = the running sum along one dimension; its adjoint runs from the other end."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        return np.cumsum(x, axis=self.dim, dtype=x.dtype)

    def grad_x(self, g: Value) -> Value:
        return flip(CumSum(self.dim)(flip(g, (self.dim,))), (self.dim,))


def keep_shape(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``shape`` with the reduced dimensions as 1."""
    return tuple(1 if i in dims else n for i, n in enumerate(shape))


def read_dims(op: str, dim: Dim, rank: int) -> tuple[int, ...]:
    """Read a dimension, several, or None (all) as sorted non-negative ones, each named once."""
    if dim is None:
        return tuple(range(rank))
    given = (dim,) if hasattr(dim, "__index__") else tuple(dim)
    if not given and rank:
        return tuple(range(rank))
    dims = tuple(read_dim(op, d, rank) for d in given)
    if len(set(dims)) != len(dims):
        raise ArgumentError(f"{op}: dim={given} names a dimension twice; name each once")
    return () if rank == 0 else tuple(sorted(dims))


def sum(input: Value, dim: Dim = None, keepdim: bool = False, *, dtype: DType | None = None) -> Value:
    """Add up over ``dim`` (all dimensions if None). Booleans and integers add up as int64."""
    if dtype is not None:
        input = cast(input, dtype)
    elif input.dtype.kind != "f":
        input = cast(input, np.dtype(np.int64))
    return Sum(read_dims("sum", dim, input.ndim), keepdim, input.shape)(input)


def count(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    """Return how many elements are reduced to one."""
    return math.prod(shape[d] for d in dims)


def mean(input: Value, dim: Dim = None, keepdim: bool = False, *, dtype: DType | None = None) -> Value:
    """Average over ``dim`` (all dimensions if None); floating point only, NaN for no elements."""
    input = cast(input, dtype) if dtype is not None else input
    only_float("mean", input)
    dims = read_dims("mean", dim, input.ndim)
    number = count(input.shape, dims)
    total = Sum(dims, keepdim, input.shape)(input) if input.ndim else input
    return div(total, float(number)) if number else total + math.nan


def _extreme(op: str, function: Any) -> Callable[..., Value]:
    def extreme(input: Value, dim: Dim = (), keepdim: bool = False) -> Value:
        dims = read_dims(op, dim, input.ndim)
        if count(input.shape, dims) == 0:
            raise DimError(
                f"{op}: a reduced dimension of {input.shape} has size 0, and nothing has no extreme; drop it or check "
                "for emptiness"
            )
        return ExtremeOf(function, dims, keepdim)(input)

    extreme.__name__ = op
    return extreme


amax = _extreme("amax", np.maximum.reduce)
amax.__doc__ = "Return the largest value over ``dim`` (one, several, all); ties share the gradient evenly."
amin = _extreme("amin", np.minimum.reduce)
amin.__doc__ = "Return the smallest value over ``dim`` (one, several, all); ties share the gradient evenly."


def _argextreme(op: str, function: Any) -> Callable[..., Value]:
    def arg(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
        if input.dtype == np.bool_:
            raise DTypeError(f"{op}: a bool tensor has no order; cast to a number first")
        axis = None if dim is None else read_dim(op, dim, input.ndim)
        if 0 in input.shape and (axis is None or input.shape[axis] == 0):
            raise DimError(f"{op}: the input {input.shape} has no element to choose from; give a non-empty tensor")
        if input.ndim == 0:
            axis = None
        return Plain(lambda x: np.asarray(function(x, axis=axis, keepdims=keepdim), np.int64), op)(input)

    arg.__name__ = op
    return arg


argmax = _argextreme("argmax", np.argmax)
argmax.__doc__ = (
    "Return where the largest value stands (the first among equals), in the flattened tensor if ``dim`` is None."
)
argmin = _argextreme("argmin", np.argmin)
argmin.__doc__ = (
    "Return where the smallest value stands (the first among equals), in the flattened tensor if ``dim`` is None."
)


def _max_or_min(op: str, everywhere: Any, where_: Any, pairwise: Any) -> Callable[..., Any]:
    def extreme(input: Value, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        from .index import gather

        if hasattr(dim, "dtype") and hasattr(dim, "shape"):
            dim, other = None, dim
        if other is not None:
            return pairwise(input, other)
        if dim is None:
            return everywhere(input)
        axis = read_dim(op, dim, input.ndim)
        if input.ndim == 0:
            return Extreme(input, where_(cast(input, np.dtype(np.uint8)) if input.dtype == np.bool_ else input))
        ranked = cast(input, np.dtype(np.uint8)) if input.dtype == np.bool_ else input
        at = where_(ranked, axis, True)
        values = gather(input, axis, at)
        if keepdim:
            return Extreme(values, at)
        shape = input.shape[:axis] + input.shape[axis + 1 :]
        return Extreme(reshape(values, shape), reshape(at, shape))

    extreme.__name__ = op
    return extreme


max = _max_or_min("max", amax, argmax, maximum)
max.__doc__ = (
    "The largest of all, or (values, indices) along ``dim``, or of two tensors, element by element; as in PyTorch."
)
min = _max_or_min("min", amin, argmin, minimum)
min.__doc__ = (
    "The smallest of all, or (values, indices) along ``dim``, or of two tensors, element by element; as in PyTorch."
)


def logsumexp(input: Value, dim: Dim, keepdim: bool = False) -> Value:
    """Return ln(sum(e^x)) over ``dim``, computed as m + ln(sum(e^(x - m))) with m the largest, which cannot
    overflow.
    """
    if dim is None:
        raise ArgumentError("logsumexp: dim is None; name the dimensions, or flatten the tensor for all of them")
    input = floating(input)
    dims = read_dims("logsumexp", dim, input.ndim)
    if count(input.shape, dims) == 0:
        return sum(input, dims, keepdim) - math.inf
    top = Plain(_finite_peak(dims), "peak")(input)
    total = log(sum(exp(input - top), dims, True)) + top
    return total if keepdim else reshape(total, tuple(n for i, n in enumerate(input.shape) if i not in dims))


def _finite_peak(dims: tuple[int, ...]) -> Callable[[Array], Array]:
    def peak(x: Array) -> Array:
        m = np.max(x, axis=dims, keepdims=True)
        return np.where(np.isfinite(m), m, x.dtype.type(0))

    return peak


def cumsum(input: Value, dim: int, *, dtype: DType | None = None) -> Value:
    """Return the running sum along ``dim``; integers add up as int64."""
    if dtype == np.bool_:
        raise DTypeError("cumsum: dtype bool holds no sums; give an integer or floating-point dtype")
    input = cast(input, dtype or (input.dtype if input.dtype.kind == "f" else np.dtype(np.int64)))
    d = read_dim("cumsum", dim, input.ndim)
    return CumSum(d)(input) if input.ndim else input


def prod(input: Value, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None) -> Value:
    """Multiply over ``dim`` (all if None), by halves: so the derivatives are right at zeros too, to any order."""
    from .index import getitem
    from .joining import cat

    input = cast(input, dtype or (input.dtype if input.dtype.kind == "f" else np.dtype(np.int64)))
    axis = 0 if dim is None else read_dim("prod", dim, input.ndim)
    x = reshape(input, (-1,)) if dim is None or input.ndim == 0 else input
    shape = [n for i, n in enumerate(x.shape) if i != axis]
    if keepdim:
        shape = [1 if i == axis or dim is None else n for i, n in enumerate(input.shape)]
    if x.shape[axis] == 0:
        return reshape(sum(x, axis) + 1, shape) if x.dtype != np.bool_ else reshape(sum(x, axis) == 0, shape)
    while (n := x.shape[axis]) > 1:
        before = (slice(None),) * axis
        half = getitem(x, (*before, slice(0, n // 2))) * getitem(x, (*before, slice(n // 2, 2 * (n // 2))))
        x = cat([half, getitem(x, (*before, slice(n - 1, n)))], axis) if n % 2 else half
    return reshape(x, tuple(shape))


def cumprod(input: Value, dim: int, *, dtype: DType | None = None) -> Value:
    """Return the running product along ``dim``, in log2(n) doubling steps (Hillis and Steele 1986), right at zeros to
    any order.
    """
    from .index import getitem
    from .joining import cat

    if dtype == np.bool_:
        raise DTypeError("cumprod: dtype bool holds no products; give an integer or floating-point dtype")
    input = cast(input, dtype or (input.dtype if input.dtype.kind == "f" else np.dtype(np.int64)))
    axis = read_dim("cumprod", dim, input.ndim)
    if input.ndim == 0:
        return input
    before, n, step, y = (slice(None),) * axis, input.shape[axis], 1, input
    while step < n:
        head = getitem(y, (*before, slice(0, step)))
        tail = getitem(y, (*before, slice(step, n))) * getitem(y, (*before, slice(0, n - step)))
        y, step = cat([head, tail], axis), 2 * step
    return y


def _none_or(op: str, dim: Dim, rank: int) -> tuple[int, ...]:
    """Read dimensions, of which an empty sequence names none, as PyTorch has it for ``all`` and ``any``."""
    return () if isinstance(dim, (tuple, list)) and not dim else read_dims(op, dim, rank)


def all(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Tell whether every element (along ``dim``) is true."""
    dims = _none_or("all", dim, input.ndim)
    kind = input.dtype if input.dtype == np.uint8 else np.dtype(np.bool_)  # PyTorch's old bytes stay bytes
    return Plain(lambda x: np.asarray(np.all(x, axis=dims, keepdims=keepdim)).astype(kind), "all")(input)


def any(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Tell whether some element (along ``dim``) is true."""
    dims = _none_or("any", dim, input.ndim)
    kind = input.dtype if input.dtype == np.uint8 else np.dtype(np.bool_)
    return Plain(lambda x: np.asarray(np.any(x, axis=dims, keepdims=keepdim)).astype(kind), "any")(input)


def count_nonzero(input: Value, dim: Dim = None) -> Value:
    """Count the elements that are not zero, over ``dim`` (all dimensions if None)."""
    dims = read_dims("count_nonzero", dim, input.ndim)
    return Plain(lambda x: np.asarray(np.count_nonzero(x, axis=dims), np.int64), "count_nonzero")(input)
