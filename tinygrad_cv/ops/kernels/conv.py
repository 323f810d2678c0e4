"""Convolution on channels-last blocks: the three maps, in whichever reading and algorithm is chosen.

x is (N, H, W, C), y and g are (N, OH, OW, OC), C-contiguous; filters w are (OC, C/groups, KH, KW) in any
order of memory. The order (KH, KW, C, OC), that is a C-contiguous ``w.transpose(2, 3, 1, 0)``, is packed by
whole vectors, and is the order in which weight gradients come back: keep weights in it, and an update walks
both straight through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...typing import Array
from .readings import pick

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]


def _pick(kernel: str, x: Array) -> Callable[..., Any]:
    """The function for x; an empty batch, of which no tiles can be made, goes to the NumPy reading."""
    return pick(kernel, x.dtype if x.size else np.float64)


def conv2d(
    x: Array,
    w: Array,
    stride: Pair = (1, 1),
    padding: Quad = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    bias: Array | None = None,
    relu: bool = False,
    algorithm: str = "auto",
    scale: Array | None = None,
) -> Array:
    """Return y (N, OH, OW, OC): y[n, i, j, o] = bias[o] + sum of x[n, i*SH + p*DH - top, j*SW + q*DW - left,
    c] * w[o, c, p, q] * scale[o].

    Parameters
    ----------
    padding : (top, bottom, left, right).
    relu : set what is negative to zero on the way out.
    algorithm : "auto", "direct", "winograd" or "im2col"; one that does not fit the geometry gives way to
    "direct".
    """
    y: Array = _pick("conv2d", x)(x, w, stride, padding, dilation, groups, bias, relu, algorithm, scale)
    return y


def conv2d_grad_x(
    g: Array,
    w: Array,
    x_hw: Pair,
    stride: Pair = (1, 1),
    padding: Quad = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    algorithm: str = "auto",
) -> Array:
    """Return gx (N, H, W, C), the adjoint of `conv2d` in x applied to g; x_hw is (H, W)."""
    gx: Array = _pick("conv2d_grad_x", g)(g, w, x_hw, stride, padding, dilation, groups, algorithm)
    return gx


def conv2d_grad_w(
    x: Array,
    g: Array,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Quad = (0, 0, 0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    algorithm: str = "auto",
) -> Array:
    """Return gw (OC, C/groups, KH, KW), the adjoint of `conv2d` in w applied to g; kernel is (KH, KW).

    Its memory has the order (KH, KW, C/groups, OC).
    """
    gw: Array = _pick("conv2d_grad_w", x)(x, g, kernel, stride, padding, dilation, groups, algorithm)
    return gw
