"""Changing the shape, the order or the number of elements, never their values.

Each op is linear and its adjoint is another op of this family: Reshape and Permute and Flip undo themselves, Pad and
Crop undo each other, Cat is undone by slices.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..typing import Array, Dim, Value
from .broadcast import read_sizes
from .errors import ArgumentError, DimError, ShapeError
from .layout import filled_as, row_major
from .op import Op, Plain

__all__ = [
    "contiguous", "flatten", "flip", "movedim", "permute", "reshape", "rot90", "squeeze", "transpose", "tril",
    "triu", "unflatten", "unsqueeze",
]  # fmt: skip


class Reshape(Op):
    """y = the elements of x in order, in another shape; a view where the strides allow."""

    view = True

    def __init__(self, shape: tuple[int, ...], source: tuple[int, ...]) -> None:
        self.shape, self.source = shape, source

    def forward(self, x: Array) -> Array:
        if x.ndim == 4 and len(self.shape) == 2 and len(x) == self.shape[0]:  # images become vectors: a copy, often
            x = row_major(x)
        return x.reshape(self.shape)

    def grad_x(self, g: Value) -> Value:
        return Reshape(self.source, self.shape)(g)


class Permute(Op):
    """y = x with its dimensions in another order; a view."""

    view = True

    def __init__(self, dims: tuple[int, ...]) -> None:
        self.dims = dims

    def forward(self, x: Array) -> Array:
        return x.transpose(self.dims)

    def grad_x(self, g: Value) -> Value:
        return Permute(tuple(int(i) for i in np.argsort(self.dims)))(g)


class Flip(Op):
    """y = x read backwards along some dimensions."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        self.dims = dims

    def forward(self, x: Array) -> Array:
        return np.flip(x, self.dims).copy(order="K")

    def grad_x(self, g: Value) -> Value:
        return Flip(self.dims)(g)


class Pad(Op):
    """y = x with ``before[i]`` and ``after[i]`` constant elements around each dimension i; the adjoint crops."""

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...], value: float = 0.0) -> None:
        self.before, self.after, self.value = before, after, value

    def forward(self, x: Array) -> Array:
        y = filled_as(x, [n + b + a for n, b, a in zip(x.shape, self.before, self.after)], self.value)
        y[tuple(slice(b, b + n) for b, n in zip(self.before, x.shape))] = x
        return y

    def grad_x(self, g: Value) -> Value:
        return Crop(self.before, self.after)(g)


class Crop(Op):
    """y = x without ``before[i]`` and ``after[i]`` elements at the ends of each dimension i; the adjoint pads with
    zeros.
    """

    view = True

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        self.before, self.after = before, after

    def forward(self, x: Array) -> Array:
        return x[tuple(slice(b, n - a) for n, b, a in zip(x.shape, self.before, self.after))]

    def grad_x(self, g: Value) -> Value:
        return Pad(self.before, self.after)(g)


class Cat(Op):
    """y = the operands one after the other along a dimension; each receives its slice of g."""

    def __init__(self, dim: int, sizes: tuple[int, ...]) -> None:
        self.dim, self.sizes = dim, sizes

    def forward(self, *xs: Array) -> Array:
        return np.concatenate(xs, self.dim)

    def grad_xs(self, g: Value, wanted: tuple[bool, ...]) -> list[Value | None]:
        total, start, out = builtins.sum(self.sizes), 0, []
        for size, want in zip(self.sizes, wanted):
            before = tuple(start if i == self.dim else 0 for i in range(g.ndim))
            after = tuple(total - start - size if i == self.dim else 0 for i in range(g.ndim))
            out.append(Crop(before, after)(g) if want else None)
            start += size
        return out


def read_dim(op: str, dim: Any, rank: int) -> int:
    """Read one dimension, counted from the end when negative; a tensor without dimensions counts as having one."""
    top = builtins.max(rank, 1)
    if not hasattr(dim, "__index__") or isinstance(dim, bool) or not -top <= dim < top:
        raise DimError(f"{op}: dim={dim!r} for a tensor of {rank} dimensions; give a number from {-top} to {top - 1}")
    return int(dim) % top


