"""Pooling: the largest value, or the mean, of each window.

Max pooling is a selection: the forward pass notes which pixel won (``index``, its flat position in the H x W plane),
``MaxPoolSpread`` sends gradients to the winners, and ``MaxPoolPick``, its adjoint, reads them out again. Average
pooling is linear, with ``AvgPoolSpread`` as its adjoint. Each pair is closed under differentiation.

Max pooling pads with minus infinity: a padded pixel never wins (the notes' book pads with zeros, which is wrong for
negative inputs). Ties go to the first in scan order; it receives the whole gradient, a sub-gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..typing import Array, Value
from .broadcast import cast, expand_to
from .errors import ArgumentError, DTypeError, ShapeError
from .geometry import Pair, Window, pair
from .kernels.readings import pick
from .layout import to_nchw, to_nhwc
from .op import Op, Plain
from .reduce import sum as total
from .shape import reshape

__all__ = [
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool2d", "max_pool2d",
]  # fmt: skip


class MaxPool2d(Op):
    """y = the largest value of each window; also returns where it stands."""

    extra = ("index",)
    masked = "spreads"

    def __init__(self, window: Window, size: Pair) -> None:
        self.window, self.size = window, size

    def forward(self, x: Array) -> tuple[Array, Array]:
        w = self.window
        y, index = pick("max_pool2d", x.dtype)(
            to_nhwc(x), w.kernel, w.stride, w.padding, w.dilation, w.output(self.size, "max_pool2d")
        )
        return to_nchw(y), to_nchw(index)

    def grad_x(self, g: Value, index: Value) -> Value:
        return MaxPoolSpread(self.window, self.size)(g, index)

    def behind(self, g: Array, index: Array, y: Array | None = None) -> Array:
        """Return the same where ``y``, the value of the ReLU that made x, is positive, and 0 elsewhere."""
        return _spread(self.window, self.size, g, index, y)


class AdaptiveMaxPool2d(Op):
    """y = the largest value of each of OH x OW nearly equal parts; also returns where it stands."""

    extra = ("index",)

    def __init__(self, out: Pair, size: Pair) -> None:
        self.out, self.size = out, size

    def forward(self, x: Array) -> tuple[Array, Array]:
        y, index = pick("adaptive_max_pool2d", x.dtype)(to_nhwc(x), self.out)
        return to_nchw(y), to_nchw(index)

    def grad_x(self, g: Value, index: Value) -> Value:
        return MaxPoolSpread(None, self.size)(g, index)


class MaxPoolSpread(Op):
    """y = zeros (N, C, H, W) with each t added at its winner; window is None for adaptive pooling."""

    constant = ("index",)

    def __init__(self, window: Window | None, size: Pair) -> None:
        self.window, self.size = window, size

    def forward(self, t: Array, index: Array) -> Array:
        if self.window is not None:
            return _spread(self.window, self.size, t, index)
        return to_nchw(pick("adaptive_max_pool2d_grad", t.dtype)(to_nhwc(t), to_nhwc(index), self.size))

    def grad_t(self, g: Value, index: Value) -> Value:
        return MaxPoolPick(self.window, self.size)(g, index)


def _spread(w: Window, size: Pair, t: Array, index: Array, y: Array | None = None) -> Array:
    seen = None if y is None else to_nhwc(y)
    spread = pick("max_pool2d_grad", t.dtype)
    return to_nchw(spread(to_nhwc(t), to_nhwc(index), size, w.kernel, w.stride, w.padding, w.dilation, seen))


class MaxPoolPick(Op):
    """y = the values of x at the winners: the adjoint of MaxPoolSpread."""

    constant = ("index",)

    def __init__(self, window: Window | None, size: Pair) -> None:
        self.window, self.size = window, size

    def forward(self, x: Array, index: Array) -> Array:
        return to_nchw(pick("max_pool2d_gather", x.dtype)(to_nhwc(x), to_nhwc(index)))

    def grad_x(self, g: Value, index: Value) -> Value:
        return MaxPoolSpread(self.window, self.size)(g, index)


class AvgPool2d(Op):
    """y = the mean of each window."""

    def __init__(self, window: Window, size: Pair, count_include_pad: bool, divisor: int | None) -> None:
        self.window, self.size, self.count_include_pad, self.divisor = window, size, count_include_pad, divisor

    def forward(self, x: Array) -> Array:
        w = self.window
        out = w.output(self.size, "avg_pool2d")
        return to_nchw(
            pick("avg_pool2d", x.dtype)(
                to_nhwc(x), w.kernel, w.stride, w.padding, out, self.count_include_pad, self.divisor
            )
        )

    def grad_x(self, g: Value) -> Value:
        return AvgPoolSpread(self.window, self.size, self.count_include_pad, self.divisor)(g)


class AvgPoolSpread(Op):
    """y = images over which each t is spread evenly within its window: the adjoint of AvgPool2d."""

    def __init__(self, window: Window, size: Pair, count_include_pad: bool, divisor: int | None) -> None:
        self.window, self.size, self.count_include_pad, self.divisor = window, size, count_include_pad, divisor

    def forward(self, t: Array) -> Array:
        w = self.window
        return to_nchw(
            pick("avg_pool2d_grad", t.dtype)(
                to_nhwc(t), self.size, w.kernel, w.stride, w.padding, self.count_include_pad, self.divisor
            )
        )

    def grad_t(self, g: Value) -> Value:
        return AvgPool2d(self.window, self.size, self.count_include_pad, self.divisor)(g)


class AdaptiveAvgPool2d(Op):
    """y = the mean of each of OH x OW nearly equal parts; part i of OH covers rows floor(i H/OH) to ceil((i+1)
    H/OH).
    """

    def __init__(self, out: Pair, size: Pair) -> None:
        self.out, self.size = out, size

    def forward(self, x: Array) -> Array:
        return to_nchw(pick("adaptive_avg_pool2d", x.dtype)(to_nhwc(x), self.out))

    def grad_x(self, g: Value) -> Value:
        return AdaptiveAvgPoolSpread(self.out, self.size)(g)


class AdaptiveAvgPoolSpread(Op):
    """y = images over which each t is spread evenly within its part: the adjoint of AdaptiveAvgPool2d."""

    def __init__(self, out: Pair, size: Pair) -> None:
        self.out, self.size = out, size

    def forward(self, t: Array) -> Array:
        return to_nchw(pick("adaptive_avg_pool2d_grad", t.dtype)(to_nhwc(t), self.size))

    def grad_t(self, g: Value) -> Value:
        return AdaptiveAvgPool2d(self.out, self.size)(g)


_EXACT = np.dtype(np.float64)
"""What integers are pooled in."""


def _images(op: str, input: Value, channels: bool = True) -> tuple[Value, bool]:
    """Accept (N, C, H, W) or (C, H, W), of floating point; images without pixels are refused, and without channels."""
    if input.dtype.kind != "f":
        raise DTypeError(f"{op}: x has dtype {input.dtype}, expected floating point; cast with .float()")
    if input.ndim not in (3, 4):
        raise ShapeError(f"{op}: x has {input.ndim} dimensions {input.shape}, expected 4 (N, C, H, W) or 3 (C, H, W)")
    if 0 in input.shape[-2:] or (channels and input.shape[-3] == 0):
        raise ShapeError(f"{op}: x has shape {input.shape}; only the batch may be empty")
    return (reshape(input, (1, *input.shape)), True) if input.ndim == 3 else (input, False)


def _window(
    op: str,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] | None,
    padding: int | Sequence[int],
    dilation: int | Sequence[int],
    ceil: bool,
) -> Window:
    step = kernel if stride is None or (isinstance(stride, Sequence) and not stride) else stride
    if isinstance(padding, str):
        raise ArgumentError(f"{op}: padding is {padding!r}; give an int, a pair or four ints")
    return Window.read(op, kernel, step, padding, dilation, ceil)


@lru_cache(maxsize=4096)
def _check(op: str, window: Window, size: Pair) -> None:
    """Refuse windows that do not fit, or that padding alone can fill."""
    for axis, k in enumerate(window.kernel):
        most = max(window.padding[2 * axis : 2 * axis + 2])
        if most > k // 2:
            raise ArgumentError(
                f"{op}: padding {most} is more than half of the kernel {k}: some windows would hold padding alone; "
                f"give at most {k // 2}"
            )
    window.output(size, op)


def max_pool2d(
    input: Value,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    """Return the largest value of each window; the stride is the kernel's size unless told otherwise.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W).
    ceil_mode : round output sizes up, letting the last window hang over the edge.
    return_indices : also return the winners' flat positions in the H x W plane, int64.

    Returns
    -------
    (N, C, OH, OW), or (values, indices).

    Notes
    -----
    Derivative: g goes to the winner of each window, the first among equals.
    Source: Ranzato, Boureau and LeCun 2007.
    """
    if input.dtype.kind in "iu":
        y = max_pool2d(cast(input, _EXACT), kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return (cast(y[0], input.dtype), y[1]) if return_indices else cast(y, input.dtype)
    x, single = _images("max_pool2d", input)
    window = _window("max_pool2d", kernel_size, stride, padding, dilation, ceil_mode)
    size = (x.shape[2], x.shape[3])
    _check("max_pool2d", window, size)
    return _with_indices(MaxPool2d(window, size)(x), single, return_indices)


def _with_indices(result: tuple[Value, Value], single: bool, return_indices: bool) -> Value:
    y, index = result
    if single:
        y = reshape(y, y.shape[1:])
    if not return_indices:
        return y
    index = Plain(lambda _, at: at.astype(np.int64), "indices")(y, index)  # a tensor where y is one
    return y, reshape(index, index.shape[1:]) if single else index


def avg_pool2d(
    input: Value,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    """Return the mean of each window; padding counts as zeros unless ``count_include_pad`` is False.

    ``divisor_override`` replaces the number of pixels by which each sum is divided.

    ``input`` is (N, C, H, W) or (C, H, W), the result (N, C, OH, OW) with OH = floor((H + 2 PH - KH) / SH) + 1;
    ``stride`` is ``kernel_size`` if None. Derivative: g / size spread over each window.
    """
    if input.dtype == np.int64:
        more = (stride, padding, ceil_mode, count_include_pad, divisor_override)
        return cast(avg_pool2d(cast(input, _EXACT), kernel_size, *more), input.dtype)
    x, single = _images("avg_pool2d", input)
    if divisor_override == 0:
        raise ArgumentError("avg_pool2d: divisor_override is 0; give another number or None")
    window = _window("avg_pool2d", kernel_size, stride, padding, 1, ceil_mode)
    size = (x.shape[2], x.shape[3])
    _check("avg_pool2d", window, size)
    y = AvgPool2d(window, size, count_include_pad, divisor_override)(x)
    return reshape(y, y.shape[1:]) if single else y


def adaptive_avg_pool2d(input: Value, output_size: int | Sequence[int | None]) -> Value:
    """Return the means of OH x OW nearly equal parts; None keeps a size.

    ``output_size=1`` is global average pooling (Lin et al. 2014).

    Derivative: g / size spread over each part.
    """
    x, single = _images("adaptive_avg_pool2d", input, channels=False)
    size = (x.shape[2], x.shape[3])
    out = _adaptive("adaptive_avg_pool2d", output_size, size)
    y = _no_parts(x, out) if 0 in out else AdaptiveAvgPool2d(out, size)(x)
    return reshape(y, y.shape[1:]) if single else y


def adaptive_max_pool2d(
    input: Value, output_size: int | Sequence[int | None], return_indices: bool = False
) -> Value:
    """Return the largest values of OH x OW nearly equal parts; None keeps a size.

    ``output_size`` is OH and OW, or one number for both; part i of H ends at ceil((i + 1) H / OH) and begins at
    floor(i H / OH). Derivative: g at the pixel that was largest.
    """
    x, single = _images("adaptive_max_pool2d", input, channels=input.ndim == 4)
    size = (x.shape[2], x.shape[3])
    out = _adaptive("adaptive_max_pool2d", output_size, size)
    if 0 in out:
        y = _no_parts(x, out)
        return _with_indices((y, np.zeros(y.shape, np.int64)), single, return_indices)
    return _with_indices(AdaptiveMaxPool2d(out, size)(x), single, return_indices)


def _no_parts(x: Value, out: Pair) -> Value:
    """Return the empty result of OH x OW parts, of which one is 0."""
    return expand_to(total(x, (2, 3), True)[:, :, : out[0], : out[1]], (*x.shape[:2], *out))


def _adaptive(op: str, output_size: int | Sequence[int | None], size: Pair) -> Pair:
    given = tuple(output_size) if isinstance(output_size, Sequence) else (output_size, output_size)
    if len(given) != 2 or output_size is None:
        raise ArgumentError(f"{op}: output_size is {given}; give one number or two")
    return pair([n if want is None else want for want, n in zip(given, size)], "output_size", op, 0)
