"""Selecting elements, and putting them back.

Two adjoint pairs: ``Take`` (any NumPy index) with ``Put`` (add into zeros), and ``Gather`` with ``ScatterAdd`` along
one dimension. ``Replace`` writes into a selection; it is what an assignment ``x[i] = v`` records.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..typing import Array, Value
from .arithmetic import where
from .broadcast import expand_to, read_number
from .errors import ArgumentError, DimError, DTypeError, ShapeError, TinygradError
from .layout import filled_as
from .op import Op, Plain
from .shape import flatten, read_dim, reshape

__all__ = [
    "diag", "gather", "getitem", "index_select", "masked_fill", "masked_select", "nonzero", "one_hot",
    "repeat_interleave", "take_along_dim",
]  # fmt: skip

Index = Any


class Take(Op):
    """y = x[index]; a view where the index is made of integers and slices alone."""

    view = True

    def __init__(self, index: Index, source: tuple[int, ...]) -> None:
        self.index, self.source = index, source

    def forward(self, x: Array) -> Array:
        y = x[self.index]
        if not isinstance(y, np.ndarray):  # a number for each dimension: NumPy would copy the element out
            y = x[(*self.index, ...) if isinstance(self.index, tuple) else (self.index, ...)]
        return y

    def grad_x(self, g: Value) -> Value:
        return Put(self.index, self.source)(g)


class Put(Op):
    """y = zeros with x added at an index; where the index names an element twice, both are added.

    The adjoint of Take.
    """

    def __init__(self, index: Index, shape: tuple[int, ...]) -> None:
        self.index, self.shape = index, shape

    def forward(self, x: Array) -> Array:
        y = filled_as(x, self.shape)
        if is_basic(self.index):
            y[self.index] = x
        else:
            np.add.at(y, self.index, x)
        return y

    def grad_x(self, g: Value) -> Value:
        return Take(self.index, self.shape)(g)


class Replace(Op):
    """y = x with the elements that a selection reads replaced by v.

    ``select`` is the view op (or Take) that reads the selection; dy/dx keeps the untouched elements, dy/dv selects.
    """

    def __init__(self, select: Op) -> None:
        self.select = select

    def forward(self, x: Array, v: Array) -> Array:
        y = x.copy(order="K")
        if isinstance(self.select, Take):
            y[self.select.index] = v
        else:
            np.copyto(self.select.forward(y), v)
        return y

    def grad_x(self, g: Value) -> Value:
        return Replace(self.select)(g, self.select(g) * 0)

    def grad_v(self, g: Value) -> Value:
        return self.select(g)


class Gather(Op):
    """y[.., i, ..] = x[.., at[.., i, ..], ..] along one dimension; the adjoint adds back."""

    constant = ("at",)

    def __init__(self, dim: int, source: tuple[int, ...]) -> None:
        self.dim, self.source = dim, source

    def forward(self, x: Array, at: Array) -> Array:
        return x[along(self.dim, at)]

    def grad_x(self, g: Value, at: Value) -> Value:
        return ScatterAdd(self.dim, self.source)(g, at)


class ScatterAdd(Op):
    """y = zeros, with y[.., at[.., i, ..], ..] += x[.., i, ..] along one dimension; the adjoint gathers."""

    constant = ("at",)

    def __init__(self, dim: int, shape: tuple[int, ...]) -> None:
        self.dim, self.shape = dim, shape

    def forward(self, x: Array, at: Array) -> Array:
        y = np.zeros(self.shape, x.dtype)
        np.add.at(y, along(self.dim, at), x[tuple(slice(n) for n in at.shape)])
        return y

    def grad_x(self, g: Value, at: Value) -> Value:
        return Gather(self.dim, self.shape)(g, at)


def along(dim: int, at: Array) -> tuple[Array, ...]:
    """Return the full index that picks ``at`` along ``dim`` and its own place elsewhere."""
    grid = [np.arange(n).reshape((-1,) + (1,) * (at.ndim - 1 - i)) for i, n in enumerate(at.shape)]
    grid[dim] = at
    return tuple(grid)


def is_basic(index: Index) -> bool:
    """Tell whether an index holds integers, slices, None and ... alone: then NumPy returns a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        p is None or p is Ellipsis or isinstance(p, (int, slice, np.integer)) and not isinstance(p, bool) for p in parts
    )


