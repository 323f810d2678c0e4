"""Gradients that read or write one large matrix once: of a layer with thousands of weights and a handful of images.

With P images, P at most ``SKINNY``, a layer of I x O weights does P multiply-adds for each weight that it fetches from
memory. Blocking for caches cannot help, packing only adds a copy. So each of the two products walks through the
weights in the order of memory, and keeps the small operand in the first-level cache (`stream` does so for the layer's
result, y[p, o] = sum over i of x[p, i] W[i, o]):

    dots    gx[p, i] = sum over o of g[p, o] W[i, o]      four images x four rows of W; the next four are asked for
    outer   gw[i, o] = sum over p of x[p, i] g[p, o]      four rows of gw at a time, from end to end

Threads share rows of W in whole tiles; each number is summed by one of them in a fixed order.

Milliseconds with 9216 x 4096 weights (151 MB) on two cores that read 34 GB/s and write 29; without asking for the next
rows, and one row of gw at a time in parts of 1024 columns; and the bytes alone:

    images      gx              gw
    1           4.4 (4.6, 4.4)  3.8 (7.4, 5.1)
    8           4.6 (6.2, 4.4)  5.9 (8.2, 5.1)
"""

from __future__ import annotations

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, spread
from .memory import flat, scratch
from .simd import LANES, ask, fma, load, load_first, splat, store_first, total

SKINNY = 8
"""Rows of the small operand at most: with 16, packing pays."""

LARGE = 1 << 18
"""Elements of the large matrix at least: 1 MiB, the second-level cache."""

PAIR = 2 * LANES


@inline
def _four_by_four(a: Array, step: int, b: Array, c: Array, M: int, N: int, K: int, m: int, n: int) -> None:
    """c[m : m+4, n : n+4] = the dot products of rows of a and b; beyond the end the last row is taken again."""
    m0, m1, m2, m3 = m, min(m + 1, M - 1), min(m + 2, M - 1), min(m + 3, M - 1)
    n0, n1, n2, n3 = n, min(n + 1, N - 1), min(n + 2, N - 1), min(n + 3, N - 1)
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = splat(np.float32(0))
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = splat(np.float32(0))
    for k in range(0, K, LANES):
        left = K - k
        ask(b, (n + 4) * K + k)
        ask(b, (n + 5) * K + k)
        ask(b, (n + 6) * K + k)
        ask(b, (n + 7) * K + k)
        b0, b1 = load_first(b, n0 * K + k, left), load_first(b, n1 * K + k, left)
        b2, b3 = load_first(b, n2 * K + k, left), load_first(b, n3 * K + k, left)
        a0, a1, a2, a3 = load(a, m0 * step + k), load(a, m1 * step + k), load(a, m2 * step + k), load(a, m3 * step + k)
        s00, s01, s02, s03 = fma(a0, b0, s00), fma(a0, b1, s01), fma(a0, b2, s02), fma(a0, b3, s03)
        s10, s11, s12, s13 = fma(a1, b0, s10), fma(a1, b1, s11), fma(a1, b2, s12), fma(a1, b3, s13)
        s20, s21, s22, s23 = fma(a2, b0, s20), fma(a2, b1, s21), fma(a2, b2, s22), fma(a2, b3, s23)
        s30, s31, s32, s33 = fma(a3, b0, s30), fma(a3, b1, s31), fma(a3, b2, s32), fma(a3, b3, s33)
    c[m0 * N + n0], c[m0 * N + n1], c[m0 * N + n2], c[m0 * N + n3] = total(s00), total(s01), total(s02), total(s03)
    c[m1 * N + n0], c[m1 * N + n1], c[m1 * N + n2], c[m1 * N + n3] = total(s10), total(s11), total(s12), total(s13)
    c[m2 * N + n0], c[m2 * N + n1], c[m2 * N + n2], c[m2 * N + n3] = total(s20), total(s21), total(s22), total(s23)
    c[m3 * N + n0], c[m3 * N + n1], c[m3 * N + n2], c[m3 * N + n3] = total(s30), total(s31), total(s32), total(s33)


