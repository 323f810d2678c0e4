"""Direct convolution, its input gradient and its weight gradient, on the micro-kernel.

No matrix of windows is built: the micro-kernel reads windows where they lie, through the tables of `plans`.
For each task the loops are

    for group, for panel of filters, for chunk of taps:         (see `strokes`)
        for tile of pixels:                                     (a tile of y stays in registers)
            for tap, for channel: y[pixel, filter] += x[pixel + tap, channel] * w[tap, channel, filter]

While tiles run, each of their steps asks for a line of what the next task reads or writes. The twin in plain loops is
`conv_loops`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import inline, spread
from .micro import NO_FLOOR, ROWS, WIDTH, multiply
from .plans import Band, Sizes, WeightSizes
from .simd import LANES, load, load_first, splat, store, store_first
from .simd_turn import turn
from .strokes import FIELDS


@inline
def copy(x: Array, x0: int, y: Array, y0: int, n: int) -> None:
    """Set y[y0 : y0 + n] to x[x0 : x0 + n]."""
    whole = n - n % LANES
    for i in range(0, whole, LANES):
        store(y, y0 + i, load(x, x0 + i))
    if whole < n:
        store_first(y, y0 + whole, load_first(x, x0 + whole, n - whole), n - whole)


@inline
def clear(y: Array, y0: int, n: int) -> None:
    """Set y[y0 : y0 + n] to zero."""
    whole = n - n % LANES
    for i in range(0, whole, LANES):
        store(y, y0 + i, splat(np.float32(0)))
    if whole < n:
        store_first(y, y0 + whole, splat(np.float32(0)), n - whole)


@inline
def cut_out(
    x: Array, band: Band, n0: int, images: int, i0: int, height: int, c0: int, channels: int, y: Array, y0: int
) -> None:
    """Copy what ``height`` grid rows from i0 need of ``images`` images from n0, ``channels`` channels from c0, with
    zeros outside the images.
    """
    lines = (height - 1) * band.SH + band.LH - (band.rows - 1) * band.SH
    left = max(0, min(band.LW, -band.slide))
    right = max(left, min(band.LW, band.W - band.slide))
    for n in range(images):
        for r in range(lines):
            line = i0 * band.SH + band.rise + r
            to = y0 + (n * band.LH + r) * band.LW * band.LC
            if line < 0 or line >= band.H or right <= left:
                clear(y, to, band.LW * band.LC)
                continue
            start = (((n0 + n) * band.H + line) * band.W + left + band.slide) * band.C + c0
            clear(y, to, left * band.LC)
            if band.LC == channels == band.C:
                copy(x, start, y, to + left * band.LC, (right - left) * band.C)
            else:
                for j in range(right - left):
                    copy(x, start + j * band.C, y, to + (left + j) * band.LC, channels)
            clear(y, to + right * band.LC, (band.LW - right) * band.LC)


@inline
def first_read(band: Band, task: int) -> int:
    """Return where in the source the part that a task reads begins."""
    n0, line = task // band.strips * band.images, task % band.strips * band.rows * band.SH + band.rise
    return (n0 * band.H + max(0, line)) * band.W * band.C


@inline
def first_written(band: Band, sizes: Sizes, task: int) -> int:
    """Return where in the destination the part that a task writes begins."""
    n0, i0 = task // band.strips * band.images, task % band.strips * band.rows
    return ((n0 * sizes.DH + i0 * sizes.step_h + sizes.first_h) * sizes.DW + sizes.first_w) * sizes.OC


@inline
def _turned(w: Array, at: int, s_n: int, here: int, out: Array, put: int, step: int, count: int) -> None:
    """Turn a square of w over, columns ``s_n`` apart, into rows of LANES, filled up with zeros."""
    turn(w, at, s_n, here, out, put, step, count)
    if here < LANES:
        for m in range(count):
            for n in range(here, LANES):
                out[put + m * step + n] = np.float32(0)


@spread
def pack(
    worker: int, workers: int, w: Array, taps: Array, n_k: int, s_k: int, columns: int, s_n: int, groups: int,
    s_g: int, out: Array, scale: Array,
) -> None:  # fmt: skip
    """Lay weights out as panels: out[group, panel, tap, k, column of the panel], filled up with zeros.

    The weight of (group, tap, k, column) is w[group*s_g + taps[tap] + k*s_k + column*s_n], so any order of w
    in memory will do, and the roles of channels and filters are free. Whole lines of memory are read one after the
    other: where columns are neighbours, all panels of a tap; where taps or k are, a square of them and of columns is
    turned over at a time. 512 x 512 filters of 3x3 take 0.3 and 0.6 ms so; panel by panel they took 1.4 and 1.8.
    ``scale``: a factor for every column of every group, or empty.
    """
    n_t = taps.size
    K = n_t * n_k
    blocks = (columns + WIDTH - 1) // WIDTH
    rest = columns - (blocks - 1) * WIDTH
    padded = (blocks - 1) * WIDTH + (LANES if rest <= LANES else WIDTH)
    side_by_side = n_t > 1 and taps[n_t - 1] - taps[0] == n_t - 1
    span = LANES if s_n != 1 and s_k != 1 and side_by_side else 1
    spans = (n_t + span - 1) // span
    total = groups * blocks * spans
    for task in range(worker * total // workers, (worker + 1) * total // workers):
        group, part = task // (blocks * spans), task % (blocks * spans)
        block, t = (part % blocks, part // blocks) if s_n == 1 else (part // spans, part % spans * span)
        first = block * WIDTH
        valid = min(WIDTH, columns - first)
        width = WIDTH if valid > LANES else LANES
        source = group * s_g + taps[t] + first * s_n
        to = group * padded * K + first * K + t * n_k * width
        for half in range(0, width, LANES):
            here = min(LANES, valid - half)
            at, put = source + half * s_n, to + half
            if s_n == 1:
                for k in range(n_k):
                    store(out, put + k * width, load_first(w, at + k * s_k, here))
            elif s_k == 1:
                for k in range(0, n_k, LANES):
                    _turned(w, at + k, s_n, here, out, put + k * width, width, min(LANES, n_k - k))
            else:
                for k in range(n_k):
                    count = min(span, n_t - t)
                    _turned(w, at + k * s_k, s_n, here, out, put + k * width, n_k * width, count)
            if scale.size:
                factor = load_first(scale, group * columns + first + half, here)
                for k in range(min(span, n_t - t) * n_k):
                    store(out, put + k * width, load(out, put + k * width) * factor)


@spread
def gather(
    worker: int, workers: int, x: Array, w: Array, bias: Array, y: Array, rows: Array, places: Array,
    taps: Array, strokes: Array, band: Band, sizes: Sizes, floor: Any, buffers: Array,
) -> None:  # fmt: skip
    """Run one gather of `plans`: x the source, w packed, y the destination; results below ``floor`` become
    it.
    """
    OCG, K = sizes.OCG, sizes.K
    blocks = (OCG + WIDTH - 1) // WIDTH
    rest = OCG - (blocks - 1) * WIDTH
    padded = (blocks - 1) * WIDTH + (LANES if rest <= LANES else WIDTH)
    stop = (worker + 1) * band.tasks // workers
    for task in range(worker * band.tasks // workers, stop):
        n0, i0 = task // band.strips * band.images, task % band.strips * band.rows
        images, height = min(band.images, band.N - n0), min(band.rows, band.PH - i0)
        if sizes.copied:
            source, a0 = buffers, worker * sizes.buffer
            cut_out(x, band, n0, images, i0, height, 0, band.C, buffers, a0)
        else:
            source = x
            a0 = ((n0 * band.H + i0 * band.SH + band.rise) * band.W + band.slide) * band.C
        c0 = first_written(band, sizes, task)
        soon_x, soon_y, more = first_read(band, task + 1), first_written(band, sizes, task + 1), int(task + 1 < stop)
        pixels = images * height * band.PW
        for group in range(sizes.groups):
            for block in range(blocks):
                j = block * WIDTH
                columns = min(WIDTH, OCG - j)
                width = WIDTH if columns > LANES else LANES
                panel, o = group * padded * K + j * K, group * OCG + j
                for s in range(0, sizes.strokes * FIELDS, FIELDS):
                    row, count, t, n_t = strokes[s], strokes[s + 1], strokes[s + 2], strokes[s + 3]
                    n_k, k, first, last = strokes[s + 4], strokes[s + 5], strokes[s + 6], strokes[s + 7]
                    count = images * count if count else pixels
                    for asks_x in (True, False):
                        r0, r1 = (0, min(sizes.x_rows, count)) if asks_x else (min(sizes.x_rows, count), count)
                        step = more * (sizes.x_step if asks_x else sizes.y_step)
                        multiply(
                            source, a0 + group * sizes.CG, rows, row + r0, r1 - r0,
                            taps, t, n_t, n_k, 1, w, panel + k * width, width,
                            y, c0 + o, places, columns, first == 0, bias, o, floor if last else NO_FLOOR,
                            x if asks_x else y, soon_x if asks_x else soon_y, step,
                        )  # fmt: skip
                        if asks_x:
                            soon_x += (r1 - r0) // ROWS * n_t * n_k * step
                        else:
                            soon_y += (r1 - r0) // ROWS * n_t * n_k * step


@spread
def weight_sums(
    worker: int, workers: int, x: Array, g: Array, zeros: Array, out: Array, rows: Array, places: Array,
    taps: Array, band: Band, sizes: WeightSizes, buffers: Array,
) -> None:  # fmt: skip
    """Sum x[pixel + tap, channel] * g[pixel, filter] over pixels: out[slice, tap, channel, filter].

    Slice s holds the sum over the s-th part of the bands. A task is a slice and a chunk of channels, so that its sums
    stay in the second-level cache while the bands pass by:

        for band:
            for panel of filters: pack g[pixel, filter], where there are many tiles to read it
                for tile of (tap, channel): for pixel: sum += x[pixel + tap, channel] * g[pixel, filter]

    Which task adds what, and in which order, depends on the sizes alone.
    """
    OC, R = sizes.OC, sizes.R
    total = sizes.slices * sizes.chunks
    size = sizes.buffer + sizes.panel
    local, panel = worker * size, worker * size + sizes.buffer
    for task in range(worker * total // workers, (worker + 1) * total // workers):
        part, c0 = task // sizes.chunks, task % sizes.chunks * sizes.channels
        to = part * sizes.taps * sizes.CG * OC + c0 % sizes.CG * OC
        b0, b1 = part * band.tasks // sizes.slices, (part + 1) * band.tasks // sizes.slices
        for b in range(b0, b1):
            n0, i0 = b // band.strips * band.images, b % band.strips * band.rows
            images, height = min(band.images, band.N - n0), min(band.rows, band.PH - i0)
            pixels = images * height * band.PW
            run = sizes.run if sizes.run else pixels
            if sizes.copied:
                source, a0 = buffers, local
                cut_out(x, band, n0, images, i0, height, c0, sizes.channels, buffers, local)
            else:
                source, a0 = x, ((n0 * band.H + i0 * band.SH) * band.W) * band.C + c0
            from_g = (n0 * band.PH + i0) * band.PW * OC
            more = 1 if b + 1 < b1 else 0
            soon_x, soon_g = first_read(band, b + 1), from_g + pixels * OC
            for group in range(sizes.span):
                for j in range(0, sizes.OCG, WIDTH):
                    o, columns = (c0 // sizes.CG + group) * sizes.OCG + j, min(WIDTH, sizes.OCG - j)
                    width = WIDTH if columns > LANES else LANES
                    if sizes.packed:
                        for k in range(pixels):
                            for half in range(0, width, LANES):
                                v = load_first(g, from_g + k * OC + o + half, columns - half)
                                store(buffers, panel + k * width + half, v)
                    for asks_x in (True, False):
                        r0, r1 = (0, sizes.x_rows) if asks_x else (sizes.x_rows, R)
                        step = more * (sizes.x_step if asks_x else sizes.g_step)
                        multiply(
                            source, a0 + group * sizes.CG, rows, r0, r1 - r0, taps, 0, pixels // run, run, sizes.a_k,
                            buffers if sizes.packed else g, panel if sizes.packed else from_g + o,
                            width if sizes.packed else OC, out, to + o, places, columns, b > b0, zeros, 0, NO_FLOOR,
                            x if asks_x else g, soon_x if asks_x else soon_g, step,
                        )  # fmt: skip
                        if asks_x:
                            soon_x += (r1 - r0) // ROWS * pixels * step
                        else:
                            soon_g += (r1 - r0) // ROWS * pixels * step


@spread
def add_slices(worker: int, workers: int, parts: Array, n: int, slices: int, out: Array) -> None:
    """Set out[i] to the sum of parts[s*n + i] over s, in the order of s."""
    start, stop = worker * n // workers, (worker + 1) * n // workers
    for i in range(start, stop, LANES):
        here = min(LANES, stop - i)
        total = load_first(parts, i, here)
        for s in range(1, slices):
            total = total + load_first(parts, s * n + i, here)
        store_first(out, i, total, here)
