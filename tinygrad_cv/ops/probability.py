"""Softmax and its logarithm along one dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..typing import Array, DType, Value
from .broadcast import cast
from .elementwise import exp
from .errors import DTypeError
from .kernels.readings import pick
from .op import Op
from .reduce import sum as total
from .shape import read_dim

__all__ = [
    "log_softmax", "softmax", "softmin",
]  # fmt: skip


def _along(kernel: str, x: Array, dim: int) -> Array:
    """Compute a kernel of rows along one dimension; images lie channels-last, so that their pixels are rows already."""
    if x.size == 0:
        return x.copy()
    moved = np.moveaxis(x, dim, -1)
    rows = np.ascontiguousarray(moved).reshape(-1, x.shape[dim])
    y: Array = pick(kernel, x.dtype, x.size)(rows)
    return np.moveaxis(y.reshape(moved.shape), -1, dim)


class Softmax(Op):
    """y = e^x / sum(e^x) along a dimension; gx = y (g - sum(g y))."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        return _along("softmax", x, self.dim)

    def grad_x(self, g: Value, y: Value) -> Value:
        return y * (g - total(g * y, self.dim, True))


class LogSoftmax(Op):
    """y = x - ln(sum(e^x)) along a dimension; gx = g - e^y sum(g)."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        return _along("log_softmax", x, self.dim)

    def grad_x(self, g: Value, y: Value) -> Value:
        return g - exp(y) * total(g, self.dim, True)


def _operand(op: str, input: Value, dtype: DType | None) -> Value:
    x = input if dtype is None else cast(input, dtype)
    if x.dtype.kind != "f":
        raise DTypeError(
            f"{op}: the input has dtype {x.dtype}, expected floating point; cast with .float() or give dtype"
        )
    return x


def _read(op: str, input: Value, dim: int | None, stacklevel: Any, dtype: DType | None) -> tuple[Value, int]:
    """Return the operand in floating point, and the dimension; without one PyTorch's: 0 of 0, 1 or 3, else 1."""
    if isinstance(stacklevel, np.dtype):  # torch.softmax(x, dim, dtype), where nn.functional has _stacklevel
        dtype = stacklevel
    if dim is None:
        dim = 0 if input.ndim in (0, 1, 3) else 1
    x = _operand(op, input, dtype)
    return x, read_dim(op, dim, x.ndim)


def softmax(input: Value, dim: int | None = None, _stacklevel: Any = 3, dtype: DType | None = None) -> Value:
    """Return e^x / sum(e^x) along ``dim``: positive numbers that add up to 1 (Bridle 1990).

    Name ``dim``: without it PyTorch's old rule chooses, 0 for tensors of 0, 1 or 3 dimensions and 1 for others.
    Derivative: y (g - sum of g y along ``dim``).
    """
    x, d = _read("softmax", input, dim, _stacklevel, dtype)
    return Softmax(d)(x) if x.ndim else exp(x - x)


def log_softmax(input: Value, dim: int | None = None, _stacklevel: Any = 3, dtype: DType | None = None) -> Value:
    """Return ln(softmax(x)) along ``dim``, without the overflow of taking the logarithm afterwards.

    ``dim`` as in `softmax`. Derivative: g - softmax(x) (sum of g along ``dim``).
    """
    x, d = _read("log_softmax", input, dim, _stacklevel, dtype)
    return LogSoftmax(d)(x) if x.ndim else x - x


def softmin(input: Value, dim: int | None = None, _stacklevel: Any = 3, dtype: DType | None = None) -> Value:
    """Return softmax(-x) along ``dim``.

    See `softmax` for ``dim`` and the derivative.
    """
    return softmax(-input, dim, _stacklevel, dtype)
