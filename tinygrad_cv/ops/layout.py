"""The only border between shape and memory.

Users see images as (N, C, H, W). In memory an activation is channels-last, the bytes of an (N, H, W, C) block,
carried by strides alone: ``nhwc.transpose(0, 3, 1, 2)``. NumPy's ufuncs, ``where`` and ``concatenate`` keep that
order, so no tag is needed; kernels get the block back here, without a copy where the order is already right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..typing import Array, DType
from .kernels.readings import pick


def to_nhwc(x: Array) -> Array:
    """Return x (N, C, H, W) as a C-contiguous (N, H, W, C) block, copying only where the bytes lie otherwise."""
    block = x.transpose(0, 2, 3, 1)
    if block.flags.c_contiguous:
        return block
    if x.flags.c_contiguous:
        n, c, h, w = x.shape
        turned: Array = pick("swap", x.dtype, x.size)(x.reshape(n, c, h * w))
        return turned.reshape(n, h, w, c)
    return np.ascontiguousarray(block)


def to_nchw(block: Array) -> Array:
    """Return an (N, H, W, C) block as its (N, C, H, W) view."""
    return block.transpose(0, 3, 1, 2)


def is_channels_last(x: Array) -> bool:
    """Tell whether the bytes of x (N, C, H, W) already lie as (N, H, W, C)."""
    return x.ndim == 4 and x.transpose(0, 2, 3, 1).flags.c_contiguous


def to_rows(x: Array) -> Array:
    """Return x (N, C, ...) as rows of channels (N * ..., C), without a copy where x is channels-last."""
    if x.ndim == 2:
        return np.ascontiguousarray(x)
    if x.ndim == 4:
        return to_nhwc(x).reshape(x.shape[0] * x.shape[2] * x.shape[3], x.shape[1])
    rows = x.shape[0] * math.prod(x.shape[2:])
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)).reshape(rows, x.shape[1])


def row_major(x: Array) -> Array:
    """Return x with its elements in order in memory, copying only where they lie otherwise."""
    if not x.flags.c_contiguous and is_channels_last(x):
        n, c, h, w = x.shape
        block: Array = pick("swap", x.dtype, x.size)(x.transpose(0, 2, 3, 1).reshape(n, h * w, c))
        return block.reshape(x.shape)
    return np.ascontiguousarray(x)


def is_dense(x: Array) -> bool:
    """Tell whether the elements of x fill its memory in some order of the dimensions."""
    if x.flags.c_contiguous or is_channels_last(x):
        return True
    return x.transpose(sorted(range(x.ndim), key=lambda d: -x.strides[d])).flags.c_contiguous


def dense(x: Array) -> Array:
    """Return x where it is dense, else a copy in the same order."""
    return x if is_dense(x) else x.copy(order="K")


def filled_as(x: Array, shape: Sequence[int], value: float = 0.0) -> Array:
    """Return an array of ``shape`` full of one value, in memory in the order of x where x has as many dimensions."""
    if x.ndim != len(shape):
        return np.full(shape, value, x.dtype)
    order = sorted(range(x.ndim), key=lambda d: -abs(x.strides[d]))
    return np.full([shape[d] for d in order], value, x.dtype).transpose(np.argsort(order))


def empty_filters(shape: tuple[int, ...], dtype: DType) -> Array:
    """Return uninitialised weights (O, I) or (OC, C, KH, KW) with the outputs innermost in memory: (KH, KW, C, OC).

    The kernels pack panels of neighbouring outputs, and give weight gradients in this order; an update then walks
    weights and gradients straight through.
    """
    order = (1, 0) if len(shape) == 2 else (*range(2, len(shape)), 1, 0)
    return np.empty([shape[i] for i in order], dtype).transpose(np.argsort(order))
