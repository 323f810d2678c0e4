"""Making tensors: from data, filled, in sequence, at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import broadcast
from ..ops.errors import ArgumentError, DTypeError
from ..typing import Array, DType
from .random import Generator, pick
from .tensor import Tensor


def get_default_dtype() -> DType:
    """Return the dtype that Python floats become (float32 unless changed)."""
    return broadcast.FLOAT


def set_default_dtype(dtype: Any) -> None:
    """Let Python floats become another floating-point dtype."""
    d = np.dtype(dtype)
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
    return a.astype(a.dtype if dtype is None else dtype, order="C", copy=copy) if dtype is not None or copy else a


def _plain(data: Any) -> Any:
    """Replace tensors within nested lists by their numbers."""
    if isinstance(data, Tensor):
        return data.tolist()
    return [_plain(v) for v in data] if isinstance(data, (list, tuple)) else data


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new tensor that holds a copy of ``data`` (numbers, nested lists, arrays, tensors).

    Python floats become the default dtype, Python integers int64; arrays keep theirs.

    >>> tensor([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    a = _array(data, dtype, True)
    return Tensor(a.copy() if a.base is not None or not a.flags.owndata else a, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
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
    return Tensor(np.from_dlpack(source))


def clone(input: Any) -> Tensor:
    """Return a copy; the gradient passes through."""
    return input.clone()


def detach(input: Any) -> Tensor:
    """Return the same memory as a constant of the graph."""
    return input.detach()


def is_tensor(obj: Any) -> bool:
    """Tell whether ``obj`` is a tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Any) -> bool:
    """Tell whether the elements are of floating point."""
    return input.dtype.kind == "f"


def promote_types(type1: Any, type2: Any) -> DType:
    """Return the dtype of an operation on two tensors with dimensions of these dtypes.

    ``type1`` and ``type2`` may stand in either order.
    """
    return broadcast.promote(np.dtype(type1), np.dtype(type2))


def can_cast(from_: Any, to: Any) -> bool:
    """Tell whether a dtype may be written into another without a change of category (float to int, number to bool).

    ``from_`` is the dtype that is written, ``to`` the one written into.
    """
    rank = {"b": 0, "u": 1, "i": 1, "f": 2}
    return rank[np.dtype(from_).kind] <= rank[np.dtype(to).kind]


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    shape = broadcast.read_sizes(size)
    if any(n < 0 for n in shape):
        raise ArgumentError(f"size: {shape} holds a negative size; give sizes of at least 0")
    return shape


