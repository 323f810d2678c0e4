"""Pooling's relatives: signals instead of images, p-norms instead of means, and putting maxima back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..typing import Value
from .arithmetic import where
from .broadcast import only_float
from .comparison import eq
from .elementwise import abs as absolute
from .errors import ArgumentError, DTypeError, ShapeError
from .geometry import pair, single
from .pool import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d
from .scattering import scatter
from .shape import reshape, squeeze, unsqueeze

__all__ = [
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "avg_pool1d", "lp_pool1d", "lp_pool2d", "max_pool1d",
    "max_unpool1d", "max_unpool2d",
]  # fmt: skip

Size = int | Sequence[int]


def _step(stride: Size | None, kernel: int, op: str) -> int:
    """Read a stride, which is the kernel's size where it is None or empty."""
    return kernel if stride is None or (isinstance(stride, Sequence) and not stride) else single(stride, "stride", op)


def _signal(op: str, input: Value) -> Value:
    """Signals (N, C, L) or (C, L) as images of height 1."""
    if input.ndim not in (2, 3):
        raise ShapeError(f"{op}: x has {input.ndim} dimensions {input.shape}, expected 3 (N, C, L) or 2 (C, L)")
    return unsqueeze(input, -2)


def _flat(y: Value) -> Value:
    return squeeze(y, -2)