@spread
def _dots(worker: int, workers: int, a: Array, step: int, b: Array, c: Array, M: int, N: int, K: int) -> None:
    """c (M, N) = a b^T, the rows of b (N, K) contiguous, those of a ``step`` apart; threads share the rows of b."""
    tiles = (N + 3) // 4
    for tile in range(worker * tiles // workers, (worker + 1) * tiles // workers):
        for m in range(0, M, 4):
            _four_by_four(a, step, b, c, M, N, K, m, tile * 4)


@inline
def _four_rows(
    a: Array, a_m: int, a_k: int, b: Array, step: int, c: Array, M: int, N: int, K: int, m: int, n: int, left: int
) -> None:
    """c[m : m+4, n : n+left] = a b, PAIR columns at most; beyond the end the last row is taken again."""
    m1, m2, m3, more = min(m + 1, M - 1), min(m + 2, M - 1), min(m + 3, M - 1), left - LANES
    c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = splat(np.float32(0))
    for k in range(K):
        at, i = k * step + n, k * a_k
        b0, b1 = load(b, at), load(b, at + LANES)
        a0, a1, a2, a3 = splat(a[i + m * a_m]), splat(a[i + m1 * a_m]), splat(a[i + m2 * a_m]), splat(a[i + m3 * a_m])
        c00, c01, c10, c11 = fma(a0, b0, c00), fma(a0, b1, c01), fma(a1, b0, c10), fma(a1, b1, c11)
        c20, c21, c30, c31 = fma(a2, b0, c20), fma(a2, b1, c21), fma(a3, b0, c30), fma(a3, b1, c31)
    store_first(c, m * N + n, c00, left)
    store_first(c, m * N + n + LANES, c01, more)
    store_first(c, m1 * N + n, c10, left)
    store_first(c, m1 * N + n + LANES, c11, more)
    store_first(c, m2 * N + n, c20, left)
    store_first(c, m2 * N + n + LANES, c21, more)
    store_first(c, m3 * N + n, c30, left)
    store_first(c, m3 * N + n + LANES, c31, more)


@spread
def _outer(
    worker: int, workers: int, a: Array, a_m: int, a_k: int, b: Array, step: int, c: Array, M: int, N: int, K: int
) -> None:
    """c (M, N) = a b with few columns of a, the rows of b ``step`` apart; threads share the rows of c."""
    tiles = (M + 3) // 4
    for tile in range(worker * tiles // workers, (worker + 1) * tiles // workers):
        for n in range(0, N // PAIR * PAIR, PAIR):
            _four_rows(a, a_m, a_k, b, step, c, M, N, K, tile * 4, n, PAIR)
        if N % PAIR:
            _four_rows(a, a_m, a_k, b, step, c, M, N, K, tile * 4, N // PAIR * PAIR, N % PAIR)


def fits(a: Array, b: Array) -> bool:
    """Tell whether a @ b is one of the two: one operand or the result large, and little to do with it."""
    (M, K), N = a.shape, b.shape[1]
    if M <= SKINNY and K * N >= LARGE:
        return b.flags.f_contiguous
    return 0 < K <= SKINNY and M * N >= LARGE


def product(a: Array, b: Array, c: Array, bias: Array | None = None, relu: bool = False) -> None:
    """Set the row-major matrix c to a @ b, plus a row ``bias``, with ``relu`` nothing below 0, where `fits`."""
    (M, K), N = a.shape, b.shape[1]
    threads, memory = get_num_threads(), flat(a)
    a_m, a_k = (1 if n == 1 else s // 4 for n, s in zip(a.shape, a.strides))
    if M <= SKINNY:
        held, step = _apart(a)
        _dots(threads, held, step, flat(b), flat(c), M, N, K)
    else:
        held, step = _apart(b)
        _outer(threads, memory, a_m, a_k, held, step, flat(c), M, N, K)
    if bias is not None:
        c += bias
    if relu:
        np.maximum(c, 0, out=c)


def _apart(x: Array) -> tuple[Array, int]:
    """Return a copy of the few rows of x, filled up with zeros to whole vectors and one more, and their distance."""
    step = -(-x.shape[1] // LANES) * LANES + LANES
    held = scratch("skinny", len(x) * step)
    rows = held[: len(x) * step].reshape(len(x), step)
    rows[:, : x.shape[1]], rows[:, x.shape[1] :] = x, 0
    return held, step