def reshape(input: Value, *shape: Any) -> Value:
    """Return the elements in another shape; one size may be -1 and is worked out. A view where the strides allow.

    Derivative: g in the former shape.
    """
    wanted = read_sizes(shape)
    size = math.prod(input.shape)
    known = math.prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1 or builtins.any(n < -1 for n in wanted):
        raise ArgumentError(
            f"reshape: {wanted} leaves more than one size open, or holds a negative one; give at most one -1"
        )
    if -1 in wanted:
        if known == 0 or size % known:
            raise ShapeError(
                f"reshape: {size} elements {input.shape} do not divide into {wanted}: {size} / {known} is no whole "
                "number"
            )
        wanted = tuple(size // known if n == -1 else n for n in wanted)
    elif known != size:
        raise ShapeError(
            f"reshape: {input.shape} holds {size} elements, {wanted} would hold {known}; make the products equal"
        )
    return input if wanted == input.shape else Reshape(wanted, input.shape)(input)


def permute(input: Value, *dims: Any) -> Value:
    """Return the dimensions in another order, as a view.

    Derivative: g in the former order.
    """
    given = read_sizes(dims)
    order = tuple(read_dim("permute", d, input.ndim) for d in given) if len(given) == input.ndim else ()
    if len(set(order)) != builtins.max(input.ndim, len(given)):
        raise ArgumentError(
            f"permute: dims {given} is no order of the {input.ndim} dimensions of {input.shape}; name each once"
        )
    return Permute(order)(input)


def transpose(input: Value, dim0: int, dim1: int) -> Value:
    """Exchange two dimensions, as a view.

    ``dim0`` and ``dim1`` may be negative. Derivative: g transposed.
    """
    a, b = read_dim("transpose", dim0, input.ndim), read_dim("transpose", dim1, input.ndim)
    if input.ndim == 0:
        return input
    order = list(range(input.ndim))
    order[a], order[b] = b, a
    return Permute(tuple(order))(input)


def movedim(input: Value, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    """Move dimensions to new places, the others keep their order.

    ``source`` and ``destination`` are a position or several, as many of one as of the other. A view; derivative: g
    moved back.
    """
    src = [source] if isinstance(source, int) else list(source)
    dst = [destination] if isinstance(destination, int) else list(destination)
    if len(src) != len(dst):
        raise ArgumentError(f"movedim: {len(src)} sources {src} for {len(dst)} destinations {dst}; give as many")
    if isinstance(source, int) != isinstance(destination, int):
        raise ArgumentError(f"movedim: {source} to {destination}; give two positions, or as many of each")
    src, dst = ([read_dim("movedim", d, input.ndim) for d in ds] for ds in (src, dst))
    if len(set(src)) != len(src) or len(set(dst)) != len(dst):
        raise ArgumentError(f"movedim: {source} to {destination} names a dimension twice; name each once")
    if input.ndim == 0:
        return input
    order: list[int] = [d for d in range(input.ndim) if d not in src]
    for d, s in sorted(zip(dst, src)):
        order.insert(d, s)
    return Permute(tuple(order))(input)


def flatten(input: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    """Merge the dimensions from ``start_dim`` to ``end_dim`` into one.

    Derivative: g in the former shape.
    """
    a, b = read_dim("flatten", start_dim, input.ndim), read_dim("flatten", end_dim, input.ndim)
    if input.ndim == 0:
        return reshape(input, (1,))
    if a > b:
        raise ArgumentError(f"flatten: start_dim {start_dim} lies behind end_dim {end_dim}; exchange them")
    shape = input.shape
    return input if a == b else Reshape((*shape[:a], math.prod(shape[a : b + 1]), *shape[b + 1 :]), shape)(input)


def unflatten(input: Value, dim: int, sizes: Sequence[int]) -> Value:
    """Split one dimension into several; one of the sizes may be -1.

    ``sizes`` multiply to the size of ``dim``. A view where the strides allow; derivative: g in the former shape.
    """
    d, sizes = read_dim("unflatten", dim, input.ndim), tuple(sizes)
    if input.ndim == 0:
        raise ShapeError("unflatten: a tensor without dimensions has none to split; give at least one dimension")
    if not sizes:
        raise ArgumentError("unflatten: no sizes; give at least one")
    if -1 in sizes:
        known = math.prod(n for n in sizes if n != -1)
        sizes = tuple(input.shape[d] // builtins.max(known, 1) if n == -1 else n for n in sizes)
    if math.prod(sizes) != input.shape[d]:
        raise ShapeError(
            f"unflatten: sizes {sizes} multiply to {math.prod(sizes)}, dimension {dim} of {input.shape} has "
            f"{input.shape[d]}"
        )
    return reshape(input, (*input.shape[:d], *sizes, *input.shape[d + 1 :]))


def squeeze(input: Value, dim: Dim = None) -> Value:
    """Drop dimensions of size 1: all of them, or those named that have it.

    A view; derivative: g in the former shape.
    """
    if dim is None:
        drop = {i for i, n in enumerate(input.shape) if n == 1}
    else:
        given = (dim,) if isinstance(dim, int) else tuple(dim)
        rank = builtins.max(input.ndim, 1)
        dims = [read_dim("squeeze", d, rank) for d in given]
        if len(set(dims)) != len(dims):
            raise ArgumentError(f"squeeze: dim={given} names a dimension twice; name each once")
        drop = {d for d in dims if d < input.ndim and input.shape[d] == 1}
    return reshape(input, tuple(n for i, n in enumerate(input.shape) if i not in drop))


def unsqueeze(input: Value, dim: int) -> Value:
    """Insert a dimension of size 1 before position ``dim``.

    A view; derivative: g in the former shape.
    """
    d = read_dim("unsqueeze", dim, input.ndim + 1)
    return reshape(input, (*input.shape[:d], 1, *input.shape[d:]))


def flip(input: Value, dims: int | Sequence[int]) -> Value:
    """Reverse the order along ``dims``.

    Derivative: g reversed.
    """
    given = (dims,) if isinstance(dims, int) else tuple(dims)
    order = tuple(read_dim("flip", d, input.ndim) for d in given)
    if len(set(order)) != len(order):
        raise ArgumentError(f"flip: dims {given} names a dimension twice; name each once")
    return Flip(order if input.ndim else ())(input)


def rot90(input: Value, k: int = 1, dims: Sequence[int] = (0, 1)) -> Value:
    """Rotate by 90 degrees k times in the plane of two dimensions, from the first towards the second.

    Derivative: g rotated back.
    """
    if not hasattr(k, "__index__"):
        raise ArgumentError(f"rot90: k is {k!r}; give a whole number of quarter turns")
    if len(dims) != 2 or input.ndim < 2:
        raise ArgumentError(f"rot90: dims {tuple(dims)} for a tensor {input.shape}; give two of its dimensions")
    a, b = read_dim("rot90", dims[0], input.ndim), read_dim("rot90", dims[1], input.ndim)
    if a == b:
        raise ArgumentError(f"rot90: dims {tuple(dims)} name one dimension twice; give two different ones")
    if k % 4 == 1:
        return transpose(flip(input, b), a, b)
    if k % 4 == 2:
        return flip(input, (a, b))
    return flip(transpose(input, a, b), b) if k % 4 == 3 else flip(input, ())


def tril(input: Value, diagonal: int = 0) -> Value:
    """Keep the elements on and below a diagonal of the last two dimensions, zeros elsewhere.

    ``diagonal`` 0 is the main one, 1 the one above it. Derivative: g, cut in the same way.
    """
    return _triangle("tril", np.tril, input, diagonal)


def triu(input: Value, diagonal: int = 0) -> Value:
    """Keep the elements on and above a diagonal of the last two dimensions, zeros elsewhere.

    ``diagonal`` 0 is the main one, 1 the one above it. Derivative: g, cut in the same way.
    """
    return _triangle("triu", np.triu, input, diagonal)


def _triangle(op: str, function: Any, input: Value, diagonal: int) -> Value:
    from .arithmetic import where

    if input.ndim < 2:
        raise ShapeError(
            f"{op}: the input has shape {input.shape}, expected at least two dimensions; give a matrix or a batch of "
            "them"
        )
    keep = Plain(lambda x: np.broadcast_to(function(np.ones(x.shape[-2:], np.bool_), diagonal), x.shape), op)(input)
    return where(keep, input, input.dtype.type(0))


class Clone(Op):
    """y = a copy of x, in the memory order of x, or row-major."""

    def __init__(self, order: Literal["K", "C"] = "K") -> None:
        self.order: Literal["K", "C"] = order

    def forward(self, x: Array) -> Array:
        return x.copy(order=self.order)

    def grad_x(self, g: Value) -> Value:
        return g


def contiguous(input: Value) -> Value:
    """Return the elements with their bytes in row-major order; the value is the same.

    Derivative: g.
    """
    return Clone("C")(input)
