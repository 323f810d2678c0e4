"""Short forms: names for common uses of `shape` and `index`, under which PyTorch's users know them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..typing import Array, Value
from .broadcast import broadcast_shape, cast, expand_to
from .errors import ArgumentError, DimError, DTypeError, ShapeError
from .index import Put, gather, getitem, nonzero
from .joining import cat, several
from .order import argsort
from .reduce import Extreme, ExtremeOf
from .reduce import sum as total
from .shape import flatten, flip, movedim, permute, read_dim, reshape, transpose, unsqueeze

__all__ = [
    "argwhere", "broadcast_tensors", "concat", "concatenate", "diag_embed", "diagonal", "fliplr", "flipud",
    "hstack", "median", "meshgrid", "moveaxis", "numel", "ravel", "select", "swapaxes", "swapdims", "t", "take",
    "trace", "vstack",
]  # fmt: skip

concat = concatenate = cat
swapaxes = swapdims = transpose
moveaxis = movedim


def t(input: Value) -> Value:
    """Return the transpose of a matrix (a vector or a number: itself)."""
    if input.ndim > 2:
        raise ShapeError(
            f"t: a tensor of shape {input.shape} has more than two dimensions; use transpose, permute or .mT"
        )
    return transpose(input, 0, 1) if input.ndim == 2 else input


def ravel(input: Value) -> Value:
    """Return all elements as a vector."""
    return flatten(input)


def numel(input: Value) -> int:
    """Return the number of elements."""
    return int(np.prod(input.shape, dtype=np.int64))


def select(input: Value, dim: int, index: int) -> Value:
    """Return the slice number ``index`` along ``dim``, without that dimension."""
    if not input.ndim:
        raise DimError("select: a tensor without dimensions has no slices; give at least one dimension")
    d = read_dim("select", dim, input.ndim)
    if not -input.shape[d] <= index < input.shape[d]:
        raise DimError(
            f"select: index {index} along dimension {dim} of {input.shape}; there are {input.shape[d]} slices"
        )
    return getitem(input, (slice(None),) * d + (int(index),))


def fliplr(input: Value) -> Value:
    """Reverse the order of the columns (dimension 1)."""
    if input.ndim < 2:
        raise ShapeError(f"fliplr: a tensor of shape {input.shape} has no columns; give at least two dimensions")
    return flip(input, 1)


def flipud(input: Value) -> Value:
    """Reverse the order of the rows (dimension 0)."""
    if input.ndim < 1:
        raise ShapeError("flipud: a tensor without dimensions has no rows; give at least one dimension")
    return flip(input, 0)


def hstack(tensors: Sequence[Value]) -> Value:
    """Join along dimension 1 (vectors: end to end).

    ``tensors`` agree in all other sizes; see `cat`.
    """
    several("hstack", tensors)
    parts = [reshape(x, (1,)) if x.ndim == 0 else x for x in tensors]
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Value]) -> Value:
    """Join along dimension 0; vectors count as rows.

    ``tensors`` agree in all other sizes; see `cat`.
    """
    several("vstack", tensors)
    return cat([reshape(x, (1, numel(x))) if x.ndim < 2 else x for x in tensors], 0)


def broadcast_tensors(*tensors: Value) -> tuple[Value, ...]:
    """Repeat each tensor to the shape that all have in common.

    ``tensors`` are any number of them. Views; derivative: g summed over what was repeated.
    """
    shape = broadcast_shape("broadcast_tensors", *(x.shape for x in tensors))
    return tuple(expand_to(x, shape) for x in tensors)


def diagonal(input: Value, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    """Return the diagonals of the planes of two dimensions, as the last dimension.

    ``offset`` 0 is the main diagonal, 1 the one above; ``dim1`` and ``dim2`` span the planes. Derivative: g on the
    diagonal, zeros elsewhere.
    """
    a, b = read_dim("diagonal", dim1, input.ndim), read_dim("diagonal", dim2, input.ndim)
    if a == b or input.ndim < 2:
        raise ArgumentError(f"diagonal: dim1 {dim1} and dim2 {dim2} of {input.shape}; name two different dimensions")
    x = permute(input, *(d for d in range(input.ndim) if d not in (a, b)), a, b)
    h, w = x.shape[-2:]
    i = np.arange(max(0, min(h - max(-offset, 0), w - max(offset, 0))))
    return getitem(x, (..., i + max(-offset, 0), i + max(offset, 0)))


def diag_embed(input: Value, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Value:
    """Return matrices with the vectors of the last dimension on a diagonal.

    ``offset`` 0 is the main diagonal, 1 the one above; ``dim1`` and ``dim2`` say where the matrices lie in the result.
    """
    rank = input.ndim + 1
    a, b = read_dim("diag_embed", dim1, rank), read_dim("diag_embed", dim2, rank)
    if a == b or not input.ndim:
        raise ArgumentError(f"diag_embed: dim1 {dim1} and dim2 {dim2} for {input.shape}; name two different dimensions")
    *lead, n = input.shape
    i, size = np.arange(n), n + abs(offset)
    y = Put((..., i + max(-offset, 0), i + max(offset, 0)), (*lead, size, size))(input)
    return movedim(y, (-2, -1), (a, b))


def trace(input: Value) -> Value:
    """Return the sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise ShapeError(f"trace: the input has shape {input.shape}, expected a matrix")
    if input.dtype == np.bool_:
        raise DTypeError("trace: booleans have no sum here; cast to a number first")
    return total(diagonal(input))


