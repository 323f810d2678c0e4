"""Order: sorting, and the largest few. Values come by `gather`, so their derivatives are the gather's."""

from __future__ import annotations

import numpy as np

from ..typing import Array, Value
from .errors import DimError, DTypeError
from .index import gather, getitem
from .op import Plain
from .reduce import Extreme
from .shape import read_dim

__all__ = [
    "argsort", "sort", "topk",
]  # fmt: skip


def sort(input: Value, dim: int = -1, descending: bool = False, stable: bool | None = False) -> Extreme:
    """Return (values, indices) in rising (or falling) order along ``dim``; equal elements keep their order.

    ``descending`` chooses falling order; ``stable`` is accepted and always holds. Derivative: g put back at
    ``indices``.
    """
    at = argsort(input, dim, descending)
    if input.ndim == 0:
        return Extreme(input, at)
    return Extreme(gather(input, dim, at), at)


def argsort(input: Value, dim: int = -1, descending: bool = False, stable: bool = False) -> Value:
    """Return the positions that put ``input`` in order along ``dim``.

    ``descending`` reverses the order; it is always ``stable``: equal elements keep theirs. The result, int64, is
    constant.
    """
    d = read_dim("argsort", dim, input.ndim)

    def order(x: Array) -> Array:
        if x.ndim == 0:
            return np.zeros((), np.int64)
        if not descending:
            return np.argsort(x, axis=d, kind="stable")
        back = np.argsort(np.flip(x, d), axis=d, kind="stable")
        return np.flip(x.shape[d] - 1 - back, d).copy()

    return Plain(order, "argsort")(input)


def topk(input: Value, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Extreme:
    """Return the k largest (or smallest) along ``dim`` with their positions, in order.

    ``sorted`` is accepted: they always come in order. Derivative: g put back at ``indices``.
    """
    if input.dtype == np.bool_:
        raise DTypeError("topk: a bool tensor has no largest; cast to a number first, or use sort")
    d = read_dim("topk", dim, input.ndim)
    n = input.shape[d] if input.ndim else 1
    if not 0 <= k <= n:
        raise DimError(f"topk: k is {k}, dimension {dim} of {input.shape} has {n}; give a number from 0 to {n}")
    values, at = sort(input, d, descending=largest)
    if input.ndim == 0:
        return Extreme(values, at)
    first = (slice(None),) * d + (slice(0, k),)
    return Extreme(getitem(values, first), getitem(at, first))
