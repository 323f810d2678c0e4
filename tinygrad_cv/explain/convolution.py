"""How a convolution is computed: the algorithm, the loops with their real sizes, the work, the error and the time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.ops.geometry import Pair, Window
from tinygrad_cv.ops.kernels import cost, jit


class ConvPlan(NamedTuple):
    """What `explain_conv` prints.

    Attributes
    ----------
    shapes : of x, w and y.
    algorithm : "direct", "winograd" or "im2col".
    variant : (m, r) of F(m x m, r x r) where the algorithm is "winograd", else None.
    multiply_adds : of the definition; ``products`` are those that the algorithm takes.
    bytes : of x, w and y.
    error : expected difference from float64, relative to the largest value of y.
    estimates : seconds by the cost model, for each algorithm that applies.
    measured : seconds of the fastest of five runs, or None.
    loops : the loop nest, one line each.
    """

    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    algorithm: str
    variant: Pair | None
    multiply_adds: int
    products: int
    bytes: tuple[int, int, int]
    error: float
    estimates: dict[str, float]
    measured: float | None
    loops: list[str]

    def __str__(self) -> str:
        name = self.algorithm + (" F({0}x{0}, {1}x{1})".format(*self.variant) if self.variant else "")
        others = [f"{k} {v * 1e3:.3g} ms" for k, v in self.estimates.items() if k != self.algorithm]
        lines = [
            "conv2d          x {}, w {} -> y {}".format(*self.shapes),
            f"algorithm       {name}",
            f"multiply-adds   {self.multiply_adds:,}; {self.products:,} in the products of the algorithm",
            "bytes           x {:,}, w {:,}, y {:,}".format(*self.bytes)
            + f"; {self.multiply_adds / sum(self.bytes):.3g} multiply-adds for each",
            f"expected error  {self.error:.0e} of the largest value of y",
            f"estimated time  {self.estimates[self.algorithm] * 1e3:.3g} ms with {kernels.get_num_threads()} threads"
            + (f" ({', '.join(others)})" if others else ""),
        ]
        if self.measured is not None:
            lines.append(f"measured time   {self.measured * 1e3:.3g} ms")
        return "\n".join([*lines, "loops", *("    " + line for line in self.loops)])


def conv_plan(
    x_shape: Sequence[int],
    w_shape: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    dtype: str = "float32",
    algorithm: str = "auto",
    measure: bool = False,
) -> ConvPlan:
    """Return how `conv2d` would treat such arrays; nothing is computed, unless to ``measure`` the time.

    Parameters
    ----------
    x_shape, w_shape : (N, C, H, W) and (OC, C/groups, KH, KW).
    stride, padding, dilation, groups : as in `conv2d`.
    algorithm : "auto", "direct", "winograd" or "im2col"; "auto" is what `ops.kernels.set_algorithm` chose.

    Raises
    ------
    ShapeError, ArgumentError
        The sizes do not fit, or the algorithm is unknown.
    """
    if len(x_shape) != 4 or len(w_shape) != 4:
        raise ShapeError(f"explain_conv: x {tuple(x_shape)} and w {tuple(w_shape)}; give (N, C, H, W), (OC, C, KH, KW)")
    (N, C, H, W), (OC, CG, KH, KW) = x_shape, w_shape
    if groups < 1 or CG * groups != C or OC % groups:
        raise ShapeError(
            f"explain_conv: x has {C} channels and w {tuple(w_shape)} with groups={groups} expects {CG * groups}, in "
            f"equal parts of {OC} filters; give w the shape (OC, {C // max(1, groups)}, KH, KW)"
        )
    if algorithm not in kernels.ALGORITHMS:
        raise ArgumentError(f"explain_conv: algorithm {algorithm!r}; give one of {', '.join(kernels.ALGORITHMS)}")
    window = Window.read("explain_conv", (KH, KW), stride, padding, dilation)
    out = window.output((H, W), "explain_conv")
    shape = kernels.Geometry(N, C, OC, out, (KH, KW), window.stride, window.dilation, groups, dtype)
    chosen = kernels.forward_algorithm(shape, algorithm)
    variant = cost.winograd_variant(shape) if chosen == "winograd" else None
    size = np.dtype(dtype).itemsize
    work = N * out[0] * out[1] * OC * CG * KH * KW
    products = work
    if variant:
        products = cost.winograd_products(shape, variant) * C * OC
    bytes_ = (size * N * C * H * W, size * OC * CG * KH * KW, size * N * OC * out[0] * out[1])
    threads = kernels.get_num_threads()
    measured = _measured(shape, (H, W), window, algorithm) if measure else None
    return ConvPlan(
        (tuple(x_shape), tuple(w_shape), (N, OC, *out)), chosen, variant, work, products, bytes_,
        cost.expected_error(shape, chosen), cost.seconds(shape, sum(bytes_), threads),
        measured, _loops(shape, (H, W), window, chosen, threads),
    )  # fmt: skip


def explain_conv(
    x_shape: Sequence[int],
    w_shape: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    dtype: str = "float32",
    algorithm: str = "auto",
    measure: bool = False,
) -> None:
    """Print how `conv2d` treats such arrays: the text of `conv_plan`, which tells the parameters.

    Examples
    --------
    >>> explain_conv((8, 3, 32, 32), (16, 3, 5, 5), padding=2)  # doctest: +ELLIPSIS
    conv2d          x (8, 3, 32, 32), w (16, 3, 5, 5) -> y (8, 16, 32, 32)
    algorithm       direct
    multiply-adds   9,830,400; 9,830,400 in the products of the algorithm
    ...
    """
    print(conv_plan(x_shape, w_shape, stride, padding, dilation, groups, dtype, algorithm, measure))


def _measured(shape: kernels.Geometry, size: Pair, window: Window, algorithm: str) -> float:
    """Seconds of the fastest of five runs, after one that may compile."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((shape.N, *size, shape.C)).astype(shape.dtype)
    w = rng.standard_normal((*shape.kernel, shape.C // shape.groups, shape.OC)).astype(shape.dtype)
    settings = (window.stride, window.padding, window.dilation, shape.groups)
    best = np.inf
    for run in range(6):
        start = time.perf_counter()
        kernels.conv2d(x, w.transpose(3, 2, 0, 1), *settings, algorithm=algorithm)
        best = min(best, time.perf_counter() - start) if run else np.inf
    return float(best)


def _loops(shape: kernels.Geometry, size: Pair, window: Window, chosen: str, threads: int) -> list[str]:
    N, C, OC, out, kernel, stride, dilation, groups, _ = shape
    if chosen == "im2col" or not jit.available():
        rows, K = N * out[0] * out[1], kernel[0] * kernel[1] * C // groups
        return [f"for group of {groups}:", f"    y ({rows} x {OC // groups}) = windows ({rows} x {K}) @ w ({K} x ...)"]
    from tinygrad_cv.ops.kernels import depthwise, micro, plans, small_window, stream, winograd_cut, winograd_plans
    from tinygrad_cv.ops.kernels.window_lines import KINDS

    lanes = micro.WIDTH // 2
    tile = f"in registers {micro.ROWS} rows x {micro.WIDTH} columns at a time"
    if chosen == "winograd":
        variant = cost.winograd_variant(shape) or winograd_cut.Variant(0, 0)
        plan = winograd_plans.forward(variant, N, *size, C, OC, out, window.padding[0], window.padding[2], threads)
        p, e, smaller = plan.tiles, variant.points**2, len(plan.rows) - plan.tiles.block
        tiles = f"{p.block} tiles" + (f" and {smaller} smaller ones" if smaller else "")
        high = f"{p.block}" + (f" to {p.block + smaller}" if smaller else "")
        V, U = (f", {'once for all tasks' if step else 'in each task'}" for step in (p.v_step, p.u_step))
        return [
            f"for task of {p.blocks * p.groups} ({p.blocks} blocks of {tiles}, {p.groups} groups of {p.group} "
            f"filters), shared by {threads} threads:",
            f"    for chunk of {-(-C // p.chunk)}:",
            f"        V ({e} points x {p.block + smaller} tiles x {p.chunk} channels) = B^T d B{V}",
            f"        for panel of {-(-p.group // micro.WIDTH)}:",
            f"            U ({e} x {p.chunk} x {micro.WIDTH} filters) = G w G^T{U}",
            f"            for point of {e}: M ({high} x {micro.WIDTH}) += V ({high} x {p.chunk}) @ U, {tile}",
            f"    y ({p.m} x {p.m} pixels a tile) = A^T M A + bias",
        ]
    if cost.streams(shape):
        pixels, taps = N * out[0] * out[1], kernel[0] * kernel[1]
        cut = stream.plan(pixels, OC, taps, C, OC)
        return [
            f"for slice of {cut.slices} ({taps} taps x {C} channels in all), shared by {threads} threads:",
            f"    for eight steps, for panel of {-(-OC // micro.WIDTH)}: w (8 x {micro.WIDTH} filters), in registers",
            f"        for pixel of {pixels} whose tap lies in the image: sum += x (8 channels) @ w",
            "y = the slices added up + bias",
        ]
    if groups == C == OC > 1:
        d = depthwise.forward(N, *size, C, kernel, out, stride, window.padding, dilation).grid
        if d.square:
            return [
                f"for line of {N * d.PH}, shared by {threads} threads:",
                f"    for vector of {-(-C // lanes)} ({lanes} channels): w (9 taps), in registers",
                f"        for pixel of {d.PW}: y = sum of x (3 x 3 pixels, in registers) * w",
            ]
        return [
            f"for line of {N * d.PH}, shared by {threads} threads:",
            f"    for eight of {-(-d.PW // 8)} (8 pixels side by side):",
            f"        for vector of {-(-C // lanes)} ({lanes} channels):",
            f"            for tap of {kernel[0] * kernel[1]}: y[8 pixels] += x[8 pixels + tap] * w[tap]",
        ]
    if G := cost.side_by_side(C, OC, groups, lanes):
        return [
            f"for line of {N * out[0]}, shared by {threads} threads:",
            f"    for eight of {-(-out[1] // 8)} (8 pixels side by side):",
            f"        for vector of {-(-C // lanes)} ({lanes} channels, {lanes // G} groups):",
            f"            for tap of {kernel[0] * kernel[1]}, for k of {G}:",
            "                y[8 pixels, o] += x[8 pixels + tap, o ^ k] * u[tap, k, o]",
        ]
    if small_window.fits(C, kernel, dilation, groups):
        gather, _, kind, _ = small_window.plan(N, *size, C, OC, kernel, out, stride, window.padding, dilation)
        band, K, vector = gather.band, kernel[0] * kernel[1] * C, KINDS[len(kind) - 1]
        each, lines = vector.pixels, "line" if vector.together == 1 else f"{vector.together} lines"
        held = f"{lanes // each} filters" + (" of two pixels" if each == 2 else "")
        return [
            f"for task of {band.tasks} ({band.images} images x {band.rows} lines), shared by {threads} threads:",
            f"    for {lines} of {band.images * band.rows}, for vector of {-(-OC * each // lanes)} ({held}):",
            f"        w ({K} vectors), in registers",
            f"        for step of {band.PW // each}: y = bias + sum of x (window of {K} numbers) * w",
        ]
    gathered = plans.forward(N, *size, C, OC, kernel, out, stride, window.padding, dilation, groups)
    band, s = gathered.band, gathered.sizes
    source = "a copy with a border" if s.copied else "x itself"
    return [
        f"for task of {band.tasks} ({band.images} images x {band.rows} rows x {band.PW} pixels, from {source}), "
        f"shared by {threads} threads:",
        f"    for group of {groups}, for panel of {-(-s.OCG // micro.WIDTH)} (up to {micro.WIDTH} filters):",
        f"        for chunk of {s.strokes} ({gathered.strokes[3]} runs of {gathered.strokes[4]} numbers):",
        f"            y ({band.images * band.rows * band.PW} pixels) += x ... w, {tile}",
    ]
