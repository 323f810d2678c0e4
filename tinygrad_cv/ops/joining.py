"""Joining, cutting and repeating along dimensions."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..typing import Dim, Value
from .broadcast import cast, expand, read_sizes, result_type
from .errors import ArgumentError, DimError, DTypeError, ShapeError
from .shape import Cat, Crop, read_dim, reshape, squeeze, unsqueeze

__all__ = [
    "cat", "chunk", "narrow", "repeat", "roll", "split", "stack", "tile", "unbind",
]  # fmt: skip


def several(op: str, tensors: Sequence[Value]) -> None:
    """Refuse one tensor in place of a sequence of them."""
    if not isinstance(tensors, (list, tuple)):
        one = f"a tensor of shape {tensors.shape}" if hasattr(tensors, "shape") else f"{tensors!r}"
        raise DTypeError(f"{op}: tensors is {one} ({type(tensors).__name__}); give a list of tensors")


def cat(tensors: Sequence[Value], dim: int = 0) -> Value:
    """Join tensors along a dimension; the other sizes must agree. Empty vectors fit anywhere, as in PyTorch.

    Shapes (.., n_i, ..) become (.., sum of n_i, ..). Derivative: the part of g that each tensor gave.
    """
    several("cat", tensors)
    if not tensors:
        raise ArgumentError("cat: no tensors were given; give at least one")
    dtype = result_type(*tensors)
    full = next((t for t in tensors if t.shape != (0,)), tensors[0])
    if full.shape == (0,):
        dim = 0
    if builtins.any(t.ndim == 0 for t in tensors):
        raise ShapeError("cat: a tensor without dimensions cannot be joined; use stack, or reshape it to (1,)")
    d = read_dim("cat", dim, full.ndim)
    nothing = (*full.shape[:d], 0, *full.shape[d + 1 :])
    parts = [reshape(t, nothing) if t.shape == (0,) else t for t in tensors]
    rest = parts[0].shape[:d] + parts[0].shape[d + 1 :]
    for i, t in enumerate(parts):
        if t.ndim != parts[0].ndim or t.shape[:d] + t.shape[d + 1 :] != rest:
            raise ShapeError(
                f"cat: tensor {i} has shape {t.shape}, tensor 0 {parts[0].shape}; they may differ in dimension {d} "
                "alone"
            )
    return Cat(d, tuple(t.shape[d] for t in parts))(*(cast(t, dtype) for t in parts))


def stack(tensors: Sequence[Value], dim: int = 0) -> Value:
    """Join tensors of equal shape along a new dimension.

    Shapes (..) become (.., n, ..), n the number of tensors. Derivative: the slice of g that each tensor gave.
    """
    several("stack", tensors)
    if not tensors:
        raise ArgumentError("stack: no tensors were given; give at least one")
    for i, t in enumerate(tensors):
        if t.shape != tensors[0].shape:
            raise ShapeError(
                f"stack: tensor {i} has shape {t.shape}, tensor 0 {tensors[0].shape}; stack needs equal shapes"
            )
    return cat([unsqueeze(t, dim) for t in tensors], read_dim("stack", dim, tensors[0].ndim + 1))


def narrow(input: Value, dim: int, start: int, length: int) -> Value:
    """Return ``length`` elements along ``dim`` from ``start``, as a view.

    Derivative: g there, zeros elsewhere.
    """
    d = read_dim("narrow", dim, input.ndim)
    n = input.shape[d]
    first = start + n if start < 0 else start
    if length < 0 or not 0 <= first <= n - length:
        raise DimError(f"narrow: {length} elements from {start} do not lie within dimension {dim} of size {n}")
    before = tuple(first if i == d else 0 for i in range(input.ndim))
    after = tuple(n - first - length if i == d else 0 for i in range(input.ndim))
    return Crop(before, after)(input)


def split(input: Value, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Value, ...]:
    """Cut along ``dim`` into parts of a size (the last may be smaller), or into parts of given sizes; views.

    ``split_size_or_sections`` is a size, or a list of sizes that add up to that of ``dim``. Derivative: the parts' g,
    joined.
    """
    if input.ndim == 0:
        raise ShapeError("split: a tensor without dimensions cannot be cut; give at least one dimension")
    d = read_dim("split", dim, input.ndim)
    n = input.shape[d]
    if isinstance(split_size_or_sections, bool):
        raise DTypeError(f"split: split_size_or_sections is {split_size_or_sections}; give a size, or a list of them")
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and n):
            raise ArgumentError(f"split: a size of {size} cannot cut {n} elements; give at least 1")
        sizes = [builtins.min(size, n - s) for s in range(0, n, size)] if n else [0]
    else:
        sizes = list(split_size_or_sections)
        if builtins.sum(sizes) != n or builtins.any(s < 0 for s in sizes):
            raise ArgumentError(
                f"split: sections {sizes} add up to {builtins.sum(sizes)}, dimension {dim} of {input.shape} has {n}"
            )
    starts = np.cumsum([0, *sizes]).tolist()
    return tuple(narrow(input, d, a, s) for a, s in zip(starts, sizes))


def chunk(input: Value, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    """Cut along ``dim`` into at most ``chunks`` parts of equal size (the last may be smaller).

    See `split`.
    """
    if chunks < 1:
        raise ArgumentError(f"chunk: chunks is {chunks}; give at least 1")
    d = read_dim("chunk", dim, input.ndim)
    if input.ndim == 0:
        raise ShapeError("chunk: a tensor without dimensions cannot be cut; give at least one dimension")
    n = input.shape[d]
    if n == 0:
        return split(input, [0] * chunks, dim)
    return split(input, -(-n // chunks), dim)


def unbind(input: Value, dim: int = 0) -> tuple[Value, ...]:
    """Return the slices along ``dim``, without it.

    Views; derivative: the slices' g, stacked.
    """
    if input.ndim == 0:
        raise ShapeError("unbind: a tensor without dimensions has no slices; give at least one dimension")
    d = read_dim("unbind", dim, input.ndim)
    return tuple(squeeze(part, d) for part in split(input, 1, d)) if input.shape[d] else ()


def repeat(input: Value, *repeats: Any) -> Value:
    """Repeat the whole tensor as often as told along each dimension (new leading ones allowed); PyTorch's
    ``Tensor.repeat``.

    One number in ``repeats`` for each dimension. Derivative: g summed over the copies.
    """
    if not repeats:
        raise ArgumentError("repeat: no numbers were given; give one for each dimension")
    times = read_sizes(repeats)
    if len(times) < input.ndim or builtins.any(t < 0 for t in times):
        raise ArgumentError(
            f"repeat: {times} for a tensor {input.shape}; give at least {input.ndim} numbers, none negative"
        )
    shape = (1,) * (len(times) - input.ndim) + tuple(input.shape)
    doubled = [n for s in shape for n in (1, s)]
    spread = [n for t, s in zip(times, shape) for n in (t, s)]
    return reshape(expand(reshape(input, doubled), spread), [t * s for t, s in zip(times, shape)])


def tile(input: Value, *dims: Any) -> Value:
    """Repeat like `repeat`; missing leading repeats count as 1.

    See `repeat` for the derivative; here the repeats are called ``dims``.
    """
    if not dims:
        raise ArgumentError("tile: no numbers were given; give at least one")
    times = read_sizes(dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


def roll(input: Value, shifts: int | Sequence[int], dims: Dim = None) -> Value:
    """Shift cyclically along ``dims`` (the flattened tensor if None).

    ``shifts`` holds a number of places for each of ``dims``; positive ones move towards higher positions. Derivative: g
    rolled back.
    """
    if isinstance(shifts, bool):
        raise DTypeError(f"roll: shifts is {shifts}; give a whole number")
    if dims is None or dims == ():
        shifts = shifts[0] if isinstance(shifts, Sequence) and len(shifts) == 1 else shifts
        if not isinstance(shifts, int):
            raise ArgumentError(f"roll: shifts {shifts} without dims; give one shift, or name the dimensions")
        return reshape(roll(reshape(input, (-1,)), shifts, 0), input.shape)
    by = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    along = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(by) != len(along):
        raise ArgumentError(f"roll: {len(by)} shifts {by} for {len(along)} dims {along}; give as many")
    y = input
    for s, d in zip(by, along):
        if not y.ndim:
            raise DimError("roll: a tensor without dimensions has none to roll along; leave dims out")
        d = read_dim("roll", d, y.ndim)
        n = y.shape[d]
        k = s % n if n else 0
        if k:
            y = cat([narrow(y, d, n - k, k), narrow(y, d, 0, n - k)], d)
    return y
