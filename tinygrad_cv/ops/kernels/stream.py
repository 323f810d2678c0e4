"""Products whose weights stream past a few rows: a layer with thousands of weights and one image, or a handful.

A layer that does P multiply-adds for each weight waits for memory as long as P is small, and packing weights, which
reads them, writes them and reads them again, takes longer than the sums until P is some hundred. Here each weight is
read once, where it lies, in the order of memory:

    for slice of the steps (tap, k), shared by threads:
        for unit of 16 steps: copy x[pixel + tap, k] of the pixels whose tap lies inside the image
            for eight steps:
                for panel of columns:                           (8 x 2 vectors of weights, in registers)
                    for pixel: sums[slice, pixel, n] += x[pixel + tap, k] * w[tap, k, n]
    y = the slices added up, times scale, plus bias             (a second launch)

The sums lie panel by panel, all pixels of 32 columns in a few KiB, and go through registers once for eight steps, so
that 16 multiply-adds need 10 loads and 2 stores. What meets only padding is never multiplied: of 3x3 on a map of 4 x 4
that is 31 %, of 2 x 2 56 %. Threads share rows of w, not columns: two that read halves of the same rows took 460
microseconds for the 9.4 MB that they read in 130 one after the other, for each core fetched ahead what was the other's.
Sixteen rows ahead of the sums each line is asked for (4608 x 512 weights, 16 pixels: 380 microseconds, 630 without).

Slices depend on sizes alone and are added in their order, so the number of threads changes no bit; they have at most
384 steps, which keeps a sum's error below 1e-6. Multiply-adds of two cores whose peak is 116 billion a second,
weights from memory (512 filters of 3x3 on 512 channels: 9.4 MB): 1 pixel 11 G, 4 pixels 47, 16 pixels 93, 64 pixels 99.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, spread
from .memory import flat, scratch
from .micro import WIDTH, at
from .rows_numba import swap
from .simd import LANES, ask, fma, load, load_first, maximum, splat, store, store_first

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]

UNIT, EIGHT = 16, 8
"""Steps for which pixels are copied side by side, a line of memory of each; and those whose weights stay in registers.
"""

AHEAD = 16
"""Rows of weights between what is asked for and what is multiplied."""

STEPS = 384
"""Steps of a slice at most."""

HELD = 1 << 16
"""Sums that a slice keeps in the second-level cache: 256 KiB. Where there are more, columns are cut into blocks."""

_NONE = np.zeros(0, np.float32)


class Stream(NamedTuple):
    """The sizes of a product: ``pixels`` rows of the result, N columns, sums over T taps of C steps each."""

    pixels: int
    N: int
    T: int
    C: int
    slices: int
    block: int
    """Columns that pass by together."""
    size: int
    """Elements of the sums of a slice, whole panels."""
    w_k: int
    """Distance of w's rows of one tap."""


class Windows(NamedTuple):
    """Which pixels each tap meets inside the image: their number, and for each where x begins and which row it is."""

    counts: Array
    starts: Array
    places: Array


@inline
def _ask_both(w: Array, at: int) -> None:
    ask(w, at)
    ask(w, at + LANES)


@inline
def _eight(
    w: Array, row: int, w_k: int, near: Array, i: int, places: Array, first: int, count: int, sums: Array, o: int,
    left: int,
) -> None:  # fmt: skip
    """sums[place, :] += near[pixel, i : i+8] w[row : +8 rows, :left] for ``count`` pixels.

    Pixels are read by address: an index that may count from the end costs an instruction for each multiply-add.
    """
    more, ahead = left - LANES, row + AHEAD * w_k
    w00, w01 = load_first(w, row, left), load_first(w, row + LANES, more)
    w10, w11 = load_first(w, row + w_k, left), load_first(w, row + w_k + LANES, more)
    w20, w21 = load_first(w, row + 2 * w_k, left), load_first(w, row + 2 * w_k + LANES, more)
    w30, w31 = load_first(w, row + 3 * w_k, left), load_first(w, row + 3 * w_k + LANES, more)
    w40, w41 = load_first(w, row + 4 * w_k, left), load_first(w, row + 4 * w_k + LANES, more)
    w50, w51 = load_first(w, row + 5 * w_k, left), load_first(w, row + 5 * w_k + LANES, more)
    w60, w61 = load_first(w, row + 6 * w_k, left), load_first(w, row + 6 * w_k + LANES, more)
    w70, w71 = load_first(w, row + 7 * w_k, left), load_first(w, row + 7 * w_k + LANES, more)
    _ask_both(w, ahead), _ask_both(w, ahead + w_k)
    _ask_both(w, ahead + 2 * w_k), _ask_both(w, ahead + 3 * w_k)
    _ask_both(w, ahead + 4 * w_k), _ask_both(w, ahead + 5 * w_k)
    _ask_both(w, ahead + 6 * w_k), _ask_both(w, ahead + 7 * w_k)
    place = at(places, first)
    for m in range(count):
        a, to = at(near, i + m * UNIT), o + place[m]
        a0, a1, a2, a3 = splat(a[0]), splat(a[1]), splat(a[2]), splat(a[3])
        a4, a5, a6, a7 = splat(a[4]), splat(a[5]), splat(a[6]), splat(a[7])
        low, high = load(sums, to), load(sums, to + LANES)
        low = fma(a3, w30, fma(a2, w20, fma(a1, w10, fma(a0, w00, low))))
        high = fma(a3, w31, fma(a2, w21, fma(a1, w11, fma(a0, w01, high))))
        store(sums, to, fma(a7, w70, fma(a6, w60, fma(a5, w50, fma(a4, w40, low)))))
        store(sums, to + LANES, fma(a7, w71, fma(a6, w61, fma(a5, w51, fma(a4, w41, high)))))


