"""Matrix products in plain loops: what is meant."""

from __future__ import annotations

import numpy as np

from ...typing import Array


def matmul(a: Array, b: Array) -> Array:
    """Return a @ b for two matrices."""
    c = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for m, n, k in np.ndindex(*c.shape, a.shape[1]):
        c[m, n] += a[m, k] * b[k, n]
    return c


def linear(x: Array, w: Array, bias: Array | None = None, relu: bool = False) -> Array:
    """Return x w^T + bias, (P, O), for x (P, I) and w (O, I), with ``relu`` nothing below 0."""
    y = matmul(x, w.T)
    for p, o in np.ndindex(*y.shape):
        y[p, o] += 0 if bias is None else bias[o]
        y[p, o] = 0 if relu and y[p, o] < 0 else y[p, o]
    return y