def max_pool1d(
    input: Value,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    """Return the largest value of each window of signals (N, C, L): `max_pool2d` on images of height 1.

    The result is (N, C, OL); derivative: g at the sample that was largest.
    """
    op = "max_pool1d"
    if not return_indices and input.dtype.kind != "f":
        raise DTypeError(f"{op}: x has dtype {input.dtype}, expected floating point; cast with .float()")
    x, k = _signal(op, input), single(kernel_size, "kernel_size", op)
    s = _step(stride, k, op)
    p, d = single(padding, "padding", op), single(dilation, "dilation", op)
    y = max_pool2d(x, (1, k), (1, s), (0, p), (1, d), ceil_mode, return_indices)
    return (_flat(y[0]), _flat(y[1])) if return_indices else _flat(y)


def avg_pool1d(
    input: Value,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Value:
    """Return the mean of each window of signals (N, C, L): `avg_pool2d` on images of height 1.

    The result is (N, C, OL); derivative: g / size spread over each window.
    """
    op = "avg_pool1d"
    x, k = _signal(op, input), single(kernel_size, "kernel_size", op)
    s = _step(stride, k, op)
    return _flat(avg_pool2d(x, (1, k), (1, s), (0, single(padding, "padding", op)), ceil_mode, count_include_pad))


def adaptive_avg_pool1d(input: Value, output_size: Size) -> Value:
    """Return the means of ``output_size`` nearly equal parts of signals (N, C, L).

    Derivative: g / size spread over each part.
    """
    return _flat(
        adaptive_avg_pool2d(
            _signal("adaptive_avg_pool1d", input), (1, single(output_size, "output_size", "adaptive_avg_pool1d"))
        )
    )


def adaptive_max_pool1d(input: Value, output_size: Size, return_indices: bool = False) -> Value:
    """Return the largest values of ``output_size`` nearly equal parts of signals (N, C, L).

    Derivative: g at the sample that was largest.
    """
    size = (1, single(output_size, "output_size", "adaptive_max_pool1d"))
    y = adaptive_max_pool2d(_signal("adaptive_max_pool1d", input), size, return_indices)
    return (_flat(y[0]), _flat(y[1])) if return_indices else _flat(y)


def _root_of_sum(mean: Callable[[Value], Value], x: Value, p: float, count: int) -> Value:
    """(count * mean(x^p))^(1/p); where the sum is 0 the derivative is taken as 0, as in PyTorch, not as infinite."""
    if p == 0:
        raise ArgumentError("norm_type is 0, of which there is no root; give another number, or inf")
    m = mean(x**p)
    nothing, one = eq(m, 0), m.dtype.type(1)
    return where(nothing, m.dtype.type(0 if p > 0 else math.inf), (where(nothing, one, m) * count) ** (1.0 / p))


def lp_pool2d(
    input: Value, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
) -> Value:
    """Return (sum of x^p over each window)^(1/p), p the ``norm_type``: the sum for p = 1, the maximum in the limit.

    (N, C, H, W) becomes (N, C, OH, OW). Derivative: g (x / y)^(p-1), summed over the windows that hold a pixel.
    """
    if isinstance(kernel_size, Sequence) and len(kernel_size) != 2:  # unlike other pools: PyTorch unpacks it
        raise ArgumentError(f"lp_pool2d: kernel_size is {kernel_size!r}; give an int or a pair")
    kh, kw = pair(kernel_size, "kernel_size", "lp_pool2d")
    if abs(norm_type) == math.inf:
        side = math.copysign(1.0, norm_type)
        return side * max_pool2d(side * absolute(input), (kh, kw), stride, 0, 1, ceil_mode)
    return _root_of_sum(lambda z: avg_pool2d(z, (kh, kw), stride, 0, ceil_mode), input, norm_type, kh * kw)


def lp_pool1d(
    input: Value, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
) -> Value:
    """Return (sum of x^p over each window)^(1/p) of signals (N, C, L).

    p is the ``norm_type``. See `lp_pool2d`.
    """
    if not hasattr(kernel_size, "__index__"):  # PyTorch multiplies by it, and takes no sequence
        raise ArgumentError(f"lp_pool1d: kernel_size is {kernel_size!r}; give an int")
    k = single(kernel_size, "kernel_size", "lp_pool1d")
    if abs(norm_type) == math.inf:
        side = math.copysign(1.0, norm_type)
        return side * max_pool1d(side * absolute(input), k, stride, 0, 1, ceil_mode)
    return _root_of_sum(lambda z: avg_pool1d(z, k, stride, 0, ceil_mode), input, norm_type, k)


def max_unpool2d(
    input: Value,
    indices: Value,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Value:
    """Put maxima back where `max_pool2d` found them, zeros elsewhere (Zeiler et al. 2011).

    Several input sizes lead to one pooled size; ``output_size`` says which one is meant, within one stride.

    Derivative: g at ``indices``.
    """
    op = "max_unpool2d"
    only_float(op, input)
    if input.ndim not in (3, 4):
        raise ShapeError(f"{op}: x has shape {input.shape}, expected (N, C, H, W) or (C, H, W)")
    if indices.dtype != np.int64:
        raise DTypeError(
            f"{op}: indices have dtype {indices.dtype}, expected int64; pass on those of "
            "max_pool2d(return_indices=True)"
        )
    if indices.shape != input.shape:
        raise ShapeError(f"{op}: indices have shape {indices.shape}, x {input.shape}; give equal shapes")
    kernel = pair(kernel_size, "kernel_size", op)
    strides = kernel if stride is None or (isinstance(stride, list) and not stride) else pair(stride, "stride", op)
    around = pair(padding, "padding", op, 0)
    usual = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(input.shape[-2:], strides, kernel, around)]
    size = usual
    if output_size is not None:
        size = [int(n) for n in output_size][-2:]
        if len(output_size) not in (2, 4) or any(
            not u - s < n < u + s for n, u, s in zip(size, usual, strides)
        ):
            raise ArgumentError(
                f"{op}: output_size is {tuple(output_size)}; give two sizes less than {strides} away from "
                f"{tuple(usual)}"
            )
    if min(size) < 1:
        raise ShapeError(f"{op}: x {input.shape} with padding {around} leaves no pixel; give less padding")
    lead, area, count = input.shape[:-2], size[0] * size[1], math.prod(input.shape[-2:])
    flat = scatter(
        np.zeros((*lead, area), input.dtype), -1, reshape(indices, (*lead, count)), reshape(input, (*lead, count))
    )
    return reshape(flat, (*lead, *size))


def max_unpool1d(
    input: Value,
    indices: Value,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Value:
    """Put maxima back where `max_pool1d` found them, zeros elsewhere.

    ``output_size`` says which of the sizes that pool alike is meant; see `max_unpool2d`.
    """
    op = "max_unpool1d"
    x, k = _signal(op, input), single(kernel_size, "kernel_size", op)
    s = k if stride is None or (isinstance(stride, list) and not stride) else single(stride, "stride", op)
    if output_size is not None and len(output_size) not in (1, 3):
        raise ArgumentError(f"{op}: output_size is {tuple(output_size)}; give one size, or (N, C, L)")
    size = None if output_size is None else (1, int(output_size[-1]))
    return _flat(max_unpool2d(x, unsqueeze(indices, -2), (1, k), (1, s), (0, single(padding, "padding", op)), size))
