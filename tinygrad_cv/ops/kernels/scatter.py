"""The input gradient where an image has fewer channels than a vector has lanes: a product first, then sums.

The gather of `direct` gives every pixel of gx its channels as the columns of a tile: with 6 channels, 10 of 16 lanes
are idle, and with 5x5 taps on a map of 10 x 10 every second tap meets padding. Turned round, each pixel of g hands out

    gx[i*SH + p, j*SW + q, c] += sum over o of g[i, j, o] * w[o, (p, q, c)]

where (p, q, c) are the columns of one matrix product without idle lanes, and what a kernel row (p fixed) hands out is
one run of KW*C neighbours in memory. For each image, in a buffer with room for the border, the loops are

    for a few lines of g:
        part[pixel, (p, q, c)] = g[pixel, :] @ w        the micro-kernel
        for pixel (i, j), for kernel row p: buffer[i*SH + p, j*SW : j*SW + KW, :] += part[pixel, p, :, :]

Where neighbours lie a panel apart or more, SW*C >= WIDTH, a tile's rows never overlap in the buffer, and the
micro-kernel adds to it at once:

    for a few lines of g, for kernel row p, for panel of (q, c): buffer[i*SH + p, j*SW + q, c] += g[pixel, :] @ w

An image belongs to one thread, so sums have one order. The twin in plain loops is `conv_loops.conv2d_grad_x`.

It needs no phases either: with a stride, the gather of `plans` runs once for each residue class, on sums of a quarter
of the taps. Milliseconds on two threads of an AMD EPYC (Zen 4), the gradient for x:

    x, filters                      gather     Winograd   here
    64 x 6 x 14 x 14, 16 of 5x5     0.87       0.72       0.32
    128 x 16 x 32 x 32, 32 of 3x3/2 2.44                  2.2
    64 x 64 x 32 x 32, 128 of 3x3/2 13.4                  11.8
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...typing import Array
from .direct import clear, copy, pack
from .jit import get_num_threads, inline, spread
from .memory import empty, flat, scratch
from .micro import NO_FLOOR, ROWS, WIDTH, multiply
from .plans import STEPS, panels
from .simd import LANES, load, load_first, store, store_first
from .strokes import work

Pair = tuple[int, int]

_TAP = np.zeros(1, np.int64)
_ZEROS = np.zeros(WIDTH, np.float32)


PART = 1 << 14
"""Bytes of a product that stay in the second-level cache until they are added."""

HELD = 5 << 14
"""Bytes of the buffer that one product adds to; 64x64x32x32, 128 of 3x3/2: 12.1 ms, 12.7 with four times as much."""


class Sheet(NamedTuple):
    """Sizes: gx is (N, H, W, C), g is (N, OH, OW, OC), and a pixel of g hands out KH runs of ``run`` numbers."""

    N: int
    H: int
    W: int
    C: int
    OH: int
    OW: int
    OC: int
    KH: int
    run: int
    SH: int
    SW: int
    top: int
    left: int
    LH: int
    LW: int
    """The buffer of one image, in pixels."""
    lines: int
    """Lines of g that make one product."""
    groups: int
    span: int
    """Groups of columns that are packed by themselves, and how many each has: kernel rows of ``run``, or one of all."""
    straight: bool
    """Whether tiles are added to the buffer at once."""
    columns: int
    """Elements of a row of ``part``: KH * run, filled up to whole panels."""
    step: int
    """How far each step of a tile goes on in asking for the next lines of g."""
    size: int
    """Elements of a thread's buffer and part."""


@inline
def _add(part: Array, at: int, y: Array, y0: int, n: int) -> None:
    """Set y[y0 : y0 + n] += part[at : at + n]."""
    whole = n - n % LANES
    for i in range(0, whole, LANES):
        store(y, y0 + i, load(y, y0 + i) + load(part, at + i))
    if whole < n:
        store_first(y, y0 + whole, load_first(y, y0 + whole, n - whole) + load(part, at + whole), n - whole)


