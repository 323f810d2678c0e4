"""Matrix products by NumPy's own library."""

from __future__ import annotations

import numpy as np

from ...typing import Array


def matmul(a: Array, b: Array) -> Array:
    """Return a @ b for two matrices."""
    return np.matmul(a, b)


def linear(x: Array, w: Array, bias: Array | None = None, relu: bool = False) -> Array:
    """Return x w^T + bias, (P, O), for x (P, I) and w (O, I), with ``relu`` nothing below 0."""
    y = np.matmul(x, w.T)
    if bias is not None:
        y += bias
    return np.maximum(y, 0, out=y) if relu else y
