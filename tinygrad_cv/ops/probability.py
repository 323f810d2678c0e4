"""Softmax and its logarithm along one dimension."""

from __future__ import annotations

import numpy as np

from ..typing import Array, DType, Value
from .broadcast import cast
from .elementwise import exp
from .errors import DTypeError
from .op import Op
from .reduce import sum as total
from .shape import read_dim

__all__ = [
    "log_softmax", "softmax", "softmin",
]  # fmt: skip


class Softmax(Op):
    """y = e^x / sum(e^x) along a dimension; gx = y (g - sum(g y))."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        if x.size == 0:
            return x.copy()
        y = np.exp(x - x.max(self.dim, keepdims=True))
        return y / y.sum(self.dim, keepdims=True)

    def grad_x(self, g: Value, y: Value) -> Value:
        return y * (g - total(g * y, self.dim, True))


class LogSoftmax(Op):
    """y = x - ln(sum(e^x)) along a dimension; gx = g - e^y sum(g)."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        if x.size == 0:
            return x.copy()
        shifted = x - x.max(self.dim, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(self.dim, keepdims=True))

    def grad_x(self, g: Value, y: Value) -> Value:
        return g - exp(y) * total(g, self.dim, True)


def _operand(op: str, input: Value, dtype: DType | None) -> Value:
    x = input if dtype is None else cast(input, dtype)
    if x.dtype.kind != "f":
        raise DTypeError(
            f"{op}: the input has dtype {x.dtype}, expected floating point; cast with .float() or give dtype"
        )
    return x


def softmax(input: Value, dim: int = -1, *, dtype: DType | None = None) -> Value:
    """Return e^x / sum(e^x) along ``dim``: positive numbers that add up to 1 (Bridle 1990).

    Derivative: y (g - sum of g y along ``dim``).
    """
    x = _operand("softmax", input, dtype)
    d = read_dim("softmax", dim, x.ndim)
    return Softmax(d)(x) if x.ndim else exp(x - x)


def log_softmax(input: Value, dim: int = -1, *, dtype: DType | None = None) -> Value:
    """Return ln(softmax(x)) along ``dim``, without the overflow of taking the logarithm afterwards.

    Derivative: g - softmax(x) (sum of g along ``dim``).
    """
    x = _operand("log_softmax", input, dtype)
    d = read_dim("log_softmax", dim, x.ndim)
    return LogSoftmax(d)(x) if x.ndim else x - x


def softmin(input: Value, dim: int = -1, *, dtype: DType | None = None) -> Value:
    """Return softmax(-x) along ``dim``.

    See `softmax` for the derivative.
    """
    return softmax(-input, dim, dtype=dtype)
