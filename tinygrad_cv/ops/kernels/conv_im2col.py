"""Convolution as a matrix product: lay every window out as a row, and multiply by the filters.

    rows = im2col(x)            (N*OH*OW, KH*KW*C): row (n, i, j) is the window that makes y[n, i, j]
    y  = rows @ w               w as (KH*KW*C, OC)
    gw = rows.T @ g             the same rows: linear in w
    gx = col2im(g @ w.T)        the adjoint of im2col adds every window back where it came from

The rows take KH*KW times the memory of x (Chellapilla, Puri and Simard 2006). Any float dtype; groups are cut
apart.
"""

from __future__ import annotations

import numpy as np

from ...typing import Array

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]


def im2col(x: Array, kernel: Pair, out: Pair, stride: Pair, padding: Quad, dilation: Pair) -> Array:
    """Return the windows of x (N, H, W, C) as (N, OH, OW, KH, KW, C)."""
    N, H, W, C = x.shape
    top, bottom, left, right = padding
    padded = x
    if any(padding):
        padded = np.zeros((N, H + top + bottom, W + left + right, C), x.dtype)
        padded[:, top : top + H, left : left + W] = x
    sn, sh, sw, sc = padded.strides
    (SH, SW), (DH, DW) = stride, dilation
    strides = (sn, sh * SH, sw * SW, sh * DH, sw * DW, sc)
    windows = np.lib.stride_tricks.as_strided(padded, (N, *out, *kernel, C), strides, writeable=False)
    return np.ascontiguousarray(windows)


def col2im(rows: Array, x_hw: Pair, stride: Pair, padding: Quad, dilation: Pair) -> Array:
    """Add windows (N, OH, OW, KH, KW, C) back to images (N, H, W, C): the adjoint of `im2col`."""
    N, OH, OW, KH, KW, C = rows.shape
    (H, W), (top, bottom, left, right), (SH, SW), (DH, DW) = x_hw, padding, stride, dilation
    padded = np.zeros((N, H + top + bottom, W + left + right, C), rows.dtype)
    for p in range(KH):
        for q in range(KW):
            h, v = p * DH, q * DW
            padded[:, h : h + OH * SH : SH, v : v + OW * SW : SW] += rows[:, :, :, p, q]
    return np.ascontiguousarray(padded[:, top : top + H, left : left + W])


def _parts(count: int, groups: int) -> list[slice]:
    return [slice(k * count // groups, (k + 1) * count // groups) for k in range(groups)]


def _matrix(w: Array) -> Array:
    """Filters (OC, C, KH, KW) as (KH*KW*C, OC)."""
    return w.transpose(2, 3, 1, 0).reshape(-1, w.shape[0])


def conv2d(
    x: Array, w: Array, stride: Pair, padding: Quad, dilation: Pair, groups: int, bias: Array | None, relu: bool,
    algorithm: str, scale: Array | None,
) -> Array:  # fmt: skip
    N, H, W, C = x.shape
    OC, _, KH, KW = w.shape
    OH = (H + padding[0] + padding[1] - dilation[0] * (KH - 1) - 1) // stride[0] + 1
    OW = (W + padding[2] + padding[3] - dilation[1] * (KW - 1) - 1) // stride[1] + 1
    windows = im2col(x, (KH, KW), (OH, OW), stride, padding, dilation)
    y = np.empty((N, OH, OW, OC), np.result_type(x, w))
    for c, o in zip(_parts(C, groups), _parts(OC, groups), strict=True):
        columns = windows[..., c].reshape(N * OH * OW, KH * KW * (C // groups))
        y[..., o] = (columns @ _matrix(w[o])).reshape(N, OH, OW, OC // groups)
    if scale is not None:
        y *= scale
    if bias is not None:
        y += bias
    return np.maximum(y, 0, out=y) if relu else y


def conv2d_grad_x(
    g: Array, w: Array, x_hw: Pair, stride: Pair, padding: Quad, dilation: Pair, groups: int, algorithm: str
) -> Array:
    N, OH, OW, OC = g.shape
    _, CG, KH, KW = w.shape
    windows = np.empty((N, OH, OW, KH, KW, CG * groups), np.result_type(g, w))
    for c, o in zip(_parts(CG * groups, groups), _parts(OC, groups), strict=True):
        rows = g[..., o].reshape(N * OH * OW, OC // groups)
        windows[..., c] = (rows @ _matrix(w[o]).T).reshape(N, OH, OW, KH, KW, CG)
    return col2im(windows, x_hw, stride, padding, dilation)


def conv2d_grad_w(
    x: Array, g: Array, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, groups: int, algorithm: str
) -> Array:
    N, OH, OW, OC = g.shape
    C = x.shape[3]
    windows = im2col(x, kernel, (OH, OW), stride, padding, dilation)
    gw = np.empty((*kernel, C // groups, OC), np.result_type(x, g))
    for c, o in zip(_parts(C, groups), _parts(OC, groups), strict=True):
        columns = windows[..., c].reshape(N * OH * OW, kernel[0] * kernel[1] * (C // groups))
        rows = g[..., o].reshape(N * OH * OW, OC // groups)
        gw[..., o] = (columns.T @ rows).reshape(*kernel, C // groups, OC // groups)
    return gw.transpose(3, 2, 0, 1)
