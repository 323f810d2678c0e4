"""Convolution whose filters look where they want: each tap of each window is moved by an offset of its own.

    y[n, o, i, j] = b[o] + sum over c, p, q of
                    w[o, c, p, q] * m[n, p, q, i, j] * x(n, c, i*SH + p*DH - PH + dy, j*SW + q*DW - PW + dx)

where (dy, dx) = offset[n, p, q, i, j] and x(.., y, x) reads between the pixels (bilinear; zeros outside). The values
that a window reads are laid out side by side, as an image of OH*KH x OW*KW pixels, on which an ordinary convolution
with stride (KH, KW) does the rest. So zero offsets are a convolution, groups cost nothing, and every derivative, of any
order, is that of reading at free points and of `conv2d`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..typing import Value
from .conv import conv2d
from .errors import ArgumentError, DTypeError, ShapeError
from .geometry import Window
from .sample import _linear_taps, _weighted
from .shape import permute, reshape

__all__ = ["deform_conv2d"]


def deform_conv2d(
    input: Value,
    offset: Value,
    weight: Value,
    bias: Value | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    mask: Value | None = None,
) -> Value:
    """Convolve with moved taps (version 1), which a mask may also weigh (version 2).

    Parameters
    ----------
    input : (N, C, H, W).
    offset : (N, 2 D KH KW, OH, OW), pixels down and right for each tap in turn; D parts of the channels may have
        offsets of their own.
    weight : (OC, C/groups, KH, KW); the number of groups is read from it.
    bias : (OC,), or None.
    mask : (N, D KH KW, OH, OW), factors of the taps, or None.

    Returns
    -------
    (N, OC, OH, OW), the size of `conv2d`.

    Raises
    ------
    ShapeError
        Offsets or mask are not of the size that the window gives.

    Notes
    -----
    Derivative: to x by the weights of the neighbours, to the offsets by the differences of neighbouring pixels (at
    whole pixels, where there is a kink, that to the right and below), to w, b and m linear.
    Source: J. Dai et al., "Deformable Convolutional Networks", ICCV 2017, equation 2; with a mask: X. Zhu et al.,
    "Deformable ConvNets v2", CVPR 2019, equation 1. Names and order of arguments are torchvision's.
    """
    if input.ndim != 4 or weight.ndim != 4:
        raise ShapeError(
            f"deform_conv2d: x has shape {input.shape}, w {weight.shape}; give (N, C, H, W) and (OC, C/groups, KH, KW)"
        )
    n, c, h, width = input.shape
    if weight.shape[1] == 0 or c % weight.shape[1]:
        raise ShapeError(
            f"deform_conv2d: x has {c} channels but w {weight.shape} sees {weight.shape[1]} in each group; give w a "
            f"divisor of {c}"
        )
    window = Window.read("deform_conv2d", weight.shape[2:], stride, padding, dilation)
    (kh, kw), (oh, ow) = window.kernel, window.output((h, width), "deform_conv2d")
    taps = kh * kw
    if offset.ndim != 4 or offset.shape[1] % (2 * taps) or not offset.shape[1]:
        raise ShapeError(
            f"deform_conv2d: offset has shape {offset.shape} for a window of {kh} x {kw}; give ({n}, {2 * taps}, {oh}, "
            f"{ow})"
        )
    parts = offset.shape[1] // (2 * taps)
    for name, value, channels in (("offset", offset, 2 * taps * parts), ("mask", mask, taps * parts)):
        if value is None:
            continue
        if value.shape != (n, channels, oh, ow):
            raise ShapeError(
                f"deform_conv2d: {name} has shape {value.shape} for x {input.shape} and w {weight.shape}; give "
                f"{(n, channels, oh, ow)}"
            )
        if value.dtype != input.dtype:
            raise DTypeError(f"deform_conv2d: x has dtype {input.dtype}, {name} {value.dtype}; cast one of them")
    if c % parts:
        raise ArgumentError(f"deform_conv2d: {parts} sets of offsets for {c} channels; give a divisor of {c}")
    if input.dtype.kind != "f":
        raise DTypeError(f"deform_conv2d: x has dtype {input.dtype}, expected floating point; cast with .float()")
    moves = reshape(offset, (n * parts, kh, kw, 2, oh, ow))
    at = []
    for axis, (k, count) in enumerate(((kh, oh), (kw, ow))):
        first = np.arange(count) * window.stride[axis] - window.padding[2 * axis]
        line = (np.arange(k) * window.dilation[axis])[:, None] + first  # (K, O)
        still = line.reshape((k, 1, count, 1) if axis == 0 else (1, k, 1, count)).astype(input.dtype)
        points = moves[:, :, :, axis] + still
        at.append(reshape(permute(points, 0, 3, 1, 4, 2), (n * parts, oh * kh, ow * kw)))
    images = reshape(input, (n * parts, c // parts, h, width))
    seen = _weighted(images, [_linear_taps(p) for p in at])
    if mask is not None:
        factors = permute(reshape(mask, (n * parts, kh, kw, oh, ow)), 0, 3, 1, 4, 2)
        seen = seen * reshape(factors, (n * parts, 1, oh * kh, ow * kw))
    seen = reshape(seen, (n, c, oh * kh, ow * kw))
    return conv2d(seen, weight, bias, (kh, kw), groups=c // weight.shape[1])
