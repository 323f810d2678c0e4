"""Normalisation: batch norm as a fused op beside its composite; the others are composites.

With the mean m and the variance v of x over the pixels of a channel (P of them), r = 1/sqrt(v + eps) and
u = (x - m) r, batch norm is y = w u + b. Its three gradients share two sums over the pixels,

    gb = sum g,   gw = sum g u,   gx = w r (g - gb/P - u gw/P),

so one joint rule computes them (Ioffe and Szegedy 2015, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..typing import Array, DType, Value
from .arithmetic import div
from .broadcast import cast
from .elementwise import clamp, rsqrt
from .errors import ArgumentError, DTypeError, ShapeError
from .joining import narrow
from .kernels.readings import pick
from .layout import to_rows
from .op import Op, Unfinished, joint
from .reduce import mean
from .reduce import sum as total
from .shape import Pad, reshape
from .statistics import norm
from .waiting import Masked

__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize",
]  # fmt: skip


def _both(op: str, running_mean: Value | None, running_var: Value | None) -> None:
    if (running_mean is None) != (running_var is None):
        missing, given = ("running_mean", "running_var")[:: 1 if running_mean is None else -1]
        raise ArgumentError(f"{op}: {missing} is None, {given} is not; give both, or neither")


def _unpixels(rows: Array, shape: tuple[int, ...]) -> Array:
    if len(shape) == 4:
        return rows.reshape(shape[0], shape[2], shape[3], shape[1]).transpose(0, 3, 1, 2)
    return np.moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


class BatchNorm(Op):
    """y = w (x - m) / sqrt(v + eps) + b with the batch's own statistics m, v, which it also returns."""

    extra = ("mean", "variance")
    lazy = True
    masked = "takes"

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def forward(self, x: Array, weight: Array, bias: Array) -> tuple[Array, Array, Array]:
        promise, (m, v) = self.start(x, weight, bias)
        return promise.value(), m, v

    def start(self, x: Array, weight: Array, bias: Array) -> tuple[Unfinished, tuple[Array, Array]]:
        m, v = pick("batch_norm_stats", x.dtype)(to_rows(x))
        r = _inverse(v, self.eps)
        return Unfinished(partial(_apply, x, m, r, weight, bias), x.shape, x.dtype, adds=True), (m, v)

    def composite(self, x: Value, weight: Value, bias: Value) -> Value:
        return _per_channel(_standardise(x, _pixels(x), self.eps), weight, bias)

    @joint("x", "weight", "bias")
    def grads(self, g: Array | Masked, x: Array, weight: Array, bias: Array, mean: Array, variance: Array) -> Any:
        differentiate, rows, r = pick("batch_norm_grad", x.dtype), to_rows(x), _inverse(variance, self.eps)
        if isinstance(g, Masked) and g.known is None:
            if g.moved:  # others want the masked gradient as well: it is written on the way
                first, second = g.parts()
                more = None if second is None else to_rows(second)
                given = to_rows(first), rows, mean, r, weight, bias, to_rows(g.y)
                gx, gw, gb, known = differentiate(*given, relu=True, residual=True, more=more)
                g.keep(_unpixels(known, x.shape))
            else:  # the mask follows from x
                gx, gw, gb = differentiate(to_rows(g.whole()), rows, mean, r, weight, bias, relu=True)
        else:
            known = g.value() if isinstance(g, Masked) else g
            gx, gw, gb = differentiate(to_rows(known), rows, mean, r, weight)
        return _unpixels(gx, x.shape), gw, gb