def read_index(index: Index) -> Index:
    """Turn tensors, lists and ranges within an index into arrays, and those without dimensions into numbers.

    As in PyTorch, a list that holds more than numbers is a tuple of indices, True a new dimension, and bytes a mask.
    """
    if isinstance(index, list) and any(not isinstance(p, (bool, int, float, np.generic)) for p in index):
        index = tuple(index)
    parts = index if isinstance(index, tuple) else (index,)
    out = []
    for p in parts:
        if p is True:
            p = None
        elif not (p is None or p is Ellipsis or isinstance(p, (int, slice, np.integer, np.ndarray))):
            p = np.zeros(0, np.int64) if isinstance(p, (list, tuple)) and not p else np.asarray(p)
        if isinstance(p, np.ndarray):
            if p.dtype.kind not in "iub":
                raise DTypeError(
                    f"index: an index of dtype {p.dtype}; give integers or booleans, for example by .long()"
                )
            if p.dtype == np.uint8:
                p = p.astype(np.bool_)
            p = int(p) if p.ndim == 0 and p.dtype.kind != "b" else p
        if isinstance(p, slice) and p.step is not None and p.step <= 0:
            raise ArgumentError(f"index: a slice with step {p.step}; give a positive one, and flip() to read backwards")
        out.append(p)
    return tuple(out) if isinstance(index, tuple) else out[0]


def split_index(index: Index, shape: tuple[int, ...]) -> tuple[Index, Index]:
    """Return the index as two: first the numbers, slices and None, then the arrays, which stand where they stood.

    NumPy would count a number beside an array as an array, and move the dimensions; PyTorch does not.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if is_basic(index):
        return parts, None
    used = sum(p.ndim if isinstance(p, np.ndarray) and p.dtype.kind == "b" else p is not None for p in parts)
    used -= sum(p is Ellipsis for p in parts)
    first: list[Any] = []
    second: list[Any] = []
    at = 0
    for p in parts:
        if p is Ellipsis:
            open_ = max(len(shape) - used, 0)
            first += [slice(None)] * open_
            second += [slice(None)] * open_
            at += open_
        elif isinstance(p, np.ndarray):
            count = p.ndim if p.dtype.kind == "b" else 1
            if p.dtype.kind == "b" and p.shape != shape[at : at + count]:
                raise DimError(
                    f"index: a mask of shape {p.shape} for dimensions {shape[at : at + count]}; make them equal"
                )
            first += [slice(None)] * count
            second.append(p)
            at += count
        else:
            first.append(p)
            second += [] if isinstance(p, (int, np.integer)) and not isinstance(p, bool) else [slice(None)]
            at += p is not None
    trivial = all(isinstance(p, slice) and p == slice(None) for p in first)
    return None if trivial else tuple(first), tuple(second)


def getitem(input: Value, index: Index) -> Value:
    """Return ``input[index]`` for integers, slices, None, ..., integer arrays and boolean masks, by PyTorch's rules."""
    first, second = split_index(read_index(index), input.shape)
    try:
        y = input if first is None else Take(first, input.shape)(input)
        return y if second is None else Take(second, y.shape)(y)
    except (IndexError, TypeError) as error:
        if isinstance(error, TinygradError):
            raise
        raise DimError(f"index: {error}, for a tensor of shape {input.shape}") from None


def index_select(input: Value, dim: int, index: Value) -> Value:
    """Return the slices of ``input`` along ``dim`` that a vector of integers names.

    ``index`` is (n,), and the result has size n along ``dim``. Derivative: g added back where ``index`` says.
    """
    if index.ndim > 1:
        raise ShapeError(f"index_select: index has shape {index.shape}, expected a vector; flatten it")
    d = read_dim("index_select", dim, input.ndim)
    places("index_select", "index", index)
    at = np.asarray(index)
    if at.size and (at.min() < 0 or at.max() >= (input.shape[d] if input.ndim else 1)):
        raise DimError(
            f"index_select: an index from {at.min()} to {at.max()} for {input.shape}; stay within dimension {d}"
        )
    if not input.ndim:
        if at.size != 1:
            raise ShapeError(f"index_select: {at.size} places in a tensor without dimensions; give one")
        return reshape(input, ())
    return getitem(input, (slice(None),) * d + (index.reshape((-1,)),))