def _dtype(dtype: Any) -> DType:
    return broadcast.FLOAT if dtype is None else np.dtype(dtype)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of zeros.

    ``size`` is one tuple, or a number for each dimension.
    """
    return Tensor(np.zeros(_shape(size), _dtype(dtype)), requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of ones.

    ``size`` is one tuple, or a number for each dimension.
    """
    return Tensor(np.ones(_shape(size), _dtype(dtype)), requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor whose values are whatever the memory held.

    ``size`` is one tuple, or a number for each dimension.
    """
    return Tensor(np.empty(_shape(size), _dtype(dtype)), requires_grad)


def full(
    size: Sequence[int], fill_value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor filled with a number, of the number's kind of dtype.

    ``size`` is a tuple, ``fill_value`` the number.
    """
    kind = broadcast.result_type(fill_value) if dtype is None else np.dtype(dtype)
    return Tensor(np.full(_shape((size,)), fill_value, kind), requires_grad)


def zeros_like(input: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the shape, dtype and memory order of ``input``."""
    return Tensor(np.zeros_like(np.asarray(input), dtype=dtype), requires_grad)


def ones_like(input: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the shape, dtype and memory order of ``input``."""
    return Tensor(np.ones_like(np.asarray(input), dtype=dtype), requires_grad)


def empty_like(input: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return an uninitialised tensor of the shape, dtype and memory order of ``input``."""
    return Tensor(np.empty_like(np.asarray(input), dtype=dtype), requires_grad)


def full_like(
    input: Any, fill_value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a filled tensor of the shape, dtype and memory order of ``input``.

    ``fill_value`` is the number.
    """
    return Tensor(np.full_like(np.asarray(input), fill_value, dtype=dtype), requires_grad)


def eye(n: int, m: int | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a matrix with ones on the diagonal.

    It has ``n`` rows and ``m`` columns, ``n`` if None.
    """
    return Tensor(np.eye(n, m, dtype=_dtype(dtype)), requires_grad)


def arange(*args: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ``start, start + step, ...`` below ``end``: arange(end), arange(start, end), arange(start, end, step)."""
    if not 1 <= len(args) <= 3:
        raise ArgumentError(
            f"arange: {len(args)} numbers were given; give end, or start and end, or start, end and step"
        )
    start, end, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
    if step == 0 or (end - start) / step < 0:
        raise ArgumentError(f"arange: from {start} to {end} by {step} never arrives; give a step of the right sign")
    kind = broadcast.FLOAT if any(isinstance(v, float) for v in (start, end, step)) else np.dtype(np.int64)
    return Tensor(np.arange(start, end, step).astype(kind if dtype is None else dtype), requires_grad)


result_type = broadcast.result_type


def linspace(
    start: float, end: float, steps: int, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return ``steps`` evenly spaced numbers from ``start`` to ``end``, both included."""
    return Tensor(np.linspace(start, end, steps).astype(_dtype(dtype)), requires_grad)


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return numbers drawn evenly from [0, 1).

    ``size`` is one tuple, or a number for each dimension.
    """
    return Tensor(_uniform(generator, _shape(size), _dtype(dtype)), requires_grad)


def _uniform(generator: Generator | None, shape: tuple[int, ...], dtype: DType) -> Array:
    return pick(generator).random(shape, np.float32 if dtype == np.float32 else np.float64).astype(dtype, copy=False)


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return numbers drawn from the standard normal distribution.

    ``size`` is one tuple, or a number for each dimension.
    """
    d = _dtype(dtype)
    drawn = pick(generator).standard_normal(_shape(size), np.float32 if d == np.float32 else np.float64)
    return Tensor(np.asarray(drawn).astype(d, copy=False), requires_grad)


def randint(*args: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """Return integers drawn evenly from [low, high): randint(high, size) or randint(low, high, size)."""
    if len(args) not in (2, 3):
        raise ArgumentError(f"randint: {len(args)} arguments; give (high, size) or (low, high, size)")
    low, high, size = (0, *args) if len(args) == 2 else args
    if low >= high:
        raise ArgumentError(f"randint: no integer lies in [{low}, {high}); give a larger high")
    return Tensor(
        np.asarray(pick(generator).integers(low, high, _shape((size,)))).astype(dtype or np.int64, copy=False)
    )


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the numbers 0 to n-1 in random order."""
    return Tensor(pick(generator).permutation(n).astype(dtype or np.int64, copy=False))


def rand_like(
    input: Any, dtype: Any = None, *, generator: Generator | None = None, requires_grad: bool = False
) -> Tensor:
    """Return numbers drawn evenly from [0, 1), of the shape and dtype of ``input``."""
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad)


def randn_like(
    input: Any, dtype: Any = None, *, generator: Generator | None = None, requires_grad: bool = False
) -> Tensor:
    """Return standard normal numbers, of the shape and dtype of ``input``."""
    return randn(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad)


def bernoulli(input: Any, *, generator: Generator | None = None) -> Tensor:
    """Return 1 with the probability that each element of ``input`` states, else 0."""
    p = np.asarray(input)
    if p.dtype.kind != "f" or (p.size and not (p.min() >= 0 and p.max() <= 1)):
        raise ArgumentError("bernoulli: the input must hold probabilities from 0 to 1 of floating point")
    return Tensor((pick(generator).random(p.shape) < p).astype(p.dtype))


def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Draw class numbers with the given weights, one row of ``num_samples`` for each row of ``input``.

    With ``replacement`` a class may come more than once.
    """
    weights = np.asarray(input, np.float64)
    if weights.ndim not in (1, 2) or (weights.size and weights.min() < 0):
        raise ArgumentError(
            f"multinomial: weights of shape {weights.shape}; give one or two dimensions of numbers of at least 0"
        )
    rows = np.atleast_2d(weights)
    out = []
    for row in rows:
        if row.sum() <= 0 or (not replacement and num_samples > np.count_nonzero(row)):
            raise ArgumentError(
                f"multinomial: {num_samples} draws from {np.count_nonzero(row)} classes of positive weight; draw "
                "fewer, or with replacement"
            )
        out.append(pick(generator).choice(row.size, num_samples, replace=replacement, p=row / row.sum()))
    drawn = np.stack(out).astype(np.int64)
    return Tensor(drawn[0] if weights.ndim == 1 else drawn)
