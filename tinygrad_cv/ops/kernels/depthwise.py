"""Depthwise convolution: every channel its own filter, so there is no matrix product, and lanes are channels.

    y[pixel, c] = sum over taps of x[pixel + tap, c] * w[tap, c]

Taps come as in `plans`: tap row k reads row i*SH + rise[k] with the weights of row p[k], tap column l reads column
j*SW + slide[l] with those of column q[l]; backward there is a phase for each pixel of a stride, with taps of its own.

Here is the plan, and the code for any taps: eight pixels go together, so that a weight is loaded once for eight
products. A pixel at the border may be the first or the last of eight: what it misses is zero. Where taps are 3 x 3,
`depthwise_3x3` takes over.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ...typing import Array
from .jit import inline, spread
from .plans import phases
from .simd import LANES, claim, fma, load, load_first, maximum, splat, store, store_first

Pair = tuple[int, int]


class Grid(NamedTuple):
    """A source (N, H, W, C), and the pixels of a destination (N, DH, DW, C) that a launch computes."""

    N: int
    H: int
    W: int
    C: int
    KW: int
    PH: int
    PW: int
    SH: int
    SW: int
    DH: int
    DW: int
    step_h: int
    step_w: int
    first_h: int
    first_w: int
    inner: int
    outer: int
    """Grid columns from inner to outer, but for the first and the last, see the source with all their taps."""
    square: bool
    """3 x 3 taps side by side that reach at most one column beyond either side: see `depthwise_3x3`."""


class Launch(NamedTuple):
    """One launch: its phases' taps one after the other, and ``grids``, of each phase the grid and how many taps it has.

    ``grid`` is the first of them, of which a map without strides has no other.
    """

    grid: Grid
    rise: Array
    slide: Array
    p: Array
    q: Array
    grids: Array


@inline
def get(x: Array, i: int, n: int, whole: bool) -> Any:
    return load(x, i) if whole else load_first(x, i, n)


@inline
def put(y: Array, i: int, v: Any, n: int, whole: bool) -> None:
    if whole:
        store(y, i, v)
    else:
        store_first(y, i, v, n)


@inline
def _pixels(
    x: Array, w: Array, bias: Array, y: Array, rise: Array, slide: Array, p: Array, q: Array, d: Grid, lowest: Any,
    line: int, j: int, eight: bool, c: int, whole: bool,
) -> None:  # fmt: skip
    """One pixel or eight of a line, LANES channels from c, or the ``d.C - c`` that are left."""
    n, i = line // d.PH, line % d.PH
    rest, here, there = d.C - c, d.SW * d.C, d.step_w * d.C
    a0 = load(bias, c)
    a1, a2, a3, a4, a5, a6, a7 = a0, a0, a0, a0, a0, a0, a0
    for k in range(rise.size):
        h = i * d.SH + rise[k]
        if h < 0 or h >= d.H:
            continue
        for m in range(slide.size):
            v = j * d.SW + slide[m]
            s, tap = ((n * d.H + h) * d.W + v) * d.C + c, (p[k] * d.KW + q[m]) * d.C + c
            if eight:
                weight = get(w, tap, rest, whole)
                if v >= 0:
                    a0 = fma(get(x, s, rest, whole), weight, a0)
                a1 = fma(get(x, s + here, rest, whole), weight, a1)
                a2 = fma(get(x, s + 2 * here, rest, whole), weight, a2)
                a3 = fma(get(x, s + 3 * here, rest, whole), weight, a3)
                a4 = fma(get(x, s + 4 * here, rest, whole), weight, a4)
                a5 = fma(get(x, s + 5 * here, rest, whole), weight, a5)
                a6 = fma(get(x, s + 6 * here, rest, whole), weight, a6)
                if v + 7 * d.SW < d.W:
                    a7 = fma(get(x, s + 7 * here, rest, whole), weight, a7)
            elif v >= 0 and v < d.W:
                a0 = fma(get(x, s, rest, whole), get(w, tap, rest, whole), a0)
    to = (((n * d.DH + d.first_h + i * d.step_h) * d.DW) + d.first_w + j * d.step_w) * d.C + c
    put(y, to, maximum(a0, lowest), rest, whole)
    if eight:
        soon = to + d.step_h * d.DW * d.C
        claim(y, soon)
        claim(y, soon + there)
        claim(y, soon + 2 * there)
        claim(y, soon + 3 * there)
        claim(y, soon + 4 * there)
        claim(y, soon + 5 * there)
        claim(y, soon + 6 * there)
        claim(y, soon + 7 * there)
        put(y, to + there, maximum(a1, lowest), rest, whole)
        put(y, to + 2 * there, maximum(a2, lowest), rest, whole)
        put(y, to + 3 * there, maximum(a3, lowest), rest, whole)
        put(y, to + 4 * there, maximum(a4, lowest), rest, whole)
        put(y, to + 5 * there, maximum(a5, lowest), rest, whole)
        put(y, to + 6 * there, maximum(a6, lowest), rest, whole)
        put(y, to + 7 * there, maximum(a7, lowest), rest, whole)


@inline
def _line(
    x: Array, w: Array, bias: Array, y: Array, rise: Array, slide: Array, p: Array, q: Array, d: Grid, lowest: Any,
    line: int,
) -> None:  # fmt: skip
    full, j = d.C - d.C % LANES, 0
    while j < d.PW:
        eight = j >= d.inner and j < d.outer and d.outer - d.inner >= 8
        if eight:
            j = min(j, d.outer - 8)  # the last eight may overlap the ones before
            for c in range(0, full, LANES):
                _pixels(x, w, bias, y, rise, slide, p, q, d, lowest, line, j, True, c, True)
            if full < d.C:
                _pixels(x, w, bias, y, rise, slide, p, q, d, lowest, line, j, True, full, False)
        else:
            for c in range(0, full, LANES):
                _pixels(x, w, bias, y, rise, slide, p, q, d, lowest, line, j, False, c, True)
            if full < d.C:
                _pixels(x, w, bias, y, rise, slide, p, q, d, lowest, line, j, False, full, False)
        j += 8 if eight else 1


@spread
def convolve(
    worker: int, workers: int, x: Array, w: Array, bias: Array, y: Array, rise: Array, slide: Array, p: Array,
    q: Array, grids: Array, floor: Any,
) -> None:  # fmt: skip
    """Run all phases of a map, line by line; w is (KH, KW, C), and results below ``floor`` become it.

    Phases share the lines of y: where each went over all of it by itself, the gradient of 8x96x112x112 by 3x3/2, 38 MB
    of which a phase writes every second pixel of every second line, took 5.7 ms. Together they take 4.2, and 2.6 where
    each pixel asks for the one below.
    """
    lowest, lines, images = splat(floor), 0, grids[0, 0]
    for f in range(len(grids)):
        lines = max(lines, grids[f, 5])
    for line in range(worker * images * lines // workers, (worker + 1) * images * lines // workers):
        n, i = line // lines, line % lines
        at, across = 0, 0
        for f in range(len(grids)):
            d = Grid(
                grids[f, 0], grids[f, 1], grids[f, 2], grids[f, 3], grids[f, 4], grids[f, 5], grids[f, 6], grids[f, 7],
                grids[f, 8], grids[f, 9], grids[f, 10], grids[f, 11], grids[f, 12], grids[f, 13], grids[f, 14],
                grids[f, 15], grids[f, 16], grids[f, 17] == 1,
            )  # fmt: skip
            down, over = grids[f, 18], grids[f, 19]
            if i < d.PH:
                _line(
                    x, w, bias, y, rise[at : at + down], slide[across : across + over], p[at : at + down],
                    q[across : across + over], d, lowest, n * d.PH + i,
                )  # fmt: skip
            at, across = at + down, across + over


@inline
def _tap_sums(
    x: Array, g: Array, out: Array, rise: Array, slide: Array, d: Grid, line: int, to: int, c: int, whole: bool
) -> None:
    """Add one line's products to out[to + tap*C], LANES channels from c, or the ``d.C - c`` that are left."""
    n, i = line // d.PH, line % d.PH
    rest, step = d.C - c, d.SW * d.C
    from_g = line * d.PW * d.C + c
    zero = splat(np.float32(0))
    for k in range(rise.size):
        h = i * d.SH + rise[k]
        if h < 0 or h >= d.H:
            continue
        for m in range(slide.size):
            first = max(0, -(slide[m] // d.SW))
            last = min(d.PW, (d.W - 1 - slide[m]) // d.SW + 1)
            at = ((n * d.H + h) * d.W + slide[m]) * d.C + c
            a0, a1, a2, a3 = zero, zero, zero, zero
            j = first
            while j + 4 <= last:
                s, t = at + j * step, from_g + j * d.C
                a0 = fma(get(x, s, rest, whole), get(g, t, rest, whole), a0)
                a1 = fma(get(x, s + step, rest, whole), get(g, t + d.C, rest, whole), a1)
                a2 = fma(get(x, s + 2 * step, rest, whole), get(g, t + 2 * d.C, rest, whole), a2)
                a3 = fma(get(x, s + 3 * step, rest, whole), get(g, t + 3 * d.C, rest, whole), a3)
                j += 4
            while j < last:
                a0 = fma(get(x, at + j * step, rest, whole), get(g, from_g + j * d.C, rest, whole), a0)
                j += 1
            o = to + (k * slide.size + m) * d.C
            put(out, o, get(out, o, rest, whole) + ((a0 + a1) + (a2 + a3)), rest, whole)


@spread
def weight_sums(
    worker: int, workers: int, x: Array, g: Array, out: Array, rise: Array, slide: Array, d: Grid, slices: int
) -> None:
    """out[slice, tap, c] = sum over the slice's pixels of x[pixel + tap, c] * g[pixel, c]; out starts at zero."""
    lines = d.N * d.PH
    for part in range(worker * slices // workers, (worker + 1) * slices // workers):
        for line in range(part * lines // slices, (part + 1) * lines // slices):
            for c in range(0, d.C, LANES):
                to = part * rise.size * slide.size * d.C + c
                if d.C - c >= LANES:
                    _tap_sums(x, g, out, rise, slide, d, line, to, c, True)
                else:
                    _tap_sums(x, g, out, rise, slide, d, line, to, c, False)


def _launch(
    N: int, H: int, W: int, C: int, KW: int, grid: Pair, stride: Pair, image: Pair, step: Pair, first: Pair,
    rise: dict[int, int], slide: dict[int, int],
) -> Launch:  # fmt: skip
    rise, slide = (dict(sorted(taps.items(), key=lambda item: item[1])) for taps in (rise, slide))
    left, right, top, bottom = min(slide.values()), max(slide.values()), min(rise.values()), max(rise.values())
    inner = max(0, -(left // stride[1]) - 1)
    outer = min(grid[1], (W - 1 - right) // stride[1] + 2)
    square = len(rise) == len(slide) == 3 == bottom - top + 1 == right - left + 1
    square = square and step == (1, 1) and left >= -1 and (grid[1] - 1) * stride[1] + right <= W
    down, across, p, q = (
        np.array(list(v), np.int64) for v in (rise.values(), slide.values(), rise.keys(), slide.keys())
    )
    whole = Grid(N, H, W, C, KW, *grid, *stride, *image, *step, *first, inner, outer, square)
    return Launch(whole, down, across, p, q, np.array([[*whole, len(rise), len(slide)]], np.int64))


@lru_cache(maxsize=1024)
def forward(
    N: int, H: int, W: int, C: int, kernel: Pair, out: Pair, stride: Pair, padding: tuple[int, ...], dilation: Pair
) -> Launch:
    """Plan y = conv2d(x, w), groups = channels."""
    rise = {p: p * dilation[0] - padding[0] for p in range(kernel[0])}
    slide = {q: q * dilation[1] - padding[2] for q in range(kernel[1])}
    return _launch(N, H, W, C, kernel[1], out, stride, out, (1, 1), (0, 0), rise, slide)


@lru_cache(maxsize=1024)
def backward(
    N: int, H: int, W: int, C: int, kernel: Pair, out: Pair, stride: Pair, padding: tuple[int, ...], dilation: Pair
) -> tuple[list[Launch], bool]:
    """Plan gx from g: one launch for each phase that has taps, and whether they leave pixels untouched."""
    launches = [
        _launch(N, *out, C, kernel[1], phase.grid, (1, 1), (H, W), stride, phase.first, phase.rise, phase.slide)
        for phase in phases((H, W), kernel, stride, padding, dilation)
    ]
    return launches, len(launches) < min(stride[0], H) * min(stride[1], W)


@lru_cache(maxsize=1024)
def backward_at_once(*geometry: Any) -> tuple[list[Launch], bool]:
    """Plan gx from g as `backward` does, all phases in one launch; in none where no pixel is seen."""
    launches, gaps = backward(*geometry)
    if not launches:
        return [], gaps
    parts = [np.concatenate(tables) for tables in zip(*(launch[1:] for launch in launches), strict=True)]
    rise, slide, p, q, grids = parts
    return [Launch(launches[0].grid, rise, slide, p, q, grids)], gaps
