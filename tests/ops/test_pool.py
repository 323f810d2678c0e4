"""Cases of pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import pool as family
from tinygrad_cv.ops.geometry import Window
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray
Pair = tuple[int, int]


class Geometry:
    """Windows on a small image, each as the list of pixels that it holds."""

    def __init__(self, d: Draw, dilated: bool = True) -> None:
        kernel = (d.integer(1, 3), d.integer(1, 3))
        top, left = d.integer(0, kernel[0] // 2), d.integer(0, kernel[1] // 2)
        dilation = (d.choice([1, 1, 2]), d.choice([1, 1, 2])) if dilated else (1, 1)
        self.window = Window(kernel, (d.integer(1, 3), d.integer(1, 2)), (top, top, left, left), dilation, d.flag())
        extent = self.window.extent()
        self.size: Pair = (extent[0] + d.integer(0, 2), extent[1] + d.integer(0, 2))
        self.out = self.window.output(self.size, "pool")
        self.x_shape = (d.size(2), d.integer(1, 2), *self.size)
        self.y_shape = (*self.x_shape[:2], *self.out)

    def pixels(self, i: int, j: int) -> list[Pair]:
        (kh, kw), (sh, sw), (dh, dw) = self.window.kernel, self.window.stride, self.window.dilation
        top, _, left, _ = self.window.padding
        spots = [(i * sh + p * dh - top, j * sw + q * dw - left) for p in range(kh) for q in range(kw)]
        return [(r, c) for r, c in spots if 0 <= r < self.size[0] and 0 <= c < self.size[1]]

    def counted(self, i: int, j: int) -> int:
        """How many pixels the window holds, the padding's included."""
        (kh, kw), (sh, sw) = self.window.kernel, self.window.stride
        top, bottom, left, right = self.window.padding
        rows = min(i * sh - top + kh, self.size[0] + bottom) - (i * sh - top)
        columns = min(j * sw - left + kw, self.size[1] + right) - (j * sw - left)
        return rows * columns