class FrozenBatchNorm(Op):
    """y = w (x - m) / sqrt(v + eps) + b with statistics that are given: one scale and one shift for each channel."""

    constant = ("mean", "variance")
    lazy = True
    tail = "affine"

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def forward(self, x: Array, weight: Array | None, bias: Array | None, mean: Array, variance: Array) -> Array:
        return self.start(x, weight, bias, mean, variance)[0].value()

    def start(self, x: Array, *parameters: Any) -> tuple[Unfinished, tuple[()]]:
        scale, shift = self.affine(x.dtype, *parameters)
        finish = partial(_apply, x, np.zeros_like(scale), scale, None, shift)
        return Unfinished(finish, x.shape, x.dtype, adds=True), ()

    def affine(
        self, dtype: DType, weight: Array | None, bias: Array | None, mean: Array, variance: Array
    ) -> tuple[Array, Array]:
        """Return what each channel is multiplied with, and what is then added."""
        scale = _inverse(variance, self.eps)
        if weight is not None:
            scale = scale * weight
        shift = mean * scale
        shift = -shift if bias is None else bias - shift
        return scale.astype(dtype, copy=False), shift.astype(dtype, copy=False)

    def grad_x(self, g: Value, weight: Value | None, variance: Value) -> Value:
        scale = rsqrt(variance + self.eps) if weight is None else rsqrt(variance + self.eps) * weight
        return g * reshape(cast(scale, g.dtype), _broad(g))

    def grad_weight(self, g: Value, x: Value, mean: Value, variance: Value) -> Value:
        return total(g * (x - reshape(mean, _broad(g))), _pixels(g)) * rsqrt(variance + self.eps)

    def grad_bias(self, g: Value, variance: Value) -> Value:
        return total(cast(g, variance.dtype), _pixels(g))


def _broad(x: Value) -> tuple[int, ...]:
    """The shape that lays one number for each channel over x."""
    return (1, -1) + (1,) * (x.ndim - 2)


def _pixels(x: Value) -> tuple[int, ...]:
    return tuple(i for i in range(x.ndim) if i != 1)


def _inverse(variance: Array, eps: float) -> Array:
    deviation = variance + eps
    np.sqrt(deviation, deviation)
    return np.reciprocal(deviation, deviation)


def _apply(x: Array, m: Array, r: Array, weight: Array | None, bias: Array, add: Array | None, relu: bool) -> Array:
    """w (x - m) r + b per channel, plus an array, and nothing below 0, in one pass."""
    if not x.size:
        return np.empty_like(x)
    rows = None if add is None else to_rows(add)
    y = pick("batch_norm_apply", x.dtype)(to_rows(x), m, r, weight, bias, rows, relu)
    return _unpixels(y, x.shape)


