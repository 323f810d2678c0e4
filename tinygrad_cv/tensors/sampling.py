"""Tensors at random: uniform, normal, whole numbers, permutations, and draws by probability."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops.broadcast import read_dtype, read_shape
from ..ops.errors import ArgumentError, DTypeError
from ..ops.geometry import whole
from ..typing import Array, DType, Value
from .creation import more_than_two
from .random import Generator, pick
from .spelling import spelled
from .tensor import Tensor

__all__ = [
    "bernoulli", "multinomial", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm",
]  # fmt: skip


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers drawn evenly from [0, 1).

    ``size`` is one tuple, or a number for each dimension.
    """
    return Tensor(_uniform(generator, read_shape(*size), _fraction("rand", dtype)), requires_grad)


def _fraction(op: str, dtype: Any) -> DType:
    d = read_dtype(dtype)
    if d.kind != "f":
        raise DTypeError(f"{op}: dtype {d} holds no fractions; give a floating-point dtype, or use randint")
    return d


def _uniform(generator: Generator | None, shape: tuple[int, ...], dtype: DType) -> Array:
    return pick(generator).random(shape, np.float32 if dtype == np.float32 else np.float64).astype(dtype, copy=False)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers drawn from the standard normal distribution.

    ``size`` is one tuple, or a number for each dimension.
    """
    d = _fraction("randn", dtype)
    drawn = pick(generator).standard_normal(read_shape(*size), np.float32 if d == np.float32 else np.float64)
    return Tensor(np.asarray(drawn).astype(d, copy=False), requires_grad)


def _need_whole(op: str, low: Any, high: Any) -> None:
    if not (whole(low) and whole(high)):
        raise DTypeError(f"{op}: low is {low!r} and high {high!r}; give whole numbers")


def randint(
    low: Any = None,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return integers drawn evenly from [low, high): randint(high, size) or randint(low, high, size)."""
    if isinstance(high, (tuple, list)) and size is None:  # randint(high, size)
        low, high, size = 0, low, high
    elif high is None:  # randint(high, size=size)
        low, high = 0, low
    low = 0 if low is None else low
    _need_whole("randint", low, high)
    if not isinstance(size, (tuple, list)):
        raise ArgumentError(f"randint: size is {size!r}; give (high, size) or (low, high, size), the size a tuple")
    low, high = int(low), int(high)
    if low >= high:
        raise ArgumentError(f"randint: no integer lies in [{low}, {high}); give a larger high")
    kind = more_than_two("randint", read_dtype(dtype, np.dtype(np.int64)))
    drawn = np.asarray(pick(generator).integers(low, high, read_shape(size)))
    return Tensor(drawn.astype(kind, copy=False), requires_grad)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the numbers 0 to n-1 in random order."""
    if n < 0:
        raise ArgumentError(f"randperm: n is {n}; give a number of at least 0")
    kind = more_than_two("randperm", read_dtype(dtype, np.dtype(np.int64)))
    return Tensor(pick(generator).permutation(n).astype(kind, copy=False), requires_grad)


def rand_like(
    input: Value,
    dtype: DType | None = None,
    *,
    generator: Generator | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers drawn evenly from [0, 1), of the shape and dtype of ``input``."""
    kind = input.dtype if dtype is None else dtype
    return rand(input.shape, generator=generator, dtype=kind, requires_grad=requires_grad)


def randn_like(
    input: Value,
    dtype: DType | None = None,
    *,
    generator: Generator | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return standard normal numbers, of the shape and dtype of ``input``."""
    kind = input.dtype if dtype is None else dtype
    return randn(input.shape, generator=generator, dtype=kind, requires_grad=requires_grad)


def randint_like(
    input: Value,
    low: Any = None,
    high: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return integers drawn evenly from [low, high), or [0, low), of the shape and dtype of ``input``."""
    low, high = (0, low) if high is None else (low, high)
    _need_whole("randint_like", low, high)
    kind = input.dtype if dtype is None else dtype
    return randint(low, high, input.shape, generator=generator, dtype=kind, requires_grad=requires_grad)


def bernoulli(input: Value, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Return 1 with the probability that each element of ``input`` states (or with ``p``), else 0."""
    shares = np.asarray(input)
    if not hasattr(input, "dtype"):
        raise DTypeError(f"bernoulli: input is {input!r} ({type(input).__name__}); give a tensor")
    if p is not None:
        shares = np.full(shares.shape, p, shares.dtype if shares.dtype.kind == "f" else np.float32)
    if shares.dtype.kind != "f" or (shares.size and not (shares.min() >= 0 and shares.max() <= 1)):
        raise ArgumentError("bernoulli: the input must hold probabilities from 0 to 1 of floating point")
    return Tensor(np.asarray(pick(generator).random(shares.shape) < shares).astype(input.dtype))


def multinomial(
    input: Value, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Draw class numbers with the given weights, one row of ``num_samples`` for each row of ``input``.

    With ``replacement`` a class may come more than once; without, classes of weight 0 come last. Each class waits a
    time drawn from an exponential distribution of its weight, and the first ones to arrive are taken.
    """
    weights = np.asarray(input)
    if weights.dtype.kind != "f":
        raise DTypeError(f"multinomial: weights have dtype {weights.dtype}, expected floating point; cast them")
    if weights.ndim not in (1, 2) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ArgumentError(
            f"multinomial: weights of shape {weights.shape}; give one or two dimensions of finite numbers of at least 0"
        )
    classes = weights.shape[-1]
    if num_samples < 1 or (not replacement and num_samples > classes):
        raise ArgumentError(
            f"multinomial: {num_samples} draws from {classes} classes; draw from 1 to {classes}, or with replacement"
        )
    if (weights.sum(-1) <= 0).any():
        raise ArgumentError("multinomial: all weights of a row are 0; give at least one positive weight")
    source = pick(generator)
    if not replacement:
        with np.errstate(divide="ignore"):
            waiting = source.exponential(size=weights.shape) / weights
        return Tensor(np.argsort(waiting, axis=-1, kind="stable")[..., :num_samples])
    upper = np.cumsum(weights, axis=-1, dtype=np.float64)
    drawn = [
        np.searchsorted(row, source.random(num_samples) * row[-1], side="right") for row in upper.reshape(-1, classes)
    ]
    return Tensor(np.asarray(drawn, np.int64).reshape(*weights.shape[:-1], num_samples))


for _function in (bernoulli, multinomial, rand, rand_like, randint, randint_like, randn, randn_like, randperm):
    globals()[_function.__name__] = spelled(_function)

Tensor.bernoulli = bernoulli  # type: ignore[attr-defined]
Tensor.multinomial = multinomial  # type: ignore[attr-defined]
