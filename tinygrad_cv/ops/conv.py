"""Convolution: one trilinear form, and the three maps that it contains.

Slide a filter w over an image x and weigh what you see with t:

    S(x, w, t) = sum over n, o, i, j, c, p, q of
                 t[n, o, i, j] * x[n, c, i*SH + p*DH - top, j*SW + q*DW - left] * w[o, c, p, q]

S is linear in each of x, w and t. Hold two of them and ask for the third's coefficients:

    Conv2d(x, w)        the coefficients of t: the convolution itself
    Conv2dGradX(t, w)   the coefficients of x: the transposed convolution
    Conv2dGradW(x, t)   the coefficients of w: a correlation of images with gradients

So the derivative of each map is again one of the three, and derivatives of any order cost no further code. With groups,
the channels are cut into equal parts that do not see each other: w has C/groups input channels.

What is called convolution here, as in all of deep learning, is a cross-correlation: the filter is not flipped
(Goodfellow, Bengio and Courville 2016, eq. 9.6). ``convolve2d`` flips it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..typing import Array, DType, Value
from .broadcast import cast
from .elementwise import round as rounded
from .errors import ArgumentError, DTypeError, ShapeError
from .geometry import Pair, Window, pair, single
from .kernels import conv as kernels
from .kernels.readings import pick
from .layout import dense, to_nchw, to_nhwc
from .op import Op, Unfinished
from .reduce import Sum
from .shape import Pad, flip, reshape

__all__ = [
    "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "convolve2d", 
]  # fmt: skip


class _Sliding(Op, abstract=True):
    """What the three maps share: the window, the groups and the size of the image."""

    def __init__(self, window: Window, groups: int, size: Pair) -> None:
        self.window, self.groups, self.size = window, groups, size

    def _settings(self) -> dict[str, Any]:
        w = self.window
        return {"stride": w.stride, "padding": w.padding, "dilation": w.dilation, "groups": self.groups}

    def _multiply_adds(self, images: int, pixels: int, w: tuple[int, ...]) -> int:
        return images * pixels * int(np.prod(w))


class Conv2d(_Sliding):
    """The coefficients of t in S(x, w, t), plus an offset b for each filter."""

    lazy = True

    def forward(self, x: Array, w: Array, b: Array | None) -> Array:
        return to_nchw(kernels.conv2d(to_nhwc(x), w, bias=b, **self._settings()))

    def start(self, x: Array, w: Array, b: Array | None) -> tuple[Unfinished, tuple[()]]:
        return self._promise(x, w, b, None), ()

    def _promise(self, x: Array, w: Array, b: Array | None, scale: Array | None) -> Unfinished:
        def finish(add: Array | None, relu: bool) -> Array:
            now = relu and add is None
            y = to_nchw(kernels.conv2d(to_nhwc(x), w, bias=b, relu=now, scale=scale, **self._settings()))
            return y if add is None else pick("add_relu" if relu else "add", y.dtype, y.size)(y, dense(add))

        def fold(factor: Array, shift: Array) -> Unfinished:
            return self._promise(x, w, shift if b is None else b * factor + shift, factor)

        out = self.window.output(self.size, "conv2d")
        return Unfinished(finish, (x.shape[0], w.shape[0], *out), x.dtype, True, None if scale is not None else fold)

    def grad_x(self, g: Value, w: Value) -> Value:
        return Conv2dGradX(self.window, self.groups, self.size)(g, w)

    def grad_w(self, g: Value, x: Value) -> Value:
        return Conv2dGradW(self.window, self.groups, self.size)(x, g)

    def grad_b(self, g: Value) -> Value:
        return Sum((0, 2, 3), False, g.shape)(g)

    def cost(self, y_shape: tuple[int, ...], *shapes: tuple[int, ...] | None) -> int:
        assert shapes[1] is not None
        return self._multiply_adds(y_shape[0], y_shape[2] * y_shape[3], shapes[1])


class Conv2dGradX(_Sliding):
    """The coefficients of x in S(x, w, t): every value of t spread over the window it came from."""

    def forward(self, t: Array, w: Array) -> Array:
        return to_nchw(kernels.conv2d_grad_x(to_nhwc(t), w, x_hw=self.size, **self._settings()))

    def grad_t(self, g: Value, w: Value) -> Value:
        return Conv2d(self.window, self.groups, self.size)(g, w, None)

    def grad_w(self, g: Value, t: Value) -> Value:
        return Conv2dGradW(self.window, self.groups, self.size)(g, t)

    def cost(self, y_shape: tuple[int, ...], *shapes: tuple[int, ...] | None) -> int:
        assert shapes[0] is not None and shapes[1] is not None
        return self._multiply_adds(y_shape[0], shapes[0][2] * shapes[0][3], shapes[1])


class Conv2dGradW(_Sliding):
    """The coefficients of w in S(x, w, t): for each filter tap, the products of all the pixels that meet there."""

    def forward(self, x: Array, t: Array) -> Array:
        return kernels.conv2d_grad_w(to_nhwc(x), to_nhwc(t), kernel=self.window.kernel, **self._settings())

    def grad_x(self, g: Value, t: Value) -> Value:
        return Conv2dGradX(self.window, self.groups, self.size)(t, g)

    def grad_t(self, g: Value, x: Value) -> Value:
        return Conv2d(self.window, self.groups, self.size)(x, g, None)

    def cost(self, y_shape: tuple[int, ...], *shapes: tuple[int, ...] | None) -> int:
        assert shapes[1] is not None
        return self._multiply_adds(shapes[1][0], shapes[1][2] * shapes[1][3], y_shape)


Kind = tuple[tuple[int, ...], DType]


def _kind(x: Value) -> Kind:
    return x.shape, x.dtype


@lru_cache(maxsize=4096)
def _conv2d(input: Kind, weight: Kind, bias: Kind | None, window: Window, groups: int) -> Conv2d:
    """Refuse operands that do not fit, before any arithmetic; return the op of those that do."""
    w, size = weight[0], (input[0][2], input[0][3])
    _fit("conv2d", input, weight, bias, w[1] * groups, w[0], groups)
    window.output(size, "conv2d")
    return Conv2d(window, groups, size)


def _fit(op: str, input: Kind, weight: Kind, bias: Kind | None, channels: int, filters: int, groups: int) -> None:
    (x, x_dtype), (w, w_dtype) = input, weight
    if x_dtype != w_dtype:
        raise DTypeError(f"{op}: x has dtype {x_dtype}, w {w_dtype}; cast one of them, for example x.to(w.dtype)")
    if x_dtype.kind != "f":
        raise DTypeError(f"{op}: x has dtype {x_dtype}, expected floating point; cast with .float()")
    if 0 in x[2:]:
        raise ShapeError(f"{op}: x has shape {x}; only batch and channels may be empty")
    if w[0] == 0 or not filters:
        raise ShapeError(f"{op}: w has shape {w}, no filter at all; give at least one")
    if groups < 1 or w[0] % groups:
        raise ArgumentError(f"{op}: groups is {groups} for {w[0]} filters {w}; give a divisor of {w[0]}")
    if x[1] != channels:
        c = x[1]
        fit = (c // groups, *w[1:]) if op.startswith("conv_tr") else (w[0], c // groups, *w[2:])
        hint = f"give w the shape {fit}" if c % groups == 0 else f"give x {channels} channels"
        if op.startswith("conv_tr"):
            hint = f"give w the shape {(c, *w[1:])}"
        raise ShapeError(f"{op}: x has {c} channels {x} but w expects {channels} {w}; {hint}")
    if bias is not None and bias[0] != (filters,):
        raise ShapeError(f"{op}: bias has shape {bias[0]} for {filters} filters; give ({filters},)")
    if bias is not None and bias[1] != x_dtype:
        raise DTypeError(f"{op}: x has dtype {x_dtype}, the bias {bias[1]}; cast one of them")


def _rank(op: str, input: Value, weight: Value, rank: int) -> tuple[Value, bool]:
    """Accept a batch of images or a single one."""
    letters = "N, C, H, W" if rank == 4 else "N, C, L"
    if weight.ndim != rank:
        raise ShapeError(f"{op}: w has {weight.ndim} dimensions {weight.shape}, expected {rank} (OC, C/groups, ...)")
    if input.ndim == rank - 1:
        return reshape(input, (1, *input.shape)), True
    if input.ndim != rank:
        raise ShapeError(
            f"{op}: x has {input.ndim} dimensions {input.shape}, expected {rank} ({letters}) or {rank - 1} without the "
            "batch"
        )
    return input, False


def conv2d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Value:
    """Slide every filter over every image and sum the products.

    y[n, o, i, j] = bias[o] + sum over c, p, q of x[n, c, i*SH + p*DH - top, j*SW + q*DW - left] * w[o, c, p, q]

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), floating point.
    weight : (OC, C/groups, KH, KW), of the same dtype.
    bias : (OC,), or None.
    stride, dilation : an int or (vertical, horizontal), at least 1.
    padding : an int, (vertical, horizontal), (top, bottom, left, right), 'valid' or 'same' (stride 1).
    groups : the number of parts into which channels and filters are cut.

    Returns
    -------
    (N, OC, OH, OW) with OH = floor((H + top + bottom - DH*(KH-1) - 1) / SH) + 1, and OW likewise.

    Raises
    ------
    ShapeError
        Channels differ, or a filter exceeds the padded image.

    Notes
    -----
    Derivative: gx = Conv2dGradX(g, w), gw = Conv2dGradW(x, g), gb = sum of g over N, OH, OW (derived above).
    Source: LeCun et al. 1998; dilation: Yu and Koltun 2016.
    """
    if input.dtype.kind in "iu" and input.dtype == weight.dtype:
        return _of_integers(conv2d, input, weight, bias, stride, padding, dilation, groups)
    input, alone = _rank("conv2d", input, weight, 4)
    window = Window.read("conv2d", weight.shape[2:], stride, padding, dilation)
    op = _conv2d(_kind(input), _kind(weight), None if bias is None else _kind(bias), window, groups)
    y = op(input, weight, bias)
    return reshape(y, y.shape[1:]) if alone else y


def conv1d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Value:
    """Slide filters (OC, C/groups, K) over signals (N, C, L): `conv2d` on images of height 1.

    The result is (N, OC, OL), OL = floor((L + 2 P - D (K - 1) - 1) / S) + 1; derivatives are those of `conv2d`.
    """
    input, alone = _rank("conv1d", input, weight, 3)
    s, d = single(stride, "stride", "conv1d"), single(dilation, "dilation", "conv1d")
    p = padding if isinstance(padding, str) else (0, single(padding, "padding", "conv1d"))
    y = conv2d(_tall(input), _tall(weight), bias, (1, s), p, (1, d), groups)
    y = reshape(y, (y.shape[0], y.shape[1], y.shape[3]))
    return reshape(y, y.shape[1:]) if alone else y


def _of_integers(
    convolution: Callable[..., Value], input: Value, weight: Value, bias: Value | None, *settings: Any
) -> Value:
    """Convolve integers by way of float64, exactly up to 2^53; what the dtype cannot hold wraps round."""
    if bias is not None and bias.dtype != input.dtype:
        raise DTypeError(f"{convolution.__name__}: x has dtype {input.dtype}, the bias {bias.dtype}; cast one of them")
    exact = (None if v is None else cast(v, np.dtype(np.float64)) for v in (input, weight, bias))
    return cast(cast(rounded(convolution(*exact, *settings)), np.dtype(np.int64)), input.dtype)


def convolve2d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Value:
    """Convolve in the mathematicians' sense: `conv2d` with the filters flipped in both directions.

    Arguments, shapes and derivatives are those of `conv2d`.
    """
    return conv2d(input, flip(weight, (2, 3)), bias, stride, padding, dilation, groups)


def conv_transpose2d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Value:
    """Spread every pixel over a window: the adjoint of `conv2d` with the same settings.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W).
    weight : (C, OC/groups, KH, KW).
    output_padding : extra rows and columns at the bottom and the right, smaller than stride or dilation, which tell
        apart the sizes that a strided convolution maps to the same one.

    Returns
    -------
    (N, OC, OH, OW) with OH = (H-1)*SH - 2*PH + DH*(KH-1) + output_padding + 1.

    Notes
    -----
    Source: Zeiler et al. 2010; Dumoulin and Visin 2016, chapter 4.
    """
    if input.dtype == weight.dtype == np.int64:
        return _of_integers(conv_transpose2d, input, weight, bias, stride, padding, output_padding, groups, dilation)
    input, alone = _rank("conv_transpose2d", input, weight, 4)
    kinds = _kind(input), _kind(weight), None if bias is None else _kind(bias)
    _fit("conv_transpose2d", *kinds, weight.shape[0], weight.shape[1] * groups, groups)
    window = Window.read("conv_transpose2d", weight.shape[2:], stride, padding, dilation)
    more = pair(output_padding, "output_padding", "conv_transpose2d", 0)
    size, extra = list[int](), list[int]()
    for axis in (0, 1):
        s, d, extent = window.stride[axis], window.dilation[axis], window.extent()[axis]
        if more[axis] >= max(s, d):
            raise ArgumentError(
                f"conv_transpose2d: output_padding {output_padding} must be smaller than stride {s} or dilation {d}; "
                "give less"
            )
        before, after = window.padding[2 * axis : 2 * axis + 2]
        extra.append(more[axis] // s)
        size.append((input.shape[2 + axis] - 1) * s - before - after + extent + more[axis])
        if size[-1] < 1:
            raise ShapeError(
                f"conv_transpose2d: x {input.shape} with padding {padding} leaves no pixel; give less padding"
            )
    if any(extra):  # so much larger an image has room for more windows: they begin at pixels of 0
        input = Pad((0, 0, 0, 0), (0, 0, *extra))(input)
    y = Conv2dGradX(window, groups, (size[0], size[1]))(input, weight)
    if bias is not None:
        y = y + reshape(bias, (1, -1, 1, 1))
    return reshape(y, y.shape[1:]) if alone else y


def conv_transpose1d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Value:
    """The adjoint of `conv1d`: signals (N, C, L), filters (C, OC/groups, K).

    See `conv_transpose2d` for the size of the result and ``output_padding``; derivatives are `conv1d` and its kin.
    """
    input, alone = _rank("conv_transpose1d", input, weight, 3)
    settings = (
        (1, single(stride, "stride", "conv_transpose1d")),
        (0, single(padding, "padding", "conv_transpose1d")),
        (0, single(output_padding, "output_padding", "conv_transpose1d")),
        groups,
        (1, single(dilation, "dilation", "conv_transpose1d")),
    )
    y = conv_transpose2d(_tall(input), _tall(weight), bias, *settings)
    y = reshape(y, (y.shape[0], y.shape[1], y.shape[3]))
    return reshape(y, y.shape[1:]) if alone else y


def _tall(x: Value) -> Value:
    """Signals (A, B, L) as images (A, B, 1, L)."""
    return reshape(x, (x.shape[0], x.shape[1], 1, x.shape[2]))
