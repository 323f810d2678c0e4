"""Cases of convolution's three maps and of the windows as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import conv as family
from tinygrad_cv.ops.geometry import Window
from tinygrad_cv.ops.windows import Fold, Unfold
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray


class Geometry:
    """A window on a small image; the loops below are the definition of the trilinear form S(x, w, t)."""

    def __init__(self, d: Draw) -> None:
        self.groups = d.choice([1, 1, 2])
        self.n = d.size(2)
        self.per_group, self.filters_per_group = d.integer(1, 2), d.integer(1, 2)
        self.c, self.oc = self.groups * self.per_group, self.groups * self.filters_per_group
        kernel = (d.integer(1, 3), d.integer(1, 2))
        stride, dilation = (d.integer(1, 2), d.integer(1, 2)), (d.choice([1, 1, 2]), d.choice([1, 1, 2]))
        padding = (d.integer(0, 1), d.integer(0, 1), d.integer(0, 1), d.integer(0, 1))
        self.window = Window(kernel, stride, padding, dilation)
        extent = self.window.extent()
        self.size = (extent[0] + d.integer(0, 2), extent[1] + d.integer(0, 2))
        self.out = self.window.output(self.size, "conv2d")
        self.x_shape = (self.n, self.c, *self.size)
        self.w_shape = (self.oc, self.per_group, *kernel)
        self.t_shape = (self.n, self.oc, *self.out)

    def op(self, kind: Any) -> Any:
        return kind(self.window, self.groups, self.size)

    def touching(self) -> Any:
        """All (place in x, place in w, place in t) whose product the form adds up."""
        (kh, kw), (sh, sw), (dh, dw) = self.window.kernel, self.window.stride, self.window.dilation
        top, _, left, _ = self.window.padding
        for n, o, i, j in np.ndindex(self.t_shape):
            group = o // self.filters_per_group
            for c, p, q in np.ndindex((self.per_group, kh, kw)):
                row, column = i * sh + p * dh - top, j * sw + q * dw - left
                if 0 <= row < self.size[0] and 0 <= column < self.size[1]:
                    yield (n, group * self.per_group + c, row, column), (o, c, p, q), (n, o, i, j)


def conv2d(d: Draw) -> Sample:
    g = Geometry(d)
    bias = d.array((g.oc,)) if d.flag() else None

    def truth(x: Array, w: Array, b: Array | None) -> Array:
        y = np.zeros(g.t_shape) + (0 if b is None else b.reshape(-1, 1, 1))
        for at_x, at_w, at_t in g.touching():
            y[at_t] += x[at_x] * w[at_w]
        return y

    return Sample(g.op(family.Conv2d), (d.array(g.x_shape), d.array(g.w_shape), bias), truth)


def conv2d_grad_x(d: Draw) -> Sample:
    g = Geometry(d)

    def truth(t: Array, w: Array) -> Array:
        y = np.zeros(g.x_shape)
        for at_x, at_w, at_t in g.touching():
            y[at_x] += t[at_t] * w[at_w]
        return y

    return Sample(g.op(family.Conv2dGradX), (d.array(g.t_shape), d.array(g.w_shape)), truth)


def conv2d_grad_w(d: Draw) -> Sample:
    g = Geometry(d)

    def truth(x: Array, t: Array) -> Array:
        y = np.zeros(g.w_shape)
        for at_x, at_w, at_t in g.touching():
            y[at_w] += x[at_x] * t[at_t]
        return y

    return Sample(g.op(family.Conv2dGradW), (d.array(g.x_shape), d.array(g.t_shape)), truth)


def windows(g: Geometry) -> Any:
    """All (place in the image, place in the columns)."""
    (kh, kw), (sh, sw), (dh, dw) = g.window.kernel, g.window.stride, g.window.dilation
    top, _, left, _ = g.window.padding
    for n, c, p, q, i, j in np.ndindex((g.n, g.c, kh, kw, *g.out)):
        row, column = i * sh + p * dh - top, j * sw + q * dw - left
        if 0 <= row < g.size[0] and 0 <= column < g.size[1]:
            yield (n, c, row, column), (n, (c * kh + p) * kw + q, i * g.out[1] + j)


def columns_shape(g: Geometry) -> tuple[int, int, int]:
    return (g.n, g.c * g.window.kernel[0] * g.window.kernel[1], g.out[0] * g.out[1])


def unfold(d: Draw) -> Sample:
    g = Geometry(d)

    def truth(x: Array) -> Array:
        y = np.zeros(columns_shape(g))
        for at_x, at_y in windows(g):
            y[at_y] = x[at_x]
        return y

    return Sample(Unfold(g.window, g.size), (d.array(g.x_shape),), truth)


def fold(d: Draw) -> Sample:
    g = Geometry(d)

    def truth(x: Array) -> Array:
        y = np.zeros(g.x_shape)
        for at_y, at_x in windows(g):
            y[at_y] += x[at_x]
        return y

    return Sample(Fold(g.window, g.size), (d.array(columns_shape(g)),), truth)


X, W = np.zeros((2, 3, 8, 8)), np.zeros((8, 4, 3, 3))

CASES = [
    Case(
        family.Conv2d,
        conv2d,
        linear=("x", "w", "b"),
        order=3,
        kernel=True,
        errors=[
            (
                lambda: ops.conv2d(X, W),
                "conv2d: x has 3 channels (2, 3, 8, 8) but w expects 4 (8, 4, 3, 3); give w the shape (8, 3, 3, 3)",
            ),
            (lambda: ops.conv2d(X, W[:, :3], np.zeros(3)), "bias has shape (3,) for 8 filters"),
            (lambda: ops.conv2d(X[:, :, :2], W[:, :3]), "a window of 3"),
            (lambda: ops.conv2d(X, W[:, :3], stride=0), "stride is 0"),
            (lambda: ops.conv2d(X, W[:, :3], padding=-1), "padding is -1"),
            (lambda: ops.conv2d(X, W[:, :3], padding="some"), "padding is 'some'"),
            (lambda: ops.conv2d(X, W[:, :1], groups=3), "give a divisor of 8"),
            (lambda: ops.conv2d(X.astype(np.float32), W[:, :3]), "x has dtype float32"),
            (lambda: ops.conv2d(X[0, 0], W), "expected 4 (N, C, H, W)"),
        ],
    ),
    Case(
        family.Conv2dGradX,
        conv2d_grad_x,
        linear=("t", "w"),
        order=3,
        kernel=True,
        errors=[
            (lambda: ops.conv_transpose2d(X, W), "give w the shape (3, 4, 3, 3)"),
            (lambda: ops.conv_transpose2d(X, W[:3], output_padding=1), "must be smaller than stride"),
        ],
    ),
    Case(family.Conv2dGradW, conv2d_grad_w, linear=("x", "t"), order=3, kernel=True),
    Case(Unfold, unfold, linear=("x",), errors=[(lambda: ops.unfold(X[0, 0], 2), "expected (N, C, H, W)")]),
    Case(Fold, fold, linear=("x",), errors=[(lambda: ops.fold(X[0], (8, 8), 3), "give (N, C*9, 6*6=36)")]),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