@spread
def scatter(
    worker: int, workers: int, g: Array, w: Array, zeros: Array, gx: Array, rows: Array, places: Array, taps: Array,
    d: Sheet, buffers: Array,
) -> None:  # fmt: skip
    """Hand out g through w, packed in panels of columns (p, q, c), into gx."""
    image, line = worker * d.size, d.LW * d.C
    part = image + d.LH * line
    padded = (d.span + LANES - 1) // LANES * LANES if d.span % WIDTH <= LANES else (d.span + WIDTH - 1) // WIDTH * WIDTH
    stop = (worker + 1) * d.N // workers
    for n in range(worker * d.N // workers, stop):
        clear(buffers, image, d.LH * line)
        for i0 in range(0, d.OH, d.lines):
            lines = min(d.lines, d.OH - i0)
            from_g = (n * d.OH + i0) * d.OW * d.OC
            soon = from_g + lines * d.OW * d.OC
            step = d.step if n + 1 < stop or i0 + lines < d.OH else 0
            for p in range(d.groups):
                r0, pixels = 0, lines * d.OW
                if d.straight:  # lines that this kernel row leads into the padding hand out nothing
                    r0 = max(0, (d.top - p + d.SH - 1) // d.SH - i0) * d.OW
                    pixels = min(pixels, ((d.top + d.H - 1 - p) // d.SH + 1 - i0) * d.OW) - r0
                for j in range(0, d.span, WIDTH):
                    width = WIDTH if d.span - j > LANES else LANES
                    to = image + (i0 * d.SH + p) * line if d.straight else part
                    for k in range(0, d.OC, STEPS):
                        steps = min(STEPS, d.OC - k)
                        multiply(
                            g, from_g + k, rows, r0, pixels, taps, 0, 1, steps, 1,
                            w, p * padded * d.OC + j * d.OC + k * width, width, buffers, to + j, places,
                            min(width, d.span - j), d.straight or k > 0, zeros, 0, NO_FLOOR, g, soon, step,
                        )  # fmt: skip
                        soon += max(0, pixels // ROWS) * steps * step
            for i in range(0 if d.straight else lines):
                for j in range(d.OW):
                    at, to = part + (i * d.OW + j) * d.columns, image + (i0 + i) * d.SH * line + j * d.SW * d.C
                    for p in range(d.KH):
                        _add(buffers, at + p * d.run, buffers, to + p * line, d.run)
        for h in range(d.H):
            copy(buffers, image + (h + d.top) * line + d.left * d.C, gx, (n * d.H + h) * d.W * d.C, d.W * d.C)


@lru_cache(maxsize=1024)
def _plan(
    N: int, H: int, W: int, C: int, out: Pair, OC: int, kernel: Pair, stride: Pair, padding: tuple[int, ...]
) -> tuple[Sheet, Array, Array]:
    top, _, left, _ = padding
    LH = max((out[0] - 1) * stride[0] + kernel[0], top + H)
    LW = max((out[1] - 1) * stride[1] + kernel[1], left + W)
    run = kernel[1] * C
    straight = stride[1] * C >= min(WIDTH, run)
    groups, span = (kernel[0], run) if straight else (1, kernel[0] * run)
    columns = groups * panels(span)
    row = 4 * stride[0] * LW * C if straight else 4 * columns * out[1]
    most = max(1, min((HELD if straight else PART) // row, out[0]))
    lines = min(range(1, most + 1), key=lambda n: (work(n * out[1]) / n, -n))
    i, j = np.ogrid[:lines, : out[1]]
    pixel = np.arange(lines * out[1])
    places = ((i * stride[0] * LW + j * stride[1]) * C).reshape(-1) if straight else pixel * columns
    steps = groups * -(-span // WIDTH) * OC * (pixel.size // ROWS)
    sheet = Sheet(
        N, H, W, C, *out, OC, kernel[0], run, *stride, top, left, LH, LW, lines, groups, span, straight, columns,
        -(-pixel.size * OC // max(1, steps)), LH * LW * C + (0 if straight else pixel.size * columns),
    )  # fmt: skip
    return sheet, pixel * OC, places


def grad_x(g: Array, w: Array, x_hw: Pair, stride: Pair, padding: tuple[int, ...]) -> Array:
    """Return the gradient for x, (N, H, W, C), from g (N, OH, OW, OC) and w (OC, C, KH, KW)."""
    N, OH, OW, OC = g.shape
    C, kernel = w.shape[1], (w.shape[2], w.shape[3])
    sheet, rows, places = _plan(N, *x_hw, C, (OH, OW), OC, kernel, stride, padding)
    gx = empty((N, *x_hw, C))
    threads = get_num_threads()
    packed = scratch("weights", OC * sheet.columns)
    s_o, s_c, s_h, s_w = w.strides
    if (s_h, s_w) != (kernel[1] * C * s_c, C * s_c):  # else the columns (p, q, c) lie one step apart, as they are kept
        w = np.ascontiguousarray(w.transpose(0, 2, 3, 1))
        s_o, s_c = w.strides[0], w.itemsize  # NumPy leaves any stride to an axis of one channel
    s_g, no_scale = sheet.run * s_c, _ZEROS[:0]
    pack(threads, flat(w), _TAP, OC, s_o // 4, sheet.span, s_c // 4, sheet.groups, s_g // 4, packed, no_scale)
    workers = min(threads, N)
    scatter(
        workers, flat(g), packed, _ZEROS, flat(gx), rows, places, _TAP, sheet,
        scratch("buffers", workers * sheet.size),
    )  # fmt: skip
    return gx

