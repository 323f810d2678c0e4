"""Batch normalisation in plain loops: what is meant. Images come as rows of channels, (P, C) with P = N*H*W pixels.

With the mean m and the variance v of each channel and r = 1/sqrt(v + eps), a pixel is normalised to u = (x - m) r and
y = w u + b. Let g be the gradient of y. Of the P pixels of a channel each moves the mean by 1/P of its own change and
the variance by 2 (x - m)/P of it, so (Ioffe and Szegedy 2015, section 3)

    gb = sum g        gw = sum g u        gx = w r (g - gb/P - u gw/P)

and, where m and v are given numbers and not those of the batch (evaluation), gx = w r g.
"""

from __future__ import annotations

import numpy as np

from ...typing import Array


def batch_norm_stats(x: Array) -> tuple[Array, Array]:
    """Return the mean and the biased variance of each column of x (P, C)."""
    p, c = x.shape
    mean, variance = np.zeros(c), np.zeros(c)
    for k in range(c):
        for i in range(p):
            mean[k] += float(x[i, k]) / p
        for i in range(p):
            variance[k] += (float(x[i, k]) - mean[k]) ** 2 / p
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
    """Return y = w (x - m) r + b, plus ``residual`` if given, and with ``relu`` 0 where that is negative."""
    y = np.empty_like(x)
    for i, k in np.ndindex(*x.shape):
        z = (x[i, k] - mean[k]) * r[k] * (1 if weight is None else weight[k]) + (0 if bias is None else bias[k])
        z = z if residual is None else z + residual[i, k]
        y[i, k] = 0 if relu and z < 0 else z
    return y


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
    """Return gx, gw, gb and, with ``residual``, the gradient of the residual.

    With ``relu``, g counts only where the output was positive: read from ``y`` where there was a residual, else
    computed again from x, which spares memory the reading of y. With ``relu`` and ``residual``, g may be g + ``more``.
    """
    g = g if more is None else g + more
    p, c = x.shape
    gr = np.zeros_like(g)
    if relu and y is None:
        y = batch_norm_apply(x, mean, r, weight, bias)
    for i, k in np.ndindex(p, c):
        gr[i, k] = g[i, k] if not relu or y is None or y[i, k] > 0 else 0
    gx, gw, gb = np.empty_like(x), np.zeros(c), np.zeros(c)
    for k in range(c):
        for i in range(p):
            gb[k] += gr[i, k]
            gw[k] += gr[i, k] * (x[i, k] - mean[k]) * r[k]
        for i in range(p):
            u = (x[i, k] - mean[k]) * r[k]
            shared = (gb[k] + u * gw[k]) / p if training else 0
            gx[i, k] = (1 if weight is None else weight[k]) * r[k] * (gr[i, k] - shared)
    grads = (gx, gw.astype(x.dtype), gb.astype(x.dtype))
    return (*grads, gr) if residual else grads
