"""Batch normalisation in array expressions; the algebra stands in `norm_loops`."""

from __future__ import annotations

import numpy as np

from ...typing import Array


def batch_norm_stats(x: Array) -> tuple[Array, Array]:
    """See `norm_loops.batch_norm_stats`."""
    mean = x.mean(0, dtype=np.float64)
    variance = np.square(x - mean).mean(0)
    return mean.astype(x.dtype), variance.astype(x.dtype)


def batch_norm_apply(
    x: Array,
    mean: Array,
    r: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    residual: Array | None = None,
    relu: bool = False,
) -> Array:
    """See `norm_loops.batch_norm_apply`."""
    y = x - mean
    y *= r if weight is None else weight * r
    if bias is not None:
        y += bias
    if residual is not None:
        y += residual
    return np.maximum(y, 0, out=y) if relu else y


def batch_norm_grad(
    g: Array,
    x: Array,
    mean: Array,
    r: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    y: Array | None = None,
    relu: bool = False,
    residual: bool = False,
    training: bool = True,
    more: Array | None = None,
) -> tuple[Array, ...]:
    """See `norm_loops.batch_norm_grad`."""
    g = g if more is None else g + more
    if relu:
        y = batch_norm_apply(x, mean, r, weight, bias) if y is None else y
        g = np.where(y > 0, g, g.dtype.type(0))
    u = (x - mean) * r
    gb = g.sum(0, dtype=np.float64).astype(x.dtype)
    gw = (g * u).sum(0, dtype=np.float64).astype(x.dtype)
    gx = g - (gb + u * gw) / x.dtype.type(max(len(x), 1)) if training else g.copy()
    gx *= r if weight is None else weight * r
    return (gx, gw, gb, g.copy() if not relu else g) if residual else (gx, gw, gb)
