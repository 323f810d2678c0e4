"""Making operands alike: shape (Expand, SumTo) and dtype (Cast).

Broadcasting is an op of its own, so that arithmetic never meets two shapes: ``Expand`` repeats, its derivative
``SumTo`` adds up, and each is the other's derivative. The same holds for ``Cast``, which is its own.

The dtype rules are PyTorch's, not NumPy's: a tensor with dimensions outranks a 0-d tensor, which outranks a Python
number, unless the latter is of a higher category (bool < int < float).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..typing import Array, DType, Value
from .errors import ArgumentError, DTypeError, ShapeError
from .geometry import whole
from .op import Op

__all__ = [
    "broadcast_to", "expand",
]  # fmt: skip

FLOAT = np.dtype(np.float32)
"""The default floating-point dtype; ``set_default_dtype`` in `tinygrad_cv.tensors` changes it."""


def set_float(dtype: DType) -> None:
    """Change the default floating-point dtype, for the whole process."""
    global FLOAT
    FLOAT = dtype


_RANK = {"b": 0, "i": 1, "u": 1, "f": 2}


class Expand(Op):
    """y = x repeated along new leading dimensions and along those of size 1; a view."""

    view = True

    def __init__(self, shape: tuple[int, ...], source: tuple[int, ...]) -> None:
        self.shape, self.source = shape, source

    def forward(self, x: Array) -> Array:
        if x.size == 1:
            return np.ndarray(self.shape, x.dtype, x, 0, (0,) * len(self.shape))
        extra = len(self.shape) - x.ndim
        strides = [0] * extra
        for have, want, stride in zip(x.shape, self.shape[extra:], x.strides):
            strides.append(stride if have == want else 0)
        return np.lib.stride_tricks.as_strided(x, self.shape, strides)

    def grad_x(self, g: Value) -> Value:
        return SumTo(self.source, self.shape)(g)


class SumTo(Op):
    """y = x summed over the dimensions along which ``shape`` was repeated: the adjoint of Expand."""

    def __init__(self, shape: tuple[int, ...], source: tuple[int, ...]) -> None:
        self.shape, self.source = shape, source

    def forward(self, x: Array) -> Array:
        extra = x.ndim - len(self.shape)
        axes = tuple(range(extra)) + tuple(
            extra + i for i, (n, m) in enumerate(zip(self.shape, x.shape[extra:])) if n != m
        )
        return np.add.reduce(x, axis=axes, dtype=x.dtype).reshape(self.shape) if axes else x.copy()

    def grad_x(self, g: Value) -> Value:
        return Expand(self.source, self.shape)(g)


class Cast(Op):
    """y = x in another dtype. Between floating-point types the derivative is the cast back."""

    def __init__(self, dtype: DType, source: DType) -> None:
        self.dtype, self.source = dtype, source

    def forward(self, x: Array) -> Array:
        return np.asarray(x).astype(self.dtype)

    def grad_x(self, g: Value) -> Value:
        return Cast(self.source, self.dtype)(g)


def broadcast_shape(op: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the common shape, right-aligned, where sizes are equal or 1."""
    rank = max(map(len, shapes), default=0)
    out = []
    for i in range(-rank, 0):
        sizes = {s[i] for s in shapes if len(s) >= -i}
        others = sizes - {1}
        if len(others) > 1:
            raise ShapeError(
                f"{op}: shapes {' and '.join(map(str, shapes))} do not broadcast: in dimension {i} the sizes are "
                f"{' and '.join(map(str, sorted(others)))}; make them equal, or one of them 1"
            )
        out.append(others.pop() if others else 1)
    return tuple(out)


def expand_to(x: Value, shape: tuple[int, ...]) -> Value:
    """Repeat x to ``shape``, which must be broadcastable from its own; x itself if nothing changes."""
    return x if x.shape == shape else Expand(shape, x.shape)(x)


def expand(input: Value, *sizes: Any) -> Value:
    """Repeat dimensions of size 1 (and new leading ones) to ``sizes`` without copying; -1 keeps a size.

    PyTorch's ``Tensor.expand``. Derivative: g summed over what was repeated.

    Raises
    ------
    ShapeError
        There are fewer sizes than dimensions, or a dimension of another size than 1 would change.
    """
    wanted = read_sizes(sizes)
    extra = len(wanted) - input.ndim
    if extra < 0:
        raise ShapeError(
            f"expand: {wanted} has fewer dimensions than the tensor {input.shape}; give at least {input.ndim} sizes"
        )
    shape = []
    for i, n in enumerate(wanted):
        have = input.shape[i - extra] if i >= extra else None
        if n == -1:
            if have is None:
                raise ShapeError(f"expand: -1 stands for a new leading dimension in {wanted}; give its size")
            n = have
        elif n < 0:
            raise ShapeError(f"expand: {wanted} holds the size {n}; give sizes of at least 0, or -1 to keep one")
        elif have not in (None, 1, n):
            raise ShapeError(
                f"expand: dimension {i} has size {have}, not 1, so it cannot become {n}; give {have} or -1"
            )
        shape.append(n)
    return expand_to(input, tuple(shape))


def broadcast_to(input: Value, shape: tuple[int, ...]) -> Value:
    """Repeat ``input`` to ``shape`` by the broadcasting rule.

    A view; derivative: g summed over what was repeated.
    """
    return expand(input, *shape)


def sum_to(x: Value, shape: tuple[int, ...]) -> Value:
    """Add up x to ``shape``: the adjoint of `expand_to`."""
    return x if x.shape == shape else SumTo(shape, x.shape)(x)


