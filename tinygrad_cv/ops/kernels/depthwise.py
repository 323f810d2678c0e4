"""Depthwise convolution: every channel its own filter, so there is no matrix product, and lanes are channels.

    y[pixel, c] = sum over taps of x[pixel + tap, c] * w[tap, c]

Eight pixels go together, so that a weight is loaded once for eight products. Taps come as in `plans`: tap row k reads
row i*SH + rise[k] with the weights of row p[k], tap column l reads column j*SW + slide[l] with those of column q[l];
forward there is one launch, backward one for each phase of the stride.

Where three taps stand side by side, eight pixels share ten loads. A pixel at the border may be the first or the last of
eight: what it misses is zero. The whole is bound by memory: a 3x3 layer reads and writes 8 bytes for 9 multiply-adds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ...typing import Array
from .jit import inline, spread
from .plans import phases
from .simd import LANES, fma, load, load_first, maximum, splat, store, store_first

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
    near: bool
    """Three taps side by side, and neighbours in the grid are neighbours in the source."""


class Launch(NamedTuple):
    """One launch: its grid, and the taps."""

    grid: Grid
    rise: Array
    slide: Array
    p: Array
    q: Array


@inline
def _get(x: Array, i: int, n: int, whole: bool) -> Any:
    return load(x, i) if whole else load_first(x, i, n)


@inline
def _put(y: Array, i: int, v: Any, n: int, whole: bool) -> None:
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
    zero = splat(np.float32(0))
    for k in range(rise.size):
        h = i * d.SH + rise[k]
        if h < 0 or h >= d.H:
            continue
        if eight and d.near:
            v = j + slide[0]
            s, tap = ((n * d.H + h) * d.W + v) * d.C + c, (p[k] * d.KW + q[0]) * d.C + c
            x0 = _get(x, s, rest, whole) if v >= 0 else zero
            x1, x2 = _get(x, s + here, rest, whole), _get(x, s + 2 * here, rest, whole)
            x3, x4 = _get(x, s + 3 * here, rest, whole), _get(x, s + 4 * here, rest, whole)
            x5, x6 = _get(x, s + 5 * here, rest, whole), _get(x, s + 6 * here, rest, whole)
            x7, x8 = _get(x, s + 7 * here, rest, whole), _get(x, s + 8 * here, rest, whole)
            x9 = _get(x, s + 9 * here, rest, whole) if v + 9 < d.W else zero
            weight = _get(w, tap, rest, whole)
            a0, a1, a2, a3 = fma(x0, weight, a0), fma(x1, weight, a1), fma(x2, weight, a2), fma(x3, weight, a3)
            a4, a5, a6, a7 = fma(x4, weight, a4), fma(x5, weight, a5), fma(x6, weight, a6), fma(x7, weight, a7)
            weight = _get(w, (p[k] * d.KW + q[1]) * d.C + c, rest, whole)
            a0, a1, a2, a3 = fma(x1, weight, a0), fma(x2, weight, a1), fma(x3, weight, a2), fma(x4, weight, a3)
            a4, a5, a6, a7 = fma(x5, weight, a4), fma(x6, weight, a5), fma(x7, weight, a6), fma(x8, weight, a7)
            weight = _get(w, (p[k] * d.KW + q[2]) * d.C + c, rest, whole)
            a0, a1, a2, a3 = fma(x2, weight, a0), fma(x3, weight, a1), fma(x4, weight, a2), fma(x5, weight, a3)
            a4, a5, a6, a7 = fma(x6, weight, a4), fma(x7, weight, a5), fma(x8, weight, a6), fma(x9, weight, a7)
            continue
        for m in range(slide.size):
            v = j * d.SW + slide[m]
            s, tap = ((n * d.H + h) * d.W + v) * d.C + c, (p[k] * d.KW + q[m]) * d.C + c
            if eight:
                weight = _get(w, tap, rest, whole)
                if v >= 0:
                    a0 = fma(_get(x, s, rest, whole), weight, a0)
                a1 = fma(_get(x, s + here, rest, whole), weight, a1)
                a2 = fma(_get(x, s + 2 * here, rest, whole), weight, a2)
                a3 = fma(_get(x, s + 3 * here, rest, whole), weight, a3)
                a4 = fma(_get(x, s + 4 * here, rest, whole), weight, a4)
                a5 = fma(_get(x, s + 5 * here, rest, whole), weight, a5)
                a6 = fma(_get(x, s + 6 * here, rest, whole), weight, a6)
                if v + 7 * d.SW < d.W:
                    a7 = fma(_get(x, s + 7 * here, rest, whole), weight, a7)
            elif v >= 0 and v < d.W:
                a0 = fma(_get(x, s, rest, whole), _get(w, tap, rest, whole), a0)
    put = (((n * d.DH + d.first_h + i * d.step_h) * d.DW) + d.first_w + j * d.step_w) * d.C + c
    _put(y, put, maximum(a0, lowest), rest, whole)
    if eight:
        _put(y, put + there, maximum(a1, lowest), rest, whole)
        _put(y, put + 2 * there, maximum(a2, lowest), rest, whole)
        _put(y, put + 3 * there, maximum(a3, lowest), rest, whole)
        _put(y, put + 4 * there, maximum(a4, lowest), rest, whole)
        _put(y, put + 5 * there, maximum(a5, lowest), rest, whole)
        _put(y, put + 6 * there, maximum(a6, lowest), rest, whole)
        _put(y, put + 7 * there, maximum(a7, lowest), rest, whole)


@spread
def depthwise(
    worker: int, workers: int, x: Array, w: Array, bias: Array, y: Array, rise: Array, slide: Array, p: Array,
    q: Array, d: Grid, floor: Any,
) -> None:  # fmt: skip
    """Run one launch; w is (KH, KW, C), and results below ``floor`` become it."""
    lines, lowest, full = d.N * d.PH, splat(floor), d.C - d.C % LANES
    for line in range(worker * lines // workers, (worker + 1) * lines // workers):
        j = 0
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


@inline
def _tap_sums(
    x: Array, g: Array, out: Array, rise: Array, slide: Array, d: Grid, line: int, put: int, c: int, whole: bool
) -> None:
    """Add one line's products to out[put + tap*C], LANES channels from c, or the ``d.C - c`` that are left."""
    n, i = line // d.PH, line % d.PH
    rest, step = d.C - c, d.SW * d.C
    from_g = line * d.PW * d.C + c
    zero = splat(np.float32(0))
    for k in range(rise.size):
        h = i * d.SH + rise[k]
        if h < 0 or h >= d.H:
            continue
        if d.near:  # the pixels x0, x1, x2 under the three taps move on by one
            v = slide[0]
            at = ((n * d.H + h) * d.W + v) * d.C + c
            x0 = _get(x, at, rest, whole) if v >= 0 else zero
            x1 = _get(x, at + d.C, rest, whole)
            a0, a1, a2, b0, b1, b2 = zero, zero, zero, zero, zero, zero
            for j in range(0, d.PW - 1, 2):
                s, t = at + (j + 2) * d.C, from_g + j * d.C
                x2 = _get(x, s, rest, whole)
                x3 = _get(x, s + d.C, rest, whole) if v + j + 3 < d.W else zero
                g0, g1 = _get(g, t, rest, whole), _get(g, t + d.C, rest, whole)
                a0, a1, a2 = fma(x0, g0, a0), fma(x1, g0, a1), fma(x2, g0, a2)
                b0, b1, b2 = fma(x1, g1, b0), fma(x2, g1, b1), fma(x3, g1, b2)
                x0, x1 = x2, x3
            if d.PW % 2:
                g0 = _get(g, from_g + (d.PW - 1) * d.C, rest, whole)
                x2 = _get(x, at + (d.PW + 1) * d.C, rest, whole) if v + d.PW + 1 < d.W else zero
                a0, a1, a2 = fma(x0, g0, a0), fma(x1, g0, a1), fma(x2, g0, a2)
            o = put + k * 3 * d.C
            _put(out, o, _get(out, o, rest, whole) + (a0 + b0), rest, whole)
            _put(out, o + d.C, _get(out, o + d.C, rest, whole) + (a1 + b1), rest, whole)
            _put(out, o + 2 * d.C, _get(out, o + 2 * d.C, rest, whole) + (a2 + b2), rest, whole)
            continue
        for m in range(slide.size):
            first = max(0, -(slide[m] // d.SW))
            last = min(d.PW, (d.W - 1 - slide[m]) // d.SW + 1)
            at = ((n * d.H + h) * d.W + slide[m]) * d.C + c
            a0, a1, a2, a3 = zero, zero, zero, zero
            j = first
            while j + 4 <= last:
                s, t = at + j * step, from_g + j * d.C
                a0 = fma(_get(x, s, rest, whole), _get(g, t, rest, whole), a0)
                a1 = fma(_get(x, s + step, rest, whole), _get(g, t + d.C, rest, whole), a1)
                a2 = fma(_get(x, s + 2 * step, rest, whole), _get(g, t + 2 * d.C, rest, whole), a2)
                a3 = fma(_get(x, s + 3 * step, rest, whole), _get(g, t + 3 * d.C, rest, whole), a3)
                j += 4
            while j < last:
                a0 = fma(_get(x, at + j * step, rest, whole), _get(g, from_g + j * d.C, rest, whole), a0)
                j += 1
            o = put + (k * slide.size + m) * d.C
            _put(out, o, _get(out, o, rest, whole) + ((a0 + a1) + (a2 + a3)), rest, whole)


@spread
def depthwise_weights(
    worker: int, workers: int, x: Array, g: Array, out: Array, rise: Array, slide: Array, d: Grid, slices: int
) -> None:
    """out[slice, tap, c] = sum over the slice's pixels of x[pixel + tap, c] * g[pixel, c]; out starts at zero."""
    lines = d.N * d.PH
    for part in range(worker * slices // workers, (worker + 1) * slices // workers):
        for line in range(part * lines // slices, (part + 1) * lines // slices):
            for c in range(0, d.C, LANES):
                put = part * rise.size * slide.size * d.C + c
                if d.C - c >= LANES:
                    _tap_sums(x, g, out, rise, slide, d, line, put, c, True)
                else:
                    _tap_sums(x, g, out, rise, slide, d, line, put, c, False)


def _launch(
    N: int, H: int, W: int, C: int, KW: int, grid: Pair, stride: Pair, image: Pair, step: Pair, first: Pair,
    rise: dict[int, int], slide: dict[int, int],
) -> Launch:  # fmt: skip
    slide = dict(sorted(slide.items(), key=lambda item: item[1]))
    left, *_, right = slide.values() if len(slide) > 1 else 2 * list(slide.values())
    inner = max(0, -(left // stride[1]) - 1)
    outer = min(grid[1], (W - 1 - right) // stride[1] + 2)
    near = stride[1] == 1 and len(slide) == 3 and right == left + 2 and inner == 0 and outer == grid[1] > 1
    tables = (np.array(list(v), np.int64) for v in (rise.values(), slide.values(), rise.keys(), slide.keys()))
    return Launch(Grid(N, H, W, C, KW, *grid, *stride, *image, *step, *first, inner, outer, near), *tables)


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
