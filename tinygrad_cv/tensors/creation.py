"""Making tensors: from data, filled, and in sequence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import broadcast
from ..ops.broadcast import read_dtype, read_number, read_shape
from ..ops.errors import ArgumentError, DTypeError
from ..typing import Array, DType, Value
from .spelling import spelled
from .tensor import Tensor

__all__ = [
    "arange", "as_tensor", "asarray", "can_cast", "clone", "detach", "empty", "empty_like", "eye", "from_dlpack",
    "from_numpy", "full", "full_like", "get_default_dtype", "is_floating_point", "is_tensor", "linspace", "ones",
    "ones_like", "promote_types", "result_type", "set_default_dtype", "tensor", "zeros", "zeros_like",
]  # fmt: skip


def get_default_dtype() -> DType:
    """Return the dtype that Python floats become (float32 unless changed)."""
    return broadcast.FLOAT


def set_default_dtype(dtype: Any) -> None:
    """Let Python floats become another floating-point dtype."""
    d = read_dtype(dtype)
    if d.kind != "f":
        raise DTypeError(f"set_default_dtype: {d} is not a floating-point dtype; give float32 or float64")
    broadcast.set_float(d)


def _array(data: Any, dtype: Any, copy: bool) -> Array:
    if isinstance(data, Tensor):
        a = data._data
    elif isinstance(data, (np.ndarray, np.generic)):
        a = np.asarray(data)
    else:
        try:
            a = np.asarray(_plain(data))
        except ValueError as error:
            raise ArgumentError(f"tensor: the nested lists do not form a block: {error}") from None
        if a.dtype.kind == "f" and dtype is None:
            a = a.astype(broadcast.FLOAT)
        copy = False
    if a.dtype.kind not in "fiub":
        raise DTypeError(f"tensor: cannot make a tensor of {a.dtype}; give numbers or booleans")
    kind = a.dtype if dtype is None else read_dtype(dtype)
    return a.astype(kind, order="C", copy=copy) if dtype is not None or copy else a


def _plain(data: Any) -> Any:
    """Replace tensors within nested lists by their numbers."""
    if isinstance(data, Tensor):
        return data.tolist()
    return [_plain(v) for v in data] if isinstance(data, (list, tuple)) else data


def tensor(data: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new tensor that holds a copy of ``data`` (numbers, nested lists, arrays, tensors).

    Python floats become the default dtype, Python integers int64; arrays keep theirs.

    >>> tensor([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    a = _array(data, dtype, True)
    return Tensor(a.copy() if a.base is not None or not a.flags.owndata else a, requires_grad)


def as_tensor(data: Any, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Return ``data`` as a tensor, sharing its memory where that is possible; tensors are returned as they are."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(_array(data, dtype, False))


def from_numpy(ndarray: Array) -> Tensor:
    """Return a tensor that shares the array's memory.

    ``ndarray`` keeps its dtype.
    """
    if not isinstance(ndarray, np.ndarray):
        raise DTypeError(
            f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}; use tensor() for other data"
        )
    return Tensor(_array(ndarray, None, False))


def from_dlpack(source: Any) -> Tensor:
    """Return a tensor that shares the memory of any object that speaks DLPack (a PyTorch tensor, a JAX array).

    ``source`` has a method ``__dlpack__``.
    """
    if not hasattr(source, "__dlpack__"):
        raise DTypeError(f"from_dlpack: {type(source).__name__} has no __dlpack__; give a tensor or an array")
    return Tensor(np.from_dlpack(source))


def clone(input: Value) -> Tensor:
    """Return a copy; the gradient passes through."""
    return input.clone()


def detach(input: Value) -> Tensor:
    """Return the same memory as a constant of the graph."""
    return input.detach()


def is_tensor(obj: Any) -> bool:
    """Tell whether ``obj`` is a tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Value) -> bool:
    """Tell whether the elements are of floating point."""
    return input.dtype.kind == "f"


def promote_types(type1: DType, type2: DType) -> DType:
    """Return the dtype of an operation on two tensors with dimensions of these dtypes.

    ``type1`` and ``type2`` may stand in either order.
    """
    return broadcast.promote(read_dtype(type1), read_dtype(type2))


def can_cast(from_: DType, to: DType) -> bool:
    """Tell whether a dtype may be written into another without a change of category (float to int, number to bool).

    ``from_`` is the dtype that is written, ``to`` the one written into.
    """
    rank = {"b": 0, "u": 1, "i": 1, "f": 2}
    return rank[read_dtype(from_).kind] <= rank[read_dtype(to).kind]


