"""Depthwise convolution with 3 x 3 taps side by side, whose nine weights, or nine sums, stay in registers.

For LANES channels of a line a window of 3 x 3 pixels moves from left to right. Each step loads its new column (with
stride 1 the other two are those of the step before) and makes nine multiply-adds:

    convolve       y[j] = sum over taps of window[tap] * w[tap]          (nine weights, nine pixels in registers)
    weight_sums    sum[tap] += window[tap] * g[j]                        (nine sums, nine pixels)

which are 9 cycles of arithmetic for 3 loads and a store, or 4 loads. So little work waits for memory, and a step
touches 64 bytes here, and the next 64 bytes one pixel further on, which is not what a processor fetches in advance by
itself: each step asks for what the same step of the next line will need. Measured on two cores, Zen 4, 32 x 64 x 32 x
32: forward 0.49 ms without asking, 0.33 with; the weights' gradient 1.1 and 0.34; eight pixels at a time, as
`depthwise` does it for any taps, 1.05 and 1.6.

All addresses of a step lie at fixed distances from one index, and the stride is known where `_line` is compiled: LLVM
then needs one counter. With three it kept sixteen, on the stack, and took twice the time.

The plan is that of `depthwise`; the twin in plain loops is `conv_loops`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...typing import Array
from .depthwise import Grid, get, put
from .jit import inline, spread
from .simd import LANES, ask, claim, fma, load, maximum, splat


@inline
def _column(x: Array, s: int, up: int, r0: int, r1: int, r2: int, whole: bool) -> Any:
    """Three pixels one above the other, the first at s: LANES channels, or as many as r0, r1 and r2 say."""
    return get(x, s, r0, whole), get(x, s + up, r1, whole), get(x, s + 2 * up, r2, whole)


@inline
def _ask_below(x: Array, s: int, up: int, d: Grid, near: bool) -> None:
    """Ask for what the next line needs below the column at s, and, between strides, beside it."""
    below = s + (d.SH + 2) * up
    ask(x, below)
    if not near:
        ask(x, below + d.C)
        ask(x, below - up)
        ask(x, below - up + d.C)


@inline
def _window(d: Grid, h: int, c: int) -> Any:
    """How many channels to read of each row of a window whose first row is h: none outside the image."""
    rest = d.C - c
    r0, r1 = rest if h >= 0 and h < d.H else 0, rest if h >= -1 and h + 1 < d.H else 0
    return r0, r1, rest if h >= -2 and h + 2 < d.H else 0


@inline
def _line(
    x: Array, w: Array, bias: Array, y: Array, p: Array, q: Array, left: int, d: Grid, lowest: Any, line: int, h: int,
    c: int, near: bool, whole: bool,
) -> None:  # fmt: skip
    """One line of y, LANES channels from c; not ``whole``: the last channels, or rows outside the image."""
    n, rest, up = line // d.PH, d.C - c, d.W * d.C
    r0, r1, r2 = _window(d, h, c)
    w0, w1, w2 = p[0] * d.KW * d.C + c, p[1] * d.KW * d.C + c, p[2] * d.KW * d.C + c
    q0, q1, q2 = q[0] * d.C, q[1] * d.C, q[2] * d.C
    w00, w01, w02 = get(w, w0 + q0, rest, whole), get(w, w0 + q1, rest, whole), get(w, w0 + q2, rest, whole)
    w10, w11, w12 = get(w, w1 + q0, rest, whole), get(w, w1 + q1, rest, whole), get(w, w1 + q2, rest, whole)
    w20, w21, w22 = get(w, w2 + q0, rest, whole), get(w, w2 + q1, rest, whole), get(w, w2 + q2, rest, whole)
    zero, start = splat(np.float32(0)), load(bias, c)
    s = ((n * d.H + h) * d.W + left + 1) * d.C + c  # the window's middle column
    t = line * d.PW * d.C + c
    x00, x10, x20 = zero, zero, zero
    if left >= 0:
        x00, x10, x20 = _column(x, s - d.C, up, r0, r1, r2, whole)
    x01, x11, x21 = _column(x, s, up, r0, r1, r2, whole)
    for j in range(d.PW):
        _ask_below(x, s, up, d, near)
        claim(y, t + d.PW * d.C)
        if not near and j > 0:
            x00, x10, x20 = _column(x, s - d.C, up, r0, r1, r2, whole)
            x01, x11, x21 = _column(x, s, up, r0, r1, r2, whole)
        x02, x12, x22 = zero, zero, zero
        if j * d.SW + left + 2 < d.W:
            x02, x12, x22 = _column(x, s + d.C, up, r0, r1, r2, whole)
        a = fma(x02, w02, fma(x01, w01, fma(x00, w00, start)))
        b = fma(x12, w12, fma(x11, w11, x10 * w10))
        e = fma(x22, w22, fma(x21, w21, x20 * w20))
        put(y, t, maximum((a + b) + e, lowest), rest, whole)
        x00, x10, x20, x01, x11, x21 = x01, x11, x21, x02, x12, x22
        s += d.C if near else d.SW * d.C
        t += d.C


@partial(spread, unroll=True)
def convolve(
    worker: int, workers: int, x: Array, w: Array, bias: Array, y: Array, rise: Array, slide: Array, p: Array,
    q: Array, d: Grid, floor: Any,
) -> None:  # fmt: skip
    """Run one launch; w is (KH, KW, C), and results below ``floor`` become it."""
    lines, lowest = d.N * d.PH, splat(floor)
    for line in range(worker * lines // workers, (worker + 1) * lines // workers):
        h = line % d.PH * d.SH + rise[0]
        inside = h >= 0 and h + 2 < d.H
        for c in range(0, d.C, LANES):
            if d.SW == 1:
                if inside and d.C - c >= LANES:
                    _line(x, w, bias, y, p, q, slide[0], d, lowest, line, h, c, True, True)
                else:
                    _line(x, w, bias, y, p, q, slide[0], d, lowest, line, h, c, True, False)
            elif inside and d.C - c >= LANES:
                _line(x, w, bias, y, p, q, slide[0], d, lowest, line, h, c, False, True)
            else:
                _line(x, w, bias, y, p, q, slide[0], d, lowest, line, h, c, False, False)


@inline
def _add(out: Array, to: int, C: int, v0: Any, v1: Any, v2: Any, n: int, whole: bool) -> None:
    put(out, to, get(out, to, n, whole) + v0, n, whole)
    put(out, to + C, get(out, to + C, n, whole) + v1, n, whole)
    put(out, to + 2 * C, get(out, to + 2 * C, n, whole) + v2, n, whole)


@inline
def _line_sums(
    x: Array, g: Array, out: Array, left: int, d: Grid, line: int, h: int, to: int, c: int, near: bool, whole: bool
) -> None:
    """Add one line's products to out[to + tap*C], LANES channels from c; ``whole`` as in `_line`."""
    n, rest, up = line // d.PH, d.C - c, d.W * d.C
    r0, r1, r2 = _window(d, h, c)
    zero = splat(np.float32(0))
    a00, a01, a02, a10, a11, a12, a20, a21, a22 = zero, zero, zero, zero, zero, zero, zero, zero, zero
    s, t = ((n * d.H + h) * d.W + left + 1) * d.C + c, line * d.PW * d.C + c
    x00, x10, x20 = zero, zero, zero
    if left >= 0:
        x00, x10, x20 = _column(x, s - d.C, up, r0, r1, r2, whole)
    x01, x11, x21 = _column(x, s, up, r0, r1, r2, whole)
    for j in range(d.PW):
        _ask_below(x, s, up, d, near)
        ask(g, t + d.PW * d.C)
        if not near and j > 0:
            x00, x10, x20 = _column(x, s - d.C, up, r0, r1, r2, whole)
            x01, x11, x21 = _column(x, s, up, r0, r1, r2, whole)
        x02, x12, x22 = zero, zero, zero
        if j * d.SW + left + 2 < d.W:
            x02, x12, x22 = _column(x, s + d.C, up, r0, r1, r2, whole)
        v = get(g, t, rest, whole)
        a00, a01, a02 = fma(x00, v, a00), fma(x01, v, a01), fma(x02, v, a02)
        a10, a11, a12 = fma(x10, v, a10), fma(x11, v, a11), fma(x12, v, a12)
        a20, a21, a22 = fma(x20, v, a20), fma(x21, v, a21), fma(x22, v, a22)
        x00, x10, x20, x01, x11, x21 = x01, x11, x21, x02, x12, x22
        s += d.C if near else d.SW * d.C
        t += d.C
    _add(out, to, d.C, a00, a01, a02, rest, whole)
    _add(out, to + 3 * d.C, d.C, a10, a11, a12, rest, whole)
    _add(out, to + 6 * d.C, d.C, a20, a21, a22, rest, whole)


@spread
def weight_sums(
    worker: int, workers: int, x: Array, g: Array, out: Array, rise: Array, slide: Array, d: Grid, slices: int
) -> None:
    """out[slice, tap, c] = sum over the slice's pixels of x[pixel + tap, c] * g[pixel, c]; out starts at zero."""
    lines = d.N * d.PH
    for part in range(worker * slices // workers, (worker + 1) * slices // workers):
        for line in range(part * lines // slices, (part + 1) * lines // slices):
            h = line % d.PH * d.SH + rise[0]
            inside = h >= 0 and h + 2 < d.H
            for c in range(0, d.C, LANES):
                to = part * 9 * d.C + c
                if d.SW == 1:
                    if inside and d.C - c >= LANES:
                        _line_sums(x, g, out, slide[0], d, line, h, to, c, True, True)
                    else:
                        _line_sums(x, g, out, slide[0], d, line, h, to, c, True, False)
                elif inside and d.C - c >= LANES:
                    _line_sums(x, g, out, slide[0], d, line, h, to, c, False, True)
                else:
                    _line_sums(x, g, out, slide[0], d, line, h, to, c, False, False)