def places(op: str, name: str, index: Value) -> None:
    """Refuse places that are no int32 or int64; PyTorch's old bytes were masks, and are taken for neither."""
    if index.dtype not in (np.int32, np.int64):
        raise DTypeError(f"{op}: {name} has dtype {index.dtype}, expected integers, int32 or int64; cast with .long()")


def read_at(op: str, input: Value, dim: int, index: Value) -> int:
    """Check an index that names places along ``dim``, and return the dimension."""
    d = read_dim(op, dim, input.ndim)
    places(op, "index", index)
    if index.ndim != input.ndim:
        raise ShapeError(
            f"{op}: index has {index.ndim} dimensions {index.shape}, the input {input.ndim} {input.shape}; give as many"
        )
    at = np.asarray(index)
    if at.size and (at.min() < 0 or at.max() >= input.shape[d]):
        raise DimError(
            f"{op}: an index of {at.min() if at.min() < 0 else at.max()} along dimension {d} of size {input.shape[d]}; "
            f"give numbers from 0 to {input.shape[d] - 1}"
        )
    for i, (n, m) in enumerate(zip(index.shape, input.shape)):
        if i != d and n > m:
            raise ShapeError(
                f"{op}: index has size {n} in dimension {i}, the input {m}; outside dim it may not be larger"
            )
    return d


def gather(input: Value, dim: int, index: Value) -> Value:
    """Return ``y[i][j] = input[index[i][j]][j]`` (for dim 0; likewise elsewhere)."""
    if input.ndim == 0:
        return reshape(
            gather(reshape(input, (1,)), dim, reshape(index, (-1,)) if index.ndim < 2 else index), index.shape
        )
    if index.ndim == 0 and input.ndim == 1:
        return reshape(gather(input, dim, reshape(index, (1,))), ())
    d = read_at("gather", input, dim, index)
    return Gather(d, input.shape)(input, index)


def take_along_dim(input: Value, indices: Value, dim: int | None = None) -> Value:
    """Return the elements at ``indices`` along ``dim`` (of the flattened input if None); other dimensions broadcast."""
    if dim is None:
        return gather(flatten(input), 0, flatten(indices))
    d = read_dim("take_along_dim", dim, input.ndim)
    if input.ndim == 0:
        raise ShapeError("take_along_dim: a tensor without dimensions has no dim to go along; leave dim out")
    if indices.ndim != input.ndim:
        raise ShapeError(
            f"take_along_dim: indices has shape {indices.shape}, the input {input.shape}; give as many dimensions"
        )
    from .broadcast import broadcast_shape

    if indices.dtype != np.int64:
        raise DTypeError(f"take_along_dim: indices have dtype {indices.dtype}, expected int64; cast with .long()")
    size = input.shape[d]
    indices = Plain(lambda at: np.where(at < 0, at + size, at), "from_the_end")(indices)
    common = broadcast_shape("take_along_dim", *(s[:d] + (1,) + s[d + 1 :] for s in (input.shape, indices.shape)))
    x = expand_to(input, common[:d] + (input.shape[d],) + common[d + 1 :])
    return gather(x, d, expand_to(indices, common[:d] + (indices.shape[d],) + common[d + 1 :]))


def masked_fill(input: Value, mask: Value, value: Any) -> Value:
    """Return ``input`` with ``value`` (a number or a 0-d tensor) where the mask is True."""
    if mask.dtype != np.bool_:
        raise DTypeError(
            f"masked_fill: the mask has dtype {mask.dtype}, expected bool; write a comparison such as x > 0"
        )
    if hasattr(value, "ndim") and value.ndim:
        raise ShapeError(f"masked_fill: value has shape {value.shape}, expected a number; use where for a whole tensor")
    return where(mask, read_number("masked_fill", "value", value, input.dtype), input)


def masked_select(input: Value, mask: Value) -> Value:
    """Return the elements where the mask is True, as a vector; both broadcast."""
    if mask.dtype != np.bool_:
        raise DTypeError(
            f"masked_select: the mask has dtype {mask.dtype}, expected bool; write a comparison such as x > 0"
        )
    from .broadcast import broadcast_shape

    shape = broadcast_shape("masked_select", input.shape, mask.shape)
    return getitem(expand_to(input, shape), np.broadcast_to(np.asarray(mask), shape))