class Parts:
    """Nearly equal parts of a small image, as adaptive pooling cuts it."""

    def __init__(self, d: Draw) -> None:
        self.size: Pair = (d.integer(1, 5), d.integer(1, 4))
        self.out: Pair = (d.integer(1, 4), d.integer(1, 3))
        self.x_shape = (d.size(2), d.integer(1, 2), *self.size)
        self.y_shape = (*self.x_shape[:2], *self.out)

    def pixels(self, i: int, j: int) -> list[Pair]:
        spans = [range(k * n // parts, -(-(k + 1) * n // parts)) for k, n, parts in zip((i, j), self.size, self.out)]
        return [(r, c) for r in spans[0] for c in spans[1]]


def winners(g: Any, x: Array) -> tuple[Array, Array]:
    y, index = np.empty(g.y_shape), np.empty(g.y_shape, np.int64)
    for at in np.ndindex(g.y_shape):
        n, c, i, j = at
        row, column = max(g.pixels(i, j), key=lambda p: x[n, c, p[0], p[1]])
        y[at], index[at] = x[n, c, row, column], row * g.size[1] + column
    return y, index


def max_pool(d: Draw) -> Sample:
    g = Geometry(d)
    return Sample(family.MaxPool2d(g.window, g.size), (d.distinct(g.x_shape),), lambda x: winners(g, x))


def max_pool_with_ties(d: Draw) -> Sample:
    sample = max_pool(d)
    return Sample(sample.call, (np.round(sample.args[0]),), sample.truth)


def adaptive_max_pool(d: Draw) -> Sample:
    g = Parts(d)
    return Sample(family.AdaptiveMaxPool2d(g.out, g.size), (d.distinct(g.x_shape),), lambda x: winners(g, x))


def chosen(d: Draw) -> tuple[Any, Any, Array]:
    """Geometry, the window to hand over, and the winners of some image."""
    g: Any = Geometry(d) if d.flag() else Parts(d)
    return g, getattr(g, "window", None), winners(g, d.distinct(g.x_shape))[1]


def spread(d: Draw) -> Sample:
    g, window, index = chosen(d)

    def truth(t: Array, at: Array) -> Array:
        y = np.zeros((*g.x_shape[:2], g.size[0] * g.size[1]))
        for n, c, i, j in np.ndindex(g.y_shape):
            y[n, c, at[n, c, i, j]] += t[n, c, i, j]
        return y.reshape(g.x_shape)

    return Sample(family.MaxPoolSpread(window, g.size), (d.array(g.y_shape), index), truth)


def pick(d: Draw) -> Sample:
    g, window, index = chosen(d)

    def truth(x: Array, at: Array) -> Array:
        y = np.empty(g.y_shape)
        for n, c, i, j in np.ndindex(g.y_shape):
            y[n, c, i, j] = x[n, c, at[n, c, i, j] // g.size[1], at[n, c, i, j] % g.size[1]]
        return y

    return Sample(family.MaxPoolPick(window, g.size), (d.array(g.x_shape), index), truth)


def weights(g: Any, include: bool = True, divisor: int | None = None) -> Array:
    """A[i, j, r, c], the weight of pixel (r, c) in the mean of window (i, j)."""
    a = np.zeros((*g.out, *g.size))
    for i, j in np.ndindex(g.out):
        pixels = g.pixels(i, j)
        count = divisor or (g.counted(i, j) if include and hasattr(g, "counted") else len(pixels))
        for r, c in pixels:
            a[i, j, r, c] = 1 / count
    return a


def average(kind: Any, adaptive: bool) -> Any:
    def draw(d: Draw) -> Sample:
        if adaptive:
            g: Any = Parts(d)
            op, a = kind(g.out, g.size), weights(g)
        else:
            g = Geometry(d, dilated=False)
            include, divisor = d.flag(), d.choice([None, None, 3])
            op, a = kind(g.window, g.size, include, divisor), weights(g, include, divisor)
        if "Spread" in kind.__name__:
            return Sample(op, (d.array(g.y_shape),), lambda t: np.einsum("ijrc,nkij->nkrc", a, t))
        return Sample(op, (d.array(g.x_shape),), lambda x: np.einsum("ijrc,nkrc->nkij", a, x))

    return draw


X = np.zeros((2, 3, 5, 5))

CASES = [
    Case(
        family.MaxPool2d,
        max_pool,
        kinks=max_pool_with_ties,
        order=3,
        kernel=True,
        errors=[
            (lambda: ops.max_pool2d(X, 2, padding=2), "more than half of the kernel 2"),
            (lambda: ops.max_pool2d(X, 6), "a window of 6"),
            (lambda: ops.max_pool2d(X > 0, 2), "expected floating point"),
            (lambda: ops.max_pool2d(X[0, 0], 2), "expected 4 (N, C, H, W)"),
            (lambda: ops.max_pool2d(X[:, :0], 2), "only the batch may be empty"),
        ],
    ),
    Case(family.AdaptiveMaxPool2d, adaptive_max_pool, kernel=True),
    Case(family.MaxPoolSpread, spread, linear=("t",), kernel=True),
    Case(family.MaxPoolPick, pick, linear=("x",), kernel=True),
    Case(
        family.AvgPool2d,
        average(family.AvgPool2d, False),
        linear=("x",),
        order=3,
        kernel=True,
        errors=[(lambda: ops.avg_pool2d(X, 2, divisor_override=0), "divisor_override is 0")],
    ),
    Case(family.AvgPoolSpread, average(family.AvgPoolSpread, False), linear=("t",), kernel=True),
    Case(
        family.AdaptiveAvgPool2d,
        average(family.AdaptiveAvgPool2d, True),
        linear=("x",),
        kernel=True,
        errors=[(lambda: ops.adaptive_avg_pool2d(X, -1), "output_size is")],
    ),
    Case(family.AdaptiveAvgPoolSpread, average(family.AdaptiveAvgPoolSpread, True), linear=("t",), kernel=True),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
