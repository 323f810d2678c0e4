"""The input gradient where an image has fewer channels than lanes, or a stride: handed out, line by line.

The gather of `direct` gives every pixel of gx its channels as the columns of a tile: with 6 channels, 10 of 16 lanes
are idle, and with 5x5 taps on a map of 10 x 10 every second tap meets padding. Along a line it can be turned round:
what a pixel of g gives to one line of gx is one run of KW*C neighbours in memory,

    gx[h, j*SW + q, c] += sum over kernel rows p, over o of g[i, j, o] * w[o, p, q, c]      where i*SH + p = h + top

so (q, c) are the columns of a product without idle lanes, only lines of g that exist take part, and the sum over p and
o is one long sum in registers. For a few images at a time, in a buffer for one line of each, the loops are

    for line h:
        for panel of (q, c), for class r of pixels: buffer[j*SW + q, c] += sum over p, o        the micro-kernel
        gx[h] = buffer without its border

A tile reads what it adds to before it writes, so its pixels must not overlap: those of a class lie a panel apart, every
fifth where runs of 30 numbers begin 6 apart, every one where SW*C >= WIDTH. And a load that meets a part of what was
stored just before waits for it; between two classes lies a whole tile. (A finished product that is added to the image
run by run, each while the last is still being stored, waits as long as the product took: LeNet's layer in 0.25 ms.)

With a stride it needs no phases: the gather of `plans` runs once for each residue class, on sums of a quarter of the
taps. While tiles run, their steps ask for what comes next, the panels in turns of g and of gx. An image belongs to one
thread, so sums have one order. The twin in plain loops is `conv_loops.conv2d_grad_x`. Milliseconds on two threads of an
AMD EPYC (Zen 4), the gradient for x, and what its multiply-adds alone would take:

    x, filters                       gather   Winograd   here   at the peak
    64 x 6 x 14 x 14, 16 of 5x5      0.81     0.84       0.17   0.13
    64 x 6 x 12 x 12, 16 of 5x5                          0.12   0.09
    128 x 16 x 32 x 32, 32 of 3x3/2  2.44                1.7    1.3
    64 x 64 x 32 x 32, 128 of 3x3/2  13.4                11.5   10.4
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...typing import Array
from .direct import clear, copy, pack
from .jit import get_num_threads, spread
from .memory import empty, flat, scratch
from .micro import NO_FLOOR, ROWS, WIDTH, multiply
from .plans import STEPS, panels
from .simd import LANES
from .strokes import work

Pair = tuple[int, int]

_ZEROS = np.zeros(WIDTH, np.float32)

HELD = 5 << 14
"""Bytes of the buffer that stay near; 64x64x32x32, 128 of 3x3/2: 12.1 ms, 12.7 with four times as much."""

GIVEN = 100 << 12
"""Bytes of g that stay in the second-level cache with the weights while the lines of some images are computed."""

MOST = 16
"""Images at once: more bring nothing."""


class Sheet(NamedTuple):
    """Sizes: gx is (N, H, W, C), g is (N, OH, OW, OC), and a pixel of g gives a line of gx ``run`` numbers."""

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
    top: int
    left: int
    line: int
    """Elements of a line of gx in the buffer, with room for the border."""
    images: int
    """Images whose lines are computed together."""
    classes: int
    """Every so many pixels of a line of g, what they give does not overlap."""
    g_step: int
    gx_step: int
    """How far each step of a tile goes on in asking for the next images of g, for the next line of gx."""


@spread
def scatter(
    worker: int, workers: int, g: Array, w: Array, zeros: Array, gx: Array, rows: Array, places: Array, taps: Array,
    d: Sheet, buffers: Array,
) -> None:  # fmt: skip
    """Hand out g through w, packed in panels of columns (q, c), into gx."""
    base, width_g, width_gx = worker * d.images * d.line, d.OW * d.OC, d.W * d.C
    stop = (worker + 1) * d.N // workers
    for n0 in range(worker * d.N // workers, stop, d.images):
        images = min(d.images, stop - n0)
        soon_g, g_step = (n0 + images) * d.OH * width_g, d.g_step if n0 + images < stop else 0
        for h in range(d.H):
            a = (h + d.top) % d.SH
            count, before = (d.KH - a + d.SH - 1) // d.SH, a * (d.KH // d.SH) + min(a, d.KH % d.SH)
            i = (h + d.top) // d.SH - count + 1  # kernel row number before + t meets line i + t of g
            t0, t1 = max(0, -i), min(count, d.OH - i)
            clear(buffers, base, images * d.line)
            for j in range(0, d.run, WIDTH):
                columns = min(WIDTH, d.run - j)
                width = WIDTH if columns > LANES else LANES
                asks_g = j // WIDTH % 2 == 0
                soon_gx = ((n0 + j // (2 * WIDTH) % images) * d.H + h + 1) * width_gx
                chunk = max(1, STEPS // d.OC)
                for t in range(t0, t1, chunk):
                    for k in range(0, d.OC, STEPS):
                        n_t, n_k, r0 = min(chunk, t1 - t), min(STEPS, d.OC - k), 0
                        for r in range(d.classes):
                            pixels = (d.OW - r + d.classes - 1) // d.classes
                            multiply(
                                g, (n0 * d.OH + i + t) * width_g + k, rows, r0, images * pixels, taps, 0, n_t, n_k, 1,
                                w, (j * d.KH + (before + t) * width) * d.OC + k * width, width, buffers, base + j,
                                places, columns, True, zeros, 0, NO_FLOOR, g if asks_g else gx,
                                soon_g if asks_g else soon_gx, g_step if asks_g else d.gx_step,
                            )  # fmt: skip
                            r0 += d.images * pixels
                            asked = images * pixels // ROWS * n_t * n_k
                            soon_g += asked * g_step if asks_g else 0
                            soon_gx += asked * d.gx_step
            for n in range(images):
                copy(buffers, base + n * d.line + d.left * d.C, gx, ((n0 + n) * d.H + h) * width_gx, width_gx)


@lru_cache(maxsize=1024)
def _plan(
    N: int, H: int, W: int, C: int, out: Pair, OC: int, kernel: Pair, stride: Pair, padding: tuple[int, ...]
) -> tuple[Sheet, Array, Array, Array]:
    """Return the sizes and the tables: where a class's pixels lie in g and in the buffer, and kernel rows in g."""
    (OH, OW), (KH, KW), (SH, SW), (top, _, left, _) = out, kernel, stride, padding
    run = KW * C
    line = max((OW - 1) * SW + KW, left + W) * C
    classes = -(-min(WIDTH, run) // (SW * C))
    pixels = [np.arange(r, OW, classes) for r in range(classes)]

    def tiles(images: int) -> int:
        return sum(work(images * j.size) for j in pixels)

    most = max(1, min(N, MOST, HELD // (4 * line), GIVEN // (4 * OH * OW * OC)))
    images = min(range(1, most + 1), key=lambda m: (N // m * tiles(m) + tiles(N % m), -m))
    n = np.arange(images)[:, None]
    rows = [((n * OH * OW + j) * OC).reshape(-1) for j in pixels]
    places = [(n * line + j * SW * C).reshape(-1) for j in pixels]
    steps = sum(images * j.size // ROWS for j in pixels) * KH * OC  # of a panel, for SH lines of gx
    asking = max(1, OH * steps * -(-run // (2 * WIDTH)))
    sheet = Sheet(
        N, H, W, C, OH, OW, OC, KH, run, SH, top, left, line, images, classes,
        -(-images * OH * OW * OC // asking), -(-W * C * SH // max(1, steps)),
    )  # fmt: skip
    return sheet, np.concatenate(rows), np.concatenate(places), np.arange(KH) * (OW * OC)


@lru_cache(maxsize=256)
def _kernel_rows(KH: int, SH: int, row: int) -> Array:
    """Return where kernel rows lie in w: ..., 2*SH, SH, 0, then ..., SH + 1, 1, ...: those that meet in a line, lowest
    first."""
    return np.array([p * row for a in range(SH) for p in reversed(range(a, KH, SH))], np.int64)


def grad_x(g: Array, w: Array, x_hw: Pair, stride: Pair, padding: tuple[int, ...]) -> Array:
    """Return the gradient for x, (N, H, W, C), from g (N, OH, OW, OC) and w (OC, C, KH, KW)."""
    N, OH, OW, OC = g.shape
    C, kernel = w.shape[1], (w.shape[2], w.shape[3])
    sheet, rows, places, taps = _plan(N, *x_hw, C, (OH, OW), OC, kernel, stride, padding)
    gx = empty((N, *x_hw, C))
    threads = get_num_threads()
    packed = scratch("weights", OC * kernel[0] * panels(sheet.run))
    s_o, s_c, s_h, s_w = w.strides
    if (s_h, s_w) != (kernel[1] * C * s_c, C * s_c):  # else the columns (q, c) lie one step apart, as they are kept
        w = np.ascontiguousarray(w.transpose(0, 2, 3, 1))
        s_o, s_c = w.strides[0], w.itemsize  # NumPy leaves any stride to an axis of one channel
    kernel_rows = _kernel_rows(kernel[0], stride[0], sheet.run * s_c // 4)
    pack(threads, flat(w), kernel_rows, OC, s_o // 4, sheet.run, s_c // 4, 1, 0, packed, _ZEROS[:0])
    workers = min(threads, N)
    scatter(
        workers, flat(g), packed, _ZEROS, flat(gx), rows, places, taps, sheet,
        scratch("buffers", workers * sheet.images * sheet.line),
    )  # fmt: skip
    return gx