def cast(x: Value, dtype: DType) -> Value:
    """Return x in ``dtype``; x itself if it has it already."""
    return x if x.dtype == dtype else Cast(dtype, x.dtype)(x)


def result_type(*values: Any) -> DType:
    """Return the dtype of an arithmetic result by PyTorch's promotion rules.

    The ``values`` are tensors, arrays and numbers; those with dimensions outrank those without, and these numbers.
    """
    best: list[DType | None] = [None, None, None]
    for v in values:
        dtype = getattr(v, "dtype", None)
        if dtype is None:
            level, dtype = 2, _number_dtype(v)
        else:
            level = 0 if v.ndim else 1
        held = best[level]
        best[level] = dtype if held is None else promote(held, dtype)
    result: DType | None = None
    for dtype in best:
        if dtype is not None and (result is None or _RANK[dtype.kind] > _RANK[result.kind]):
            result = dtype
    assert result is not None
    return result


def promote(a: DType, b: DType) -> DType:
    """Return the common dtype of two: floating point wins over integers, whatever their sizes."""
    if a.kind == "f" and b.kind != "f":
        return a
    if b.kind == "f" and a.kind != "f":
        return b
    return np.promote_types(a, b)


def _number_dtype(value: Any) -> DType:
    if isinstance(value, (bool, np.bool_)):
        return np.dtype(np.bool_)
    if isinstance(value, int):
        return np.dtype(np.int64)
    if isinstance(value, float):
        return FLOAT
    raise DTypeError(f"expected a tensor, an array or a number, got {type(value).__name__} {value!r}")


def alike(op: str, a: Value, b: Value) -> tuple[Value, Value]:
    """Bring two operands to one shape and one dtype; Python numbers stay numbers where the dtype allows."""
    try:
        if a.dtype is b.dtype and a.shape == b.shape:
            return a, b
    except AttributeError:
        pass
    return align(op, a, b)


def align(op: str, *values: Any, dtype: DType | None = None) -> tuple[Value, ...]:
    """Bring any number of operands to their common shape and dtype (or to ``dtype``)."""
    dtype = dtype or result_type(*values)
    shape = broadcast_shape(op, *(v.shape for v in values if hasattr(v, "dtype")))
    out = []
    for v in values:
        if not hasattr(v, "dtype"):
            v = dtype.type(v) if dtype.kind == "f" else np.asarray(v).astype(dtype)[()]  # -1 wraps round in uint8
        elif v.dtype != dtype:
            v = cast(v, dtype)
        out.append(v if v.ndim == 0 and not hasattr(type(v), "__record__") and shape else expand_to(v, shape))
    return tuple(out)


def floating(x: Value) -> Value:
    """Return x in a floating-point dtype: integers and booleans become the default one, as PyTorch's functions do."""
    return x if x.dtype.kind == "f" else cast(x, FLOAT)


def only_float(op: str, *xs: Value) -> None:
    """Refuse dtypes without fractions."""
    for x in xs:
        if x.dtype.kind != "f":
            raise DTypeError(f"{op}: the input has dtype {x.dtype}, expected floating point; cast with .float() first")


def read_sizes(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Read ``f(2, 3)`` and ``f((2, 3))`` alike."""
    if len(sizes) == 1 and not hasattr(sizes[0], "__index__") and isinstance(sizes[0], Iterable):
        sizes = tuple(sizes[0])
    if any(type(n) is not int and not whole(n) for n in sizes):
        raise DTypeError(f"sizes are {sizes}; give integers")
    return tuple(int(n) for n in sizes)


def read_shape(*size: Any) -> tuple[int, ...]:
    """Read ``f(2, 3)`` and ``f((2, 3))`` alike, and refuse what is no shape."""
    if not size:
        raise ArgumentError("size: no size was given; give a number for each dimension, or () for a single number")
    if any(isinstance(n, float) for n in (size[0] if isinstance(size[0], (tuple, list)) else size)):
        raise DTypeError(f"size: {size} holds a fraction; give whole numbers")
    shape = read_sizes(size)
    if any(n < 0 for n in shape):
        raise ArgumentError(f"size: {shape} holds a negative size; give sizes of at least 0")
    return shape


def read_dtype(dtype: Any, default: DType | None = None) -> DType:
    """Return the dtype that was asked for: NumPy's, its name, or one of Python's types; by default that of floats."""
    if dtype is None:
        return default or FLOAT
    try:
        read = np.dtype(dtype) if isinstance(dtype, (np.dtype, type, str)) else None
    except TypeError:
        read = None
    if read is None or read.kind not in _RANK:
        raise DTypeError(f"dtype: {dtype!r} is none; give one such as float32")
    return read


def read_number(op: str, what: str, value: Any, dtype: DType) -> Any:
    """Return one number, given as such or as a tensor without dimensions, in ``dtype``."""
    if hasattr(value, "dtype") and not getattr(value, "shape", ()) and value.dtype.kind in _RANK:
        return cast(value, dtype)
    if not isinstance(value, (bool, int, float)):
        raise DTypeError(f"{op}: {what} is {value!r}; give a number")
    if dtype.kind != "b":
        top = float(np.finfo(dtype).max) if dtype.kind == "f" else int(np.iinfo(dtype).max)
        if abs(value) > top + (dtype.kind == "i") if math.isfinite(value) else dtype.kind != "f":
            raise ArgumentError(f"{op}: {what} is {value!r}, which {dtype} cannot hold; it holds up to {top}")
    return np.asarray(value).astype(dtype)[()]
