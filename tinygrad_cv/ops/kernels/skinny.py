"""Gradients that read or write one large matrix once: of a layer with thousands of weights and a handful of images.

With P images, P at most ``SKINNY``, a layer of I x O weights does P multiply-adds for each weight that it fetches from
memory. Blocking for caches cannot help, packing only adds a copy. So each of the two products walks through the
weights in the order of memory, and keeps the small operand in the first-level cache (`stream` does so for the layer's
result, y[p, o] = sum over i of x[p, i] W[i, o]):

    dots    gx[p, i] = sum over o of g[p, o] W[i, o]      four images x four rows of W in registers
    outer   gw[i, o] = sum over p of x[p, i] g[p, o]      written past the caches: nobody reads it soon

Threads share rows of W in whole tiles; each number is summed by one of them in a fixed order.

Milliseconds with 9216 x 4096 weights (151 MB) on two cores that read 22 GB/s and write 27, beside the blocked product
of `product`, and PyTorch's:

    images      gx              gw
    1           3.8 (10, 6.5)   7.7 (9.3, 68)
    8           6.2 (10, 22)    8.9 (13, 59)
"""

from __future__ import annotations

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, spread
from .memory import flat, scratch
from .simd import LANES, fma, load, load_first, splat, store, store_first, total

SKINNY = 8
"""Rows of the small operand at most: with 16, packing pays."""

LARGE = 1 << 18
"""Elements of the large matrix at least: 1 MiB, the second-level cache."""

PAIR = 2 * LANES
BROAD = 32 * PAIR
"""Columns of g that stay in a cache while rows of gw are written."""


@inline
def _four_by_four(a: Array, step: int, b: Array, c: Array, M: int, N: int, K: int, m: int, n: int) -> None:
    """c[m : m+4, n : n+4] = the dot products of rows of a and b; beyond the end the last row is taken again."""
    m0, m1, m2, m3 = m, min(m + 1, M - 1), min(m + 2, M - 1), min(m + 3, M - 1)
    n0, n1, n2, n3 = n, min(n + 1, N - 1), min(n + 2, N - 1), min(n + 3, N - 1)
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = splat(np.float32(0))
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = splat(np.float32(0))
    for k in range(0, K, LANES):
        left = K - k
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


@spread
def _outer(
    worker: int, workers: int, a: Array, a_m: int, a_k: int, b: Array, step: int, c: Array, M: int, N: int, K: int
) -> None:
    """c (M, N) = a b with few columns of a, the rows of b ``step`` apart; threads share the rows of c."""
    zero = splat(np.float32(0))
    m0, m1 = worker * M // workers, (worker + 1) * M // workers
    for n0 in range(0, N, BROAD):
        n1 = min(N, n0 + BROAD)
        whole = n0 + (n1 - n0) // (2 * PAIR) * (2 * PAIR)
        for m in range(m0, m1):
            for n in range(n0, whole, 2 * PAIR):
                c0 = c1 = c2 = c3 = zero
                for k in range(K):
                    s, at = splat(a[m * a_m + k * a_k]), k * step + n
                    c0, c1 = fma(s, load(b, at), c0), fma(s, load(b, at + LANES), c1)
                    c2, c3 = fma(s, load(b, at + PAIR), c2), fma(s, load(b, at + PAIR + LANES), c3)
                o = m * N + n
                store(c, o, c0)
                store(c, o + LANES, c1)
                store(c, o + PAIR, c2)
                store(c, o + PAIR + LANES, c3)
            for n in range(whole, n1, LANES):
                c0 = zero
                for k in range(K):
                    c0 = fma(splat(a[m * a_m + k * a_k]), load(b, k * step + n), c0)
                store_first(c, m * N + n, c0, n1 - n)


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