@inline
def _one(
    w: Array, row: int, near: Array, i: int, places: Array, first: int, count: int, sums: Array, o: int, left: int
) -> None:
    low, high = load_first(w, row, left), load_first(w, row + LANES, left - LANES)
    for m in range(count):
        a, to = splat(near[i + m * UNIT]), o + places[first + m]
        store(sums, to, fma(a, low, load(sums, to)))
        store(sums, to + LANES, fma(a, high, load(sums, to + LANES)))


@spread
def stream(
    worker: int, workers: int, x: Array, counts: Array, starts: Array, places: Array, w: Array, taps: Array,
    sums: Array, near: Array, p: Stream,
) -> None:  # fmt: skip
    """Set sums[slice, panel, pixel, column] to its slice of the products; the row of w of (tap, k) is at
    taps[tap] + k * w_k.
    """
    chunks = (p.C + UNIT - 1) // UNIT
    blocks = (p.N + p.block - 1) // p.block
    room = worker * p.pixels * UNIT
    for task in range(worker * p.slices * blocks // workers, (worker + 1) * p.slices * blocks // workers):
        part, n0 = task // blocks, task % blocks * p.block
        n1 = min(p.N, n0 + p.block)
        whole = n1 // WIDTH * WIDTH
        base = part * p.size
        for i in range(base + n0 * p.pixels, base + (n1 + WIDTH - 1) // WIDTH * WIDTH * p.pixels, LANES):
            store(sums, i, splat(np.float32(0)))
        for unit in range(part * p.T * chunks // p.slices, (part + 1) * p.T * chunks // p.slices):
            tap, k = unit // chunks, unit % chunks * UNIT
            first, count, steps = tap * p.pixels, counts[tap], min(UNIT, p.C - k)
            for m in range(count):
                for i in range(0, UNIT, LANES):
                    store(near, room + m * UNIT + i, load_first(x, starts[first + m] + k + i, steps - i))
            row = taps[tap] + k * p.w_k
            for i in range(0, steps - EIGHT + 1, EIGHT):
                for n in range(n0, whole, WIDTH):
                    o = base + n * p.pixels
                    _eight(w, row + i * p.w_k + n, p.w_k, near, room + i, places, first, count, sums, o, WIDTH)
                if whole < n1:
                    o = base + whole * p.pixels
                    _eight(w, row + i * p.w_k + whole, p.w_k, near, room + i, places, first, count, sums, o, n1 - whole)
            for i in range(steps // EIGHT * EIGHT, steps):
                for n in range(n0, n1, WIDTH):
                    o = base + n * p.pixels
                    _one(w, row + i * p.w_k + n, near, room + i, places, first, count, sums, o, n1 - n)


@spread
def add_up(
    worker: int, workers: int, sums: Array, scale: Array, bias: Array, floor: float, y: Array, p: Stream
) -> None:
    """y (pixels, N) = max(the slices of sums * scale + bias, floor); scale may be empty. Threads share panels' rows."""
    rows = p.size // WIDTH
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        n, m = row // p.pixels * WIDTH, row % p.pixels
        for half in range(0, WIDTH, LANES):
            here = p.N - n - half
            total = load(sums, row * WIDTH + half)
            for part in range(1, p.slices):
                total = total + load(sums, part * p.size + row * WIDTH + half)
            if scale.size:
                total = total * load_first(scale, n + half, here)
            total = maximum(total + load_first(bias, n + half, here), splat(floor))
            store_first(y, m * p.N + n + half, total, here)


@lru_cache(maxsize=1024)
def plan(pixels: int, N: int, T: int, C: int, w_k: int) -> Stream:
    """Cut T taps of C steps into slices, a multiple of four, and N columns into blocks."""
    units = T * -(-C // UNIT)
    slices = min(units, 4 * -(-T * C // (4 * STEPS)))
    panels = -(-N // WIDTH)
    block = min(panels, max(8, HELD // (pixels * WIDTH))) * WIDTH
    return Stream(pixels, N, T, C, slices, block, panels * WIDTH * pixels, w_k)


@lru_cache(maxsize=512)
def windows(
    N: int, H: int, W: int, C: int, out: Pair, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair
) -> Windows:
    """Find the pixels (n, i, j) of the result that each tap meets inside x (N, H, W, C)."""
    pixels = N * out[0] * out[1]
    shape = (kernel[0] * kernel[1], pixels)
    counts, starts, places = np.zeros(shape[0], np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    n, i, j = (axis.reshape(-1) for axis in np.indices((N, *out)))
    for tap in range(shape[0]):
        h = i * stride[0] + tap // kernel[1] * dilation[0] - padding[0]
        v = j * stride[1] + tap % kernel[1] * dilation[1] - padding[2]
        met = np.flatnonzero((0 <= h) & (h < H) & (0 <= v) & (v < W))
        counts[tap] = len(met)
        starts[tap, : len(met)] = ((n * H + h) * W + v)[met] * C
        places[tap, : len(met)] = met * WIDTH
    return Windows(counts, starts.reshape(-1), places.reshape(-1))


@lru_cache(maxsize=64)
def _steps(count: int, step: int) -> Array:
    return np.arange(count, dtype=np.int64) * step


@lru_cache(maxsize=512)
def rows(count: int, step: int) -> Windows:
    """The table of a plain product: one tap, which meets all rows of a matrix, ``step`` elements apart."""
    return Windows(np.array([count]), _steps(count, step), _steps(count, WIDTH))


def run(
    x: Array, table: Windows, w: Array, taps: Array, p: Stream, scale: Array, bias: Array, floor: np.float32, y: Array
) -> None:
    """Set y to the product: flat x, w and y, and a bias of N elements."""
    threads = get_num_threads()
    sums = scratch("sums", p.slices * p.size)
    near = scratch("near", threads * p.pixels * UNIT)
    tasks = p.slices * -(-p.N // p.block)
    stream(min(threads, tasks), x, *table, w, taps, sums, near, p)
    add_up(min(threads, max(1, p.slices * p.size >> 14)), sums, scale, bias, floor, y, p)


def convolve(
    x: Array, w: Array, bias: Array, y: Array, stride: Pair, padding: Quad, dilation: Pair, floor: np.float32,
    scale: Array,
) -> None:  # fmt: skip
    """Set y (N, OH, OW, OC) to the convolution of x (N, H, W, C) with w (OC, C, KH, KW), in one group.

    Filters in the order of the layers, (KH, KW, C, OC), are read where they lie; others are turned over before.
    """
    (N, H, W, C), (_, OH, OW, OC), kernel = x.shape, y.shape, (w.shape[2], w.shape[3])
    T = kernel[0] * kernel[1]
    lines = w.transpose(2, 3, 1, 0)
    if lines.flags.c_contiguous:
        memory, taps, w_k = flat(lines), _steps(T, C * OC), OC
    else:
        memory, taps, w_k = flat(swap(np.ascontiguousarray(w).reshape(1, OC, C * T))), _steps(T, OC), T * OC
    table = windows(N, H, W, C, (OH, OW), kernel, stride, padding, dilation)
    run(flat(x), table, memory, taps, plan(N * OH * OW, OC, T, C, w_k), scale, bias, floor, flat(y))


def product(a: Array, b: Array, c: Array, bias: Array, floor: np.float32) -> None:
    """Set c to max(a @ b + bias, floor), all three row-major."""
    (M, K), N = a.shape, b.shape[1]
    run(flat(a), rows(M, K), flat(b), _steps(1, 0), plan(M, N, 1, K, N), _NONE, bias, floor, flat(c))
