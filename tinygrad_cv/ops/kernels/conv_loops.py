"""Convolution in plain loops: the truth that every other reading is held against.

All three maps are one sum, S(x, w, t) = sum of t[n, i, j, o] * x[n, i*SH + p*DH - top, j*SW + q*DW - left, c]
* w[o, c, p, q], read for the coefficients of t, of x or of w.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...typing import Array

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]


def _terms(
    x_shape: tuple[int, ...],
    out: Pair,
    filters: int,
    kernel: Pair,
    stride: Pair,
    padding: Quad,
    dilation: Pair,
    groups: int,
) -> Iterator[tuple[tuple[int, int, int, int], tuple[int, int, int, int], tuple[int, int, int, int]]]:
    """Every term of the sum, as the three index tuples of t, x and w."""
    N, H, W, C = x_shape
    CG, OCG = C // groups, filters // groups
    for n, i, j, p, q in np.ndindex(N, *out, *kernel):
        h = i * stride[0] + p * dilation[0] - padding[0]
        v = j * stride[1] + q * dilation[1] - padding[2]
        if 0 <= h < H and 0 <= v < W:
            for o in range(filters):
                for c in range(CG):
                    yield (n, i, j, o), (n, h, v, o // OCG * CG + c), (o, c, p, q)


def conv2d(
    x: Array, w: Array, stride: Pair, padding: Quad, dilation: Pair, groups: int, bias: Array | None, relu: bool,
    algorithm: str, scale: Array | None,
) -> Array:  # fmt: skip
    H, W = x.shape[1:3]
    kernel = (w.shape[2], w.shape[3])
    OH = (H + padding[0] + padding[1] - dilation[0] * (kernel[0] - 1) - 1) // stride[0] + 1
    OW = (W + padding[2] + padding[3] - dilation[1] * (kernel[1] - 1) - 1) // stride[1] + 1
    y = np.zeros((len(x), OH, OW, len(w)), x.dtype)
    for at, here, tap in _terms(x.shape, (OH, OW), len(w), kernel, stride, padding, dilation, groups):
        y[at] += x[here] * w[tap]
    if scale is not None:
        y *= scale
    if bias is not None:
        y += bias
    return np.maximum(y, 0) if relu else y


def conv2d_grad_x(
    g: Array, w: Array, x_hw: Pair, stride: Pair, padding: Quad, dilation: Pair, groups: int, algorithm: str
) -> Array:
    gx = np.zeros((len(g), *x_hw, w.shape[1] * groups), g.dtype)
    kernel, out = (w.shape[2], w.shape[3]), (g.shape[1], g.shape[2])
    for at, here, tap in _terms(gx.shape, out, len(w), kernel, stride, padding, dilation, groups):
        gx[here] += g[at] * w[tap]
    return gx


def conv2d_grad_w(
    x: Array, g: Array, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, groups: int, algorithm: str
) -> Array:
    gw = np.zeros((g.shape[3], x.shape[3] // groups, *kernel), x.dtype)
    out = (g.shape[1], g.shape[2])
    for at, here, tap in _terms(x.shape, out, g.shape[3], kernel, stride, padding, dilation, groups):
        gw[tap] += g[at] * x[here]
    return gw
