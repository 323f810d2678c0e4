"""Matrix products on the micro-kernel: y = x w^T + b and its two gradients, from matrices in any order of memory.

A product C[m, n] = sum over k of A[m, k] B[k, n] is cut into blocks of C, one a task. For each task the loops are

    for block of KC steps k:
        pack B[k, n] of the block into panels                 (they stay in the second-level cache)
        for panel of columns:
            for tile of rows:                                 (a tile of C stays in registers)
                for k: C[m, n] += A[m, k] * panel[k, n]

(Goto and van de Geijn 2008, figure 4, without their packing of A: its rows are read through offsets.) Packing block by
block reads weights once, straight from memory. Every element of C is summed by one task in the order of k, so the
number of threads changes nothing. Few rows and many weights go by `stream`, or by `skinny`.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from ...typing import Array
from . import skinny, stream
from .jit import get_num_threads, inline, spread
from .memory import empty, flat, scratch
from .micro import NO_FLOOR, ROWS, WIDTH, multiply
from .rows_numba import swap as turned
from .simd import LANES, load_first, store
from .simd_turn import turn
from .strokes import work

KC = 256
"""Steps of a sum per block: 256 x 256 packed floats are 256 KiB, a part of any second-level cache."""

NC = 256 // WIDTH * WIDTH
"""Columns of a block."""


FEW, LONG, MANY = 128, 64, 1 << 17
"""Rows of a at most, of b at least, and numbers of b at least for `stream`. Milliseconds on two cores with weights from
memory, packed and streamed: 1 x 9216 x 4096 12.9 and 2.9, 8 13.9 and 3.9, 64 34 and 27; 128 x 2304 x 256 0.90 and 0.77;
256 x 512 x 512 0.68 and 0.94."""


BROAD = 1 << 20
"""Numbers of b from which on it is not packed where its columns are contiguous."""


@inline
def _pack(b: Array, b0: int, b_k: int, b_n: int, steps: int, columns: int, out: Array, o: int) -> None:
    """Lay B[k, n] out in panels of WIDTH columns (the last one or two vectors wide), filled up with zeros."""
    for j in range(0, columns, WIDTH):
        here = min(WIDTH, columns - j)
        width = WIDTH if here > LANES else LANES
        at, to = b0 + j * b_n, o + j * steps
        if b_n == 1:
            for k in range(steps):
                for half in range(0, width, LANES):
                    store(out, to + k * width + half, load_first(b, at + k * b_k + half, here - half))
        else:
            if b_k == 1:
                for n in range(0, here, LANES):
                    for k in range(0, steps, LANES):
                        i, j = max(0, min(n, here - LANES)), max(0, min(k, steps - LANES))
                        turn(
                            b, at + i * b_n + j, b_n, min(LANES, here - i), out, to + j * width + i, width,
                            min(LANES, steps - j),
                        )  # fmt: skip
            else:
                for n in range(here):
                    for k in range(steps):
                        out[to + k * width + n] = b[at + n * b_n + k * b_k]
            for n in range(here, width):
                for k in range(steps):
                    out[to + k * width + n] = np.float32(0)


@spread
def _product(
    worker: int, workers: int, a: Array, rows: Array, a_k: int, b: Array, b_k: int, b_n: int, c: Array, places: Array,
    M: int, N: int, K: int, MC: int, NB: int, tasks: int, bias: Array, floor: float, panels: Array, zero: Array,
) -> None:  # fmt: skip
    """Run the tasks: blocks of MC rows x NB columns, column blocks innermost."""
    blocks = (N + NB - 1) // NB
    room = worker * KC * (NB + WIDTH)
    for task in range(worker * tasks // workers, (worker + 1) * tasks // workers):
        m0, n0 = task // blocks * MC, task % blocks * NB
        height, columns = min(MC, M - m0), min(NB, N - n0)
        for k0 in range(0, K, KC):
            steps = min(KC, K - k0)
            _pack(b, k0 * b_k + n0 * b_n, b_k, b_n, steps, columns, panels, room)
            lowest = floor if k0 + steps == K else NO_FLOOR
            for j in range(0, columns, WIDTH):
                here = min(WIDTH, columns - j)
                multiply(
                    a, k0 * a_k, rows, m0, height, zero, 0, 1, steps, a_k, panels, room + j * steps,
                    WIDTH if here > LANES else LANES, c, n0 + j, places, here, k0 > 0, bias, n0 + j, lowest,
                    a, 0, 0,
                )  # fmt: skip


@lru_cache(maxsize=512)
def _offsets(count: int, step: int) -> Array:
    return np.arange(count, dtype=np.int64) * step


_ZERO = np.zeros(1, np.int64)


PACKING = 3
"""Rows of a tile that take as long as packing the columns that they meet."""


@lru_cache(maxsize=512)
def _cut(M: int, N: int, K: int, workers: int) -> tuple[int, int]:
    """Return rows and columns per task: of all cuts the one whose busiest worker has least to do.

    Small products are not cut at all. Which task computes an element changes no bit of it.
    """
    panels = -(-N // WIDTH)
    if M * N * K < 1 << 17:
        return M, panels * WIDTH
    heights = sorted({-(-M // (parts * ROWS)) * ROWS for parts in range(1, max(1, min(8, M // (2 * ROWS))) + 1)})
    widths = range(1, min(NC // WIDTH, panels) + 1)

    def busiest(cut: tuple[int, int]) -> int:
        tasks = -(-M // cut[0]) * -(-panels // cut[1])
        return -(-tasks // workers) * cut[1] * (min(work(M), cut[0]) + PACKING)

    height, width = min(product(reversed(heights), widths), key=busiest)
    return height, width * WIDTH


def _matrix(x: Array) -> tuple[Array, int, int]:
    """Return the memory of a matrix and its strides in elements; one with gaps is copied."""
    try:
        memory = flat(x)
    except ValueError:
        x = np.ascontiguousarray(x)
        memory = flat(x)
    rows, columns = (1 if n == 1 else s // 4 for n, s in zip(x.shape, x.strides))
    return memory, rows, columns


def _multiply(a: Array, b: Array, c: Array, bias: Array | None = None, relu: bool = False) -> None:
    """Set the row-major matrix c to a @ b, plus a row ``bias``, and with ``relu`` nothing below 0."""
    (M, K), N = a.shape, b.shape[1]
    if c.size == 0 or K == 0:
        c[...] = 0 if bias is None else bias
        if relu:
            np.maximum(c, 0, out=c)
        return
    a_memory, a_m, a_k = _matrix(a)
    b_memory, b_k, b_n = _matrix(b)
    workers = get_num_threads()
    height, columns = _cut(M, N, K, workers)
    tasks = -(-M // height) * -(-N // columns)
    workers = min(workers, tasks)
    _product(
        workers, a_memory, _offsets(M, a_m), a_k, b_memory, b_k, b_n, flat(c), _offsets(M, N), M, N, K, height, columns,
        tasks, padded_bias(bias, N), np.float32(0) if relu else NO_FLOOR,
        scratch("panels", workers * KC * (columns + WIDTH)), _ZERO,
    )  # fmt: skip


@lru_cache(maxsize=64)
def no_bias(columns: int) -> Array:
    """Return zeros in place of a bias."""
    return np.zeros(columns + 2 * WIDTH, np.float32)


def padded_bias(bias: Array | None, columns: int) -> Array:
    """Return the bias, or zeros, with room for a whole panel beyond its end, as the micro-kernel reads it."""
    if bias is None:
        return no_bias(columns)
    held = scratch("bias", columns + 2 * WIDTH)
    held[:columns] = bias
    return held


def _streams(a: Array, b: Array) -> bool:
    """Tell whether a @ b goes by `stream`: few rows, and many weights, both in the order in which it reads them."""
    few, long = a.shape[0] <= FEW and a.flags.c_contiguous, b.shape[0] >= LONG and b.size >= MANY
    return few and long and b.flags.c_contiguous


def matmul(a: Array, b: Array) -> Array:
    """Return a @ b for two float32 matrices in any order of memory.

    Where the columns of b are contiguous rather than its rows, (b^T a^T)^T is computed: b is then the left operand,
    which is read where it lies, and only a is packed, if b is large (32 x 4096 x 4096: 6.3 ms instead of 8.5; but 64 x
    120 x 400: 45 microseconds instead of 42). The result is turned over to row-major: where it is a flattened image's
    gradient, NumPy would bring it into the image's order a number at a time.
    """
    if _streams(a, b):
        c = empty((a.shape[0], b.shape[1]))
        stream.product(a, b, c, no_bias(b.shape[1]), NO_FLOOR)
        return c
    if skinny.fits(a, b):
        c = empty((a.shape[0], b.shape[1]))
        skinny.product(a, b, c)
        return c
    swap = b.size >= BROAD and b.strides[0] < b.strides[1]
    left, right = (b.T, a.T) if swap else (a, b)
    c = empty((left.shape[0], right.shape[1]))
    _multiply(left, right, c)
    return turned(c[None])[0] if swap else c


def linear(x: Array, w: Array, bias: Array | None = None, relu: bool = False) -> Array:
    """Return x w^T + bias, (P, O), for x (P, I) and w (O, I), with ``relu`` nothing below 0."""
    y = empty((x.shape[0], w.shape[0]))
    if _streams(x, w.T):
        stream.product(x, w.T, y, padded_bias(bias, len(w)), np.float32(0) if relu else NO_FLOOR)
    elif skinny.fits(x, w.T):
        skinny.product(x, w.T, y, bias, relu)
    else:
        _multiply(x, w.T, y, bias, relu)
    return y