def meshgrid(*tensors: Value, indexing: str | None = "ij") -> tuple[Value, ...]:
    """Return the coordinates of every point of a grid: one tensor for each axis, all of the grid's shape.

    ``tensors`` are vectors (n_i,); with ``indexing='ij'`` the shape is (n_0, n_1, ..), with ``'xy'`` the first two are
    exchanged.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy", None):
        raise ArgumentError(f"meshgrid: indexing is {indexing!r}; give 'ij' or 'xy'")
    if len({x.dtype for x in tensors}) > 1:
        raise DTypeError(f"meshgrid: dtypes {[str(x.dtype) for x in tensors]}; cast the vectors to one of them")
    if any(x.ndim > 1 for x in tensors) or not tensors:
        raise ShapeError(
            f"meshgrid: shapes {[tuple(x.shape) for x in tensors]}; give at least one vector, and vectors alone"
        )
    axes = [reshape(x, (numel(x),)) for x in tensors]
    k = len(axes)
    shape = tuple(len_ for (len_,) in (x.shape for x in axes))
    grid = tuple(
        expand_to(
            reshape(
                x, [-1 if i == j else 1 for j in range(k)] if x.shape[0] else [0 if i == j else 1 for j in range(k)]
            ),
            shape,
        )
        for i, x in enumerate(axes)
    )
    return tuple(transpose(g, 0, 1) for g in grid) if indexing == "xy" and k > 1 else grid


def take(input: Value, index: Value) -> Value:
    """Return the elements of the flattened input at ``index``, in the shape of ``index``."""
    at = np.asarray(index)
    if at.dtype != np.int64:
        raise DTypeError(f"take: index has dtype {at.dtype}, expected int64; cast it with .long()")
    return getitem(flatten(input), at if at.ndim else int(at))


def argwhere(input: Value) -> Value:
    """Return the positions of the non-zero elements, one a row."""
    return nonzero(input)


def median(input: Value, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle element (the lower one of two): of all; or (values, indices) along ``dim``."""
    if input.dtype == np.bool_:
        raise DTypeError("median: a bool tensor has no middle; cast to a number first")
    if dim is None:
        flat = flatten(input)
        if not flat.shape[0]:
            if input.dtype.kind == "f":
                return total(flat) + np.nan
            return cast(total(flat), input.dtype) + np.iinfo(input.dtype).min  # what PyTorch says instead of NaN
        return ExtremeOf(_lower_middle, (0,), False)(flat)
    d = read_dim("median", dim, input.ndim)
    if input.ndim == 0:
        return Extreme(input, argsort(input))
    if not input.shape[d]:
        raise DimError(
            f"median: dimension {dim} of {input.shape} is empty and has no middle; give at least one element"
        )
    at = unsqueeze(_middle(input, d), d)
    y = gather(input, d, at)
    shape = input.shape[:d] + input.shape[d + 1 :]
    return Extreme(y, at) if keepdim else Extreme(reshape(y, shape), reshape(at, shape))


def _lower_middle(x: Array, axis: Any, keepdims: bool) -> Array:
    return np.sort(x)[(x.size - 1) // 2]


def _middle(x: Value, dim: int) -> Value:
    return select(argsort(x, dim), dim, (x.shape[dim] - 1) // 2)