def repeat_interleave(
    input: Value, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Value:
    """Repeat each element (or slice along ``dim``) the given number of times.

    ``repeats`` is a number, or a vector with one for each; ``output_size`` their sum, if known. Without ``repeats``,
    ``input`` itself holds the counts, and the positions are repeated. Derivative: g summed over the copies.
    """
    if repeats is None:
        if dim is not None or input.ndim != 1 or input.dtype.kind not in "iu":
            raise ArgumentError(
                f"repeat_interleave: without repeats, the input {input.shape} of {input.dtype} would hold them; give "
                "repeats, or a vector of integers and no dim"
            )
        return Plain(lambda counts: np.repeat(np.arange(counts.size), counts), "repeat_interleave")(input)
    if not hasattr(repeats, "dtype") and not hasattr(repeats, "__index__"):
        raise DTypeError(f"repeat_interleave: repeats is {repeats!r}; give a number, or a tensor of integers")
    x = flatten(input) if dim is None else input
    d = 0 if dim is None else read_dim("repeat_interleave", dim, input.ndim)
    if x.ndim == 0:
        raise ShapeError("repeat_interleave: a tensor without dimensions has no dim to repeat along; leave dim out")
    times = np.asarray(repeats)
    if times.dtype not in (np.int32, np.int64):
        raise DTypeError(f"repeat_interleave: repeats has dtype {times.dtype}; give integers, int32 or int64")
    if times.ndim and times.size not in (1, x.shape[d]):
        raise ShapeError(
            f"repeat_interleave: {times.size} repeats for size {x.shape[d]}; give one number or one for each"
        )
    if times.size and times.min() < 0:
        raise ArgumentError(f"repeat_interleave: repeats {times.min()} is negative; give numbers of at least 0")
    at = np.repeat(np.arange(x.shape[d]), times)
    if output_size is not None and output_size != at.size:
        raise ArgumentError(f"repeat_interleave: output_size is {output_size}, the repeats add up to {at.size}")
    return getitem(x, (slice(None),) * d + (at,))


def diag(input: Value, diagonal: int = 0) -> Value:
    """Return a matrix with the vector ``input`` on a diagonal, or the diagonal of the matrix ``input``."""
    if input.ndim == 1:
        n = input.shape[0] + abs(diagonal)
        i = np.arange(input.shape[0])
        return Put((i + max(-diagonal, 0), i + max(diagonal, 0)), (n, n))(input)
    if input.ndim == 2:
        h, w = input.shape
        i = np.arange(max(0, min(h - max(-diagonal, 0), w - max(diagonal, 0))))
        return getitem(input, (i + max(-diagonal, 0), i + max(diagonal, 0)))
    raise ShapeError(f"diag: the input has shape {input.shape}, expected a vector or a matrix")


def nonzero(input: Value, *, as_tuple: bool = False) -> Any:
    """Return the positions of the non-zero elements, one a row; or one vector per dimension.

    The result is int64, (count, ndim); with ``as_tuple`` a tuple of ndim vectors (count,), fit to index with.
    """
    axes = range(max(input.ndim, 1))
    if as_tuple:
        return tuple(Plain(lambda x, i=i: np.nonzero(np.atleast_1d(x))[i], "nonzero")(input) for i in axes)
    return Plain(lambda x: np.argwhere(x).astype(np.int64), "nonzero")(input)


def one_hot(input: Value, num_classes: int = -1) -> Value:
    """Return int64 rows of zeros with a single one at each class number."""
    labels = np.asarray(input)
    if labels.dtype != np.int64:
        raise DTypeError(f"one_hot: class numbers of dtype {labels.dtype}; cast to int64 with .long()")
    if labels.size == 0 and num_classes < 1:
        raise ArgumentError("one_hot: no labels and no num_classes; give num_classes")
    count = int(labels.max()) + 1 if num_classes == -1 else num_classes
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        raise ArgumentError(
            f"one_hot: labels from {labels.min()} to {labels.max()} do not fit {count} classes; give numbers from 0 to "
            f"{count - 1}"
        )
    return Plain(lambda x: (x[..., None] == np.arange(count)).astype(np.int64), "one_hot")(input)
