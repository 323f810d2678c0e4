"""Spread and size: variance, standard deviation and norms, composites over `sum`."""

from __future__ import annotations

import builtins
import math
from typing import Any

from ..typing import Dim, DType, Value
from .arithmetic import div, where
from .broadcast import cast, only_float, read_dtype
from .comparison import eq
from .elementwise import abs as absolute
from .elementwise import sign, sqrt
from .errors import ArgumentError, DTypeError
from .reduce import amax, amin, count, mean, read_dims, sum

__all__ = [
    "norm", "std", "std_mean", "var", "var_mean",
]  # fmt: skip


def _correction(dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Dim, float]:
    """Read PyTorch's ways to say it: ``var(x, False)``, ``unbiased=False`` and ``correction=0``."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise ArgumentError("var: unbiased and correction say the same thing; give one of them")
    return dim, correction if correction is not None else 0 if unbiased is False else 1


def var(
    input: Value,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Value:
    """Return sum((x - mean)^2) / (n - correction), correction 1 by default (the unbiased estimate)."""
    only_float("var", input)
    dim, c = _correction(dim, unbiased, correction)
    dims = read_dims("var", dim, input.ndim)
    centred = input - (mean(input, dims, True) if input.ndim else input)
    squares = centred * centred
    return div(sum(squares, dims, keepdim), float(builtins.max(count(input.shape, dims) - c, 0)))


def std(
    input: Value,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Value:
    """Return the square root of `var`; where that is 0 the derivative is taken as 0."""
    v = var(input, dim, unbiased, keepdim, correction=correction)
    return _root(v)


def _root(v: Value) -> Value:
    """sqrt whose derivative at 0 is 0 instead of infinite."""
    flat = eq(v, 0)
    return where(flat, v * 0, sqrt(where(flat, v * 0 + 1, v)))


def var_mean(
    input: Value,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Value, Value]:
    """Return (variance, mean).

    See `var` for ``unbiased`` and ``correction``.
    """
    dim, c = _correction(dim, unbiased, correction)
    return var(input, dim, None, keepdim, correction=c), mean(input, dim, keepdim)


def std_mean(
    input: Value,
    dim: Dim = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Value, Value]:
    """Return (standard deviation, mean).

    See `std` for ``unbiased`` and ``correction``.
    """
    dim, c = _correction(dim, unbiased, correction)
    return std(input, dim, None, keepdim, correction=c), mean(input, dim, keepdim)


def norm(
    input: Value, p: float | str | None = 2, dim: Dim = None, keepdim: bool = False, dtype: DType | None = None
) -> Value:
    """Return (sum |x|^p)^(1/p) over ``dim``; p may be 'fro' (2), inf, -inf or 0 (the count of non-zeros).

    ``dtype`` casts first. At an all-zero vector, where the 2-norm has a kink, the derivative is taken as 0.
    """
    only_float("norm", input)
    if dtype is not None:
        dtype = read_dtype(dtype)
        if dtype.kind != "f" or dtype.itemsize < input.dtype.itemsize:
            raise DTypeError(f"norm: dtype {dtype} is narrower than the input's {input.dtype}; cast the result instead")
        input = cast(input, dtype)
    dims = read_dims("norm", dim, input.ndim)
    if p == "fro" and dim is not None and len(dims) > 2:
        raise ArgumentError(
            f"norm: 'fro' is for vectors and matrices, dim={dim} names {len(dims)} dimensions; give p=2"
        )
    if p in ("fro", 2, None):
        return _root(sum(input * input, dims, keepdim))
    if isinstance(p, str):
        raise ArgumentError(f"norm: p is {p!r}; give a number, inf, -inf or 'fro'")
    size = absolute(input)
    if p == math.inf:
        return amax(size, dims, keepdim)
    if p == -math.inf:
        return amin(size, dims, keepdim)
    if p == 0:
        return sum(sign(size), dims, keepdim)
    if p == 1:
        return sum(size, dims, keepdim)
    total = sum(size**p, dims, keepdim)
    flat = eq(total, 0)
    return where(flat, total * 0, where(flat, total * 0 + 1, total) ** (1 / p))
