"""The only border between shape and memory.

Users see images as (N, C, H, W). In memory an activation is channels-last, the bytes of an (N, H, W, C) block,
carried by strides alone: ``nhwc.transpose(0, 3, 1, 2)``. NumPy's ufuncs, ``where`` and ``concatenate`` keep that
order, so no tag is needed; kernels get the block back here, without a copy where the order is already right.
"""

from __future__ import annotations

import numpy as np

from ..typing import Array, DType


def to_nhwc(x: Array) -> Array:
    """Return x (N, C, H, W) as a C-contiguous (N, H, W, C) block, copying only where the bytes lie otherwise."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def to_nchw(block: Array) -> Array:
    """Return an (N, H, W, C) block as its (N, C, H, W) view."""
    return block.transpose(0, 3, 1, 2)


def is_channels_last(x: Array) -> bool:
    """Tell whether the bytes of x (N, C, H, W) already lie as (N, H, W, C)."""
    return x.ndim == 4 and x.transpose(0, 2, 3, 1).flags.c_contiguous


def dense(x: Array) -> Array:
    """Return x where its elements fill its memory in some order of the dimensions, else a row-major copy."""
    if x.flags.c_contiguous or x.transpose(sorted(range(x.ndim), key=lambda d: -x.strides[d])).flags.c_contiguous:
        return x
    return np.ascontiguousarray(x)


def empty_filters(shape: tuple[int, ...], dtype: DType) -> Array:
    """Return uninitialised weights (O, I) or (OC, C, KH, KW) with the outputs innermost in memory: (KH, KW, C, OC).

    The kernels pack panels of neighbouring outputs, and give weight gradients in this order; an update then walks
    weights and gradients straight through.
    """
    order = (1, 0) if len(shape) == 2 else (*range(2, len(shape)), 1, 0)
    return np.empty([shape[i] for i in order], dtype).transpose(np.argsort(order))