def zeros(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of zeros.

    ``size`` is one tuple, or a number for each dimension.
    """
    return Tensor(np.zeros(read_shape(*size), read_dtype(dtype)), requires_grad)


def ones(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of ones.

    ``size`` is one tuple, or a number for each dimension.
    """
    return Tensor(np.ones(read_shape(*size), read_dtype(dtype)), requires_grad)


def empty(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor whose values are whatever the memory held.

    ``size`` is one tuple, or a number for each dimension.
    """
    return Tensor(np.empty(read_shape(*size), read_dtype(dtype)), requires_grad)


def full(
    size: Sequence[int], fill_value: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor filled with a number, of the number's kind of dtype.

    ``size`` is a tuple, ``fill_value`` the number.
    """
    if hasattr(size, "__index__"):
        raise ArgumentError(f"full: size is {size}; give a sequence, as in full(({size},), {fill_value})")
    kind = broadcast.result_type(fill_value) if dtype is None else read_dtype(dtype)
    value = read_number("full", "fill_value", fill_value, kind)
    return Tensor(np.full(read_shape(size), value, kind), requires_grad)


def _pattern(op: str, input: Any, dtype: Any) -> tuple[Array, DType]:
    """Return an array in the shape and memory order of what is to be made, and its dtype."""
    if not hasattr(input, "dtype"):
        raise DTypeError(f"{op}: input is {input!r} ({type(input).__name__}); give a tensor")
    return np.asarray(input), read_dtype(dtype, input.dtype)


def zeros_like(input: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the shape, dtype and memory order of ``input``."""
    return Tensor(np.zeros_like(*_pattern("zeros_like", input, dtype)), requires_grad)


def ones_like(input: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the shape, dtype and memory order of ``input``."""
    return Tensor(np.ones_like(*_pattern("ones_like", input, dtype)), requires_grad)


def empty_like(input: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return an uninitialised tensor of the shape, dtype and memory order of ``input``."""
    return Tensor(np.empty_like(*_pattern("empty_like", input, dtype)), requires_grad)


def full_like(
    input: Any, fill_value: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a filled tensor of the shape, dtype and memory order of ``input``.

    ``fill_value`` is the number.
    """
    like, kind = _pattern("full_like", input, dtype)
    return Tensor(np.full_like(like, read_number("full_like", "fill_value", fill_value, kind), kind), requires_grad)


def eye(
    n: int, m: int | None = None, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a matrix with ones on the diagonal.

    It has ``n`` rows and ``m`` columns, ``n`` if None.
    """
    read_shape(n, n if m is None else m)
    return Tensor(np.eye(n, m, dtype=read_dtype(dtype)), requires_grad)


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return ``start, start + step, ...`` below ``end``: arange(end), arange(start, end), arange(start, end, step)."""
    if end is None:
        if step != 1:
            raise ArgumentError(f"arange: a step of {step!r} wants start and end; write arange(start, end, step)")
        start, end = 0, start
    if start is None:
        start = 0
    if end is None:
        raise ArgumentError("arange: no end was given; write arange(end), or arange(start, end, step)")
    start, end, step = (v.item() if hasattr(v, "item") else v for v in (start, end, step))
    if not all(isinstance(v, (bool, int, float)) for v in (start, end, step)):
        raise DTypeError(f"arange: got start={start!r}, end={end!r}, step={step!r}; give numbers")
    if step == 0 or not all(map(math.isfinite, (start, end, step))) or (end - start) / step < 0:
        raise ArgumentError(f"arange: from {start} to {end} by {step} never arrives; give a step of the right sign")
    kind = broadcast.FLOAT if any(isinstance(v, float) for v in (start, end, step)) else np.dtype(np.int64)
    return Tensor(np.arange(start, end, step).astype(more_than_two("arange", read_dtype(dtype, kind))), requires_grad)


def more_than_two(op: str, dtype: DType) -> DType:
    """Refuse a dtype that holds 0 and 1 alone."""
    if dtype == np.bool_:
        raise DTypeError(f"{op}: dtype bool holds two numbers alone; give an integer or floating-point dtype")
    return dtype


result_type = spelled(broadcast.result_type)


def linspace(
    start: float, end: float, steps: int, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return ``steps`` evenly spaced numbers from ``start`` to ``end``, both included."""
    if steps < 0:
        raise ArgumentError(f"linspace: steps is {steps}; give a number of at least 0")
    start, end = float(start), float(end)
    return Tensor(np.linspace(start, end, steps).astype(more_than_two("linspace", read_dtype(dtype))), requires_grad)


asarray = spelled(as_tensor, name="asarray")

for _function in (
    arange, as_tensor, can_cast, clone, detach, empty, empty_like, eye, full, full_like, is_floating_point, linspace,
    ones, ones_like, promote_types, set_default_dtype, tensor, zeros, zeros_like,
):  # fmt: skip
    globals()[_function.__name__] = spelled(_function)