def batch_norm(
    input: Value,
    running_mean: Value | None,
    running_var: Value | None,
    weight: Value | None = None,
    bias: Value | None = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
) -> Value:
    """Normalise each channel of (N, C) or (N, C, ...) and scale it: w (x - m) / sqrt(v + eps) + b.

    In training, m and v are those of the batch, and the running statistics move towards them by ``momentum``
    (the running variance towards the unbiased one). Otherwise the running statistics serve as m and v.

    Parameters
    ----------
    running_mean, running_var : (C,), changed in place in training; None to keep none.
    weight, bias : w and b, (C,); None for 1 and 0.
    training : whether the batch's own statistics serve.
    momentum : how far the running statistics move; None averages over all batches.

    Raises
    ------
    ShapeError
        The number of channels differs from the statistics', or there is only one value per channel in training.

    Notes
    -----
    Derivative in training, with r = 1/sqrt(v + eps), u = (x - m) r and P pixels in a channel: gb = sum g, gw = sum g u,
    gx = w r (g - gb/P - u gw/P); otherwise gx = w r g.
    Source: Ioffe and Szegedy 2015, section 3.
    """
    if input.ndim < 2:
        raise ShapeError(f"batch_norm: x has shape {input.shape}, expected (N, C) or (N, C, ...)")
    if input.dtype.kind != "f":
        raise DTypeError(f"batch_norm: x has dtype {input.dtype}, expected floating point; cast with .float()")
    c = input.shape[1]
    _fit("batch_norm", input, (c,), weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    _both("batch_norm", running_mean, running_var)
    if eps < 0 or (training and eps == 0):
        raise ArgumentError(f"batch_norm: eps is {eps}; give a number above 0, which keeps from dividing by 0")
    if not training:
        if running_mean is None or running_var is None:
            raise ArgumentError(
                "batch_norm: evaluation needs running_mean and running_var; give them, or training=True"
            )
        return FrozenBatchNorm(eps)(input, weight, bias, running_mean, running_var)
    count = math.prod(input.shape) // max(c, 1)
    if count == 1:
        raise ShapeError(
            f"batch_norm: one value per channel in {input.shape} has no variance; give a larger batch or image, or use "
            "eval()"
        )
    if count == 0:  # nothing to learn from: the statistics stay
        return _per_channel(input * 1, weight, bias)
    one, zero = np.ones(c, input.dtype), np.zeros(c, input.dtype)
    y, m, v = BatchNorm(eps)(input, one if weight is None else weight, zero if bias is None else bias)
    if running_mean is not None and running_var is not None and momentum is not None:
        _move(running_mean, m, momentum)
        _move(running_var, v * (count / (count - 1)), momentum)
    return y


def _fit(op: str, x: Value, shape: tuple[int, ...], **parameters: Value | None) -> None:
    """Check that parameters and statistics have the shape and the dtype that go with x."""
    dtype = x.dtype
    for name, p in parameters.items():
        if p is None or (p.shape == shape and p.dtype == dtype):
            continue
        if p.shape != shape:
            has = f"{shape[0]} channels {x.shape}" if shape == x.shape[1:2] else f"shape {x.shape}"
            raise ShapeError(f"{op}: x has {has} but {name} has shape {p.shape}; give {shape}")
        if (p.dtype, dtype) != (np.float32, np.float16):
            raise DTypeError(f"{op}: x has dtype {dtype} but {name} has {p.dtype}; cast one of them")


def _move(running: Value, now: Value, momentum: float) -> None:
    """running += momentum (now - running), on the buffer itself."""
    held, value = np.asarray(running), np.asarray(now)
    was = held if held.dtype.kind == "f" else held.astype(value.dtype)
    np.copyto(held, was + momentum * (value.astype(was.dtype) - was), casting="unsafe")


def layer_norm(
    input: Value,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
) -> Value:
    """Normalise over the trailing dimensions ``normalized_shape`` of each sample (Ba, Kiros and Hinton 2016).

    y = w (x - m) / sqrt(v + eps) + b with m and v over those dimensions; ``weight`` (w) and ``bias`` (b) have the shape
    ``normalized_shape``. Derivative: that of `batch_norm`, sample by sample.
    """
    shape = tuple(normalized_shape)
    k = len(shape)
    if not k or input.shape[-k:] != shape:
        raise ShapeError(
            f"layer_norm: x {input.shape} does not end with normalized_shape {shape}; give {input.shape[-max(k, 1) :]}"
        )
    _fit("layer_norm", input, shape, weight=weight, bias=bias)
    y = _standardise(input, tuple(range(input.ndim - k, input.ndim)), eps)
    y = y if weight is None else y * weight
    return cast(y if bias is None else y + bias, input.dtype)


def group_norm(
    input: Value, num_groups: int, weight: Value | None = None, bias: Value | None = None, eps: float = 1e-5
) -> Value:
    """Normalise each of ``num_groups`` groups of channels of each image (Wu and He 2018).

    y = w (x - m) / sqrt(v + eps) + b with m and v over the channels and pixels of a group; ``weight`` (w) and ``bias``
    (b) are (C,). C must divide by ``num_groups``. Derivative: that of `batch_norm`, group by group.
    """
    if input.ndim < 2:
        raise ShapeError(f"group_norm: x has shape {input.shape}, expected (N, C) or (N, C, ...)")
    n, c = input.shape[:2]
    if num_groups < 1 or c % num_groups:
        raise ArgumentError(f"group_norm: {c} channels do not divide into {num_groups} groups; give a divisor of {c}")
    _fit("group_norm", input, (c,), weight=weight, bias=bias)
    inner = math.prod(input.shape[1:]) // num_groups
    if n * inner == 1:
        raise ShapeError(
            f"group_norm: one value per group in {input.shape} has no variance; give more channels or pixels"
        )
    y = _standardise(reshape(input, (n, num_groups, inner)), (2,), eps)
    return cast(_per_channel(reshape(y, input.shape), weight, bias), input.dtype)


def instance_norm(
    input: Value,
    running_mean: Value | None = None,
    running_var: Value | None = None,
    weight: Value | None = None,
    bias: Value | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Value:
    """Normalise each channel of each image on its own (Ulyanov, Vedaldi and Lempitsky 2016).

    y = w (x - m) / sqrt(v + eps) + b with m and v over the pixels of (N, C, ...); ``weight`` (w) and ``bias`` (b) are
    (C,). With ``running_mean`` and ``running_var`` (C,) these are moved by ``momentum``, or, where ``use_input_stats``
    is False, serve as m and v. Derivative: that of `batch_norm`, image by image.
    """
    if 0 in input.shape[:2] and not (weight is None and bias is None):
        raise ShapeError(f"instance_norm: nothing in {input.shape} to be scaled; leave weight and bias out")
    if input.ndim < 2:
        raise ShapeError(f"instance_norm: x has shape {input.shape}, expected (N, C, ...)")
    # statistics may have any dtype, as in PyTorch, unless it is the mean's alone that is the input's
    mean_, var_ = running_mean, running_var
    if running_mean is not None and running_var is not None and running_mean.dtype != input.dtype:
        mean_, var_ = cast(running_mean, input.dtype), cast(running_var, input.dtype)
    given = {"weight": weight, "bias": bias, "running_mean": mean_, "running_var": var_}
    _fit("instance_norm", input, input.shape[1:2], **given)
    if not use_input_stats:
        return batch_norm(input, mean_, var_, weight, bias, False, momentum, eps)
    dims = tuple(range(2, input.ndim))
    _both("instance_norm", running_mean, running_var)
    if math.prod(input.shape[2:]) == 1:
        raise ShapeError(
            f"instance_norm: one value per channel and image in {input.shape} has no variance; give a larger image"
        )
    if running_mean is not None and running_var is not None and math.prod(input.shape):
        x = np.asarray(input)
        _move(running_mean, x.mean(dims).mean(0), momentum)
        _move(running_var, x.var(dims, ddof=1).mean(0), momentum)
    return cast(_per_channel(_standardise(input, dims, eps), weight, bias), input.dtype)


def _standardise(x: Value, dims: tuple[int, ...], eps: float) -> Value:
    centred = x - mean(x, dims, True)
    return centred * rsqrt(mean(centred * centred, dims, True) + eps)


def _per_channel(y: Value, weight: Value | None, bias: Value | None) -> Value:
    y = y if weight is None else y * reshape(weight, _broad(y))
    return y if bias is None else y + reshape(bias, _broad(y))


def local_response_norm(input: Value, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Value:
    """Divide by (k + alpha/size * sum of squares over ``size`` neighbouring channels)^beta.

    (N, C, ...) keeps its shape; the channels beyond the first and the last count as 0. A composite, derivatives
    included. Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.
    """
    if input.ndim < 3:
        raise ShapeError(
            f"local_response_norm: x has shape {input.shape}, expected (N, C, ...) with at least 3 dimensions"
        )
    if input.dtype.kind != "f" and input.dtype != np.int64:
        raise DTypeError(f"local_response_norm: x has dtype {input.dtype}; cast with .float()")
    if size < 1:
        raise ArgumentError(f"local_response_norm: size is {size}; give at least 1")
    c = input.shape[1]
    before = tuple(size // 2 if i == 1 else 0 for i in range(input.ndim))
    after = tuple((size - 1) // 2 if i == 1 else 0 for i in range(input.ndim))
    padded = Pad(before, after)(input * input)
    window = narrow(padded, 1, 0, c)
    for i in range(1, size):
        window = window + narrow(padded, 1, i, c)
    return div(input, (window * (alpha / size) + k) ** beta)


def normalize(input: Value, p: float = 2.0, dim: int | Sequence[int] = 1, eps: float = 1e-12) -> Value:
    """Divide by max(norm, eps) along ``dim``.

    The norm is the p-norm, the Euclidean one for p = 2. Derivative: for p = 2, (g - y sum of g y) / norm.
    """
    return div(input, clamp(norm(input, p, dim, True), min=eps))
