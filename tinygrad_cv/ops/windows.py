"""Windows as columns: `unfold` reads every window of an image into a column, `fold` adds the columns back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..typing import Array, Value
from .errors import ArgumentError, DTypeError, ShapeError
from .geometry import Pair, Window, pair
from .op import Op
from .shape import permute, reshape

Size = int | Sequence[int]

__all__ = [
    "col2im", "im2col", "fold", "unfold",
]  # fmt: skip


class Unfold(Op):
    """y = the windows of x as columns, (N, C*KH*KW, OH*OW): im2col. The adjoint is Fold."""

    def __init__(self, window: Window, size: Pair) -> None:
        self.window, self.size = window, size

    def forward(self, x: Array) -> Array:
        n, c = x.shape[:2]
        (kh, kw), (dh, dw), (sh, sw) = self.window.kernel, self.window.dilation, self.window.stride
        oh, ow = self.window.output(self.size, "unfold")
        top, bottom, left, right = self.window.padding
        padded = np.zeros((n, c, x.shape[2] + top + bottom, x.shape[3] + left + right), x.dtype)
        padded[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x
        y = np.empty((n, c, kh, kw, oh, ow), x.dtype)
        for p in range(kh):
            for q in range(kw):
                y[:, :, p, q] = padded[:, :, p * dh : p * dh + oh * sh : sh, q * dw : q * dw + ow * sw : sw]
        return y.reshape(n, c * kh * kw, oh * ow)

    def grad_x(self, g: Value) -> Value:
        return Fold(self.window, self.size)(g)


class Fold(Op):
    """y = images with every column added back to the window it came from: col2im, the adjoint of Unfold."""

    def __init__(self, window: Window, size: Pair) -> None:
        self.window, self.size = window, size

    def forward(self, x: Array) -> Array:
        (kh, kw), (dh, dw), (sh, sw) = self.window.kernel, self.window.dilation, self.window.stride
        oh, ow = self.window.output(self.size, "fold")
        n, c = x.shape[0], x.shape[1] // (kh * kw)
        columns = x.reshape(n, c, kh, kw, oh, ow)
        (h, w), (top, bottom, left, right) = self.size, self.window.padding
        padded = np.zeros((n, c, h + top + bottom, w + left + right), x.dtype)
        for p in range(kh):
            for q in range(kw):
                padded[:, :, p * dh : p * dh + oh * sh : sh, q * dw : q * dw + ow * sw : sw] += columns[:, :, p, q]
        return padded[:, :, top : top + h, left : left + w]

    def grad_x(self, g: Value) -> Value:
        return Unfold(self.window, self.size)(g)


def _read(op: str, x: Value, kernel_size: Size, stride: Size, padding: Size, dilation: Size) -> Window:
    """Read a window whose sizes are ints or pairs, and refuse what cannot be cut into windows.

    One size in a sequence, as pooling takes it, is refused here.
    """
    if x.dtype.kind in "iu":
        raise DTypeError(f"{op}: x has dtype {x.dtype}, expected floating point; cast with .float()")
    if 0 in x.shape[1:]:
        raise ShapeError(f"{op}: x has shape {x.shape}; only the batch may be empty")
    sizes = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
    for name, size in sizes.items():
        if isinstance(size, Sequence) and len(size) != 2:
            raise ArgumentError(f"{op}: {name} is {size!r}; give an int or a pair (vertical, horizontal)")
    return Window.read(op, kernel_size, stride, padding, dilation)


def unfold(
    input: Value,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Value:
    """Return the windows of (N, C, H, W) as columns: (N, C*KH*KW, L), L = OH*OW.

    Derivative: `fold`, which adds every column back to its window.
    """
    single = input.ndim == 3
    x = reshape(input, (1, *input.shape)) if single else input
    if x.ndim != 4:
        raise ShapeError(f"unfold: x has shape {input.shape}, expected (N, C, H, W) or (C, H, W)")
    window = _read("unfold", x, kernel_size, stride, padding, dilation)
    size = (x.shape[2], x.shape[3])
    window.output(size, "unfold")
    y = Unfold(window, size)(x)
    return reshape(y, y.shape[1:]) if single else y


def fold(
    input: Value,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Value:
    """Add columns (N, C*KH*KW, L) back to images (N, C, H, W) of ``output_size``: the adjoint of `unfold`."""
    single = input.ndim == 2
    x = reshape(input, (1, *input.shape)) if single else input
    window = _read("fold", x, kernel_size, stride, padding, dilation)
    if isinstance(output_size, Sequence) and len(output_size) != 2:
        raise ArgumentError(f"fold: output_size is {output_size!r}; give an int or a pair (vertical, horizontal)")
    size = pair(output_size, "output_size", "fold")
    oh, ow = window.output(size, "fold")
    taps = window.kernel[0] * window.kernel[1]
    if x.ndim != 3 or x.shape[1] % taps or x.shape[2] != oh * ow:
        raise ShapeError(
            f"fold: x has shape {input.shape}; for images of {size} and windows of {window.kernel} give (N, C*{taps}, "
            f"{oh}*{ow}={oh * ow})"
        )
    y = Fold(window, size)(x)
    return reshape(y, y.shape[1:]) if single else y


def im2col(
    x: Value, kernel_size: Size, stride: Size = 1, padding: Size = 0
) -> Value:
    """Return each window of (N, C, H, W) as a row: (N*OH*OW, C*KH*KW), so that a convolution is one matrix product.

    With rows ``c = im2col(x, K)``: ``conv2d(x, w) = (c @ w.reshape(OC, -1).T + b)`` in the order (N, OH, OW, OC);
    the gradients are ``gw = g.T @ c`` and ``gx = col2im(g @ w)`` (Chellapilla, Puri and Simard 2006).
    """
    columns = unfold(x, kernel_size, 1, padding, stride)
    return reshape(permute(columns, 0, 2, 1), (-1, columns.shape[1]))


def col2im(
    rows: Value,
    x_shape: Sequence[int],
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
) -> Value:
    """Add rows (N*OH*OW, C*KH*KW) back to images of ``x_shape``: the adjoint of `im2col` (not its inverse: overlaps
    add up).
    """
    n = x_shape[0]
    columns = permute(reshape(rows, (n, -1, rows.shape[1])), 0, 2, 1)
    return fold(columns, tuple(x_shape[2:]), kernel_size, 1, padding, stride)
