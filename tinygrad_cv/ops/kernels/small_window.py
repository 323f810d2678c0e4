"""Convolution whose windows are so small that all their weights, or all their sums, stay in registers.

The first layer of a network sees one channel or three: a window of 3 x 3 x 1, 5 x 5 x 1 or 3 x 3 x 3 numbers makes 9 to
27 multiply-adds for a vector of LANES filters. For such short sums the micro-kernel spends as long on beginning and
ending a tile as on the sum itself. Here there are no tiles: along a line of pixels

    convolve       y[j] = bias + sum over k of window[k] * w[k]     (K weights in registers)
    weight_sums    sum[k] += window[k] * g[j]                       (K sums in registers)

where window[k] is one number, broadcast as it is loaded (see `window_lines`). The plan is a gather of `plans` in larger
tasks; the twin in plain loops is `conv_loops`. Milliseconds on two cores, Zen 4, forward and the gradient for w:

    x, filters                     micro-kernel   here           PyTorch
    64 x 1 x 28 x 28, 6 of 5x5     0.37, 0.34     0.14, 0.13     0.36, 0.23
    64 x 1 x 28 x 28, 32 of 3x3    0.35, 0.28     0.19, 0.20     0.33, 0.22
    128 x 3 x 32 x 32, 16 of 3x3   1.12, 0.78     0.69, 0.64     0.73, 0.62
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...typing import Array
from . import plans
from .direct import clear, cut_out
from .jit import inline, spread
from .plans import Band, Sizes
from .simd import LANES
from .window_lines import KINDS, MOST, Kind, Taps, kind_of, line, sums

Pair = tuple[int, int]
Plan = tuple[plans.Gather, Taps, Kind, int]
"""The gather, its taps, the kind of vector, and how many lines of g are summed at once."""

KERNELS = ((3, 3), (5, 5))
"""Each kind of window is compiled by itself, at its first use: only common ones are worth a second."""

BLOCK = 192
"""Vectors of g that are summed at once: they stay in the first-level cache from vector to vector of filters, and no
more numbers are added one after the other (see `micro` on the error of a long sum)."""


@inline
def _source(
    x: Array, band: Band, sizes: Sizes, n0: int, images: int, i0: int, height: int, a0: int, buffers: Array
) -> int:
    """Copy what a task reads to buffers[a0:], or return where it lies in x."""
    if sizes.copied:
        cut_out(x, band, n0, images, i0, height, 0, band.C, buffers, a0)
        return a0
    return ((n0 * band.H + i0 * band.SH + band.rise) * band.W + band.slide) * band.C


@spread
def convolve(
    worker: int, workers: int, x: Array, w: Array, bias: Array, y: Array, rows: Array, taps: Taps,
    kind: Kind, band: Band, sizes: Sizes, floor: Any, buffers: Array,
) -> None:  # fmt: skip
    """Run the plan: y = convolution of x with w (KH, KW, C, OC) + bias; results below ``floor`` become it."""
    OC, step = sizes.OC, band.SW * band.C
    for task in range(worker * band.tasks // workers, (worker + 1) * band.tasks // workers):
        n0, i0 = task // band.strips * band.images, task % band.strips * band.rows
        images, height = min(band.images, band.N - n0), min(band.rows, band.PH - i0)
        source = buffers if sizes.copied else x
        a0 = _source(x, band, sizes, n0, images, i0, height, worker * sizes.buffer, buffers)
        x_line = rows[band.PW] - rows[0] if band.rows > 1 else 0
        for n in range(images):
            at, to = a0 + rows[n * height * band.PW], ((n0 + n) * band.PH + i0) * band.PW * OC
            for o in range(0, OC, LANES):
                line(
                    source, at, step, taps, kind, w, o, OC, bias, o, y, to + o, OC, band.PW, height, x_line,
                    min(LANES, OC - o), floor,
                )  # fmt: skip


@spread
def weight_sums(
    worker: int, workers: int, x: Array, g: Array, out: Array, rows: Array, taps: Taps, kind: Kind, most: int,
    band: Band, sizes: Sizes, slices: int, buffers: Array,
) -> None:  # fmt: skip
    """out[slice, tap, filter] = sum over the slice's pixels of window[tap] * g[filter]."""
    OC, step = sizes.OC, band.SW * band.C
    x_line = rows[band.PW] - rows[0] if band.rows > 1 else 0
    for part in range(worker * slices // workers, (worker + 1) * slices // workers):
        to = part * sizes.K * OC
        clear(out, to, sizes.K * OC)
        for task in range(part * band.tasks // slices, (part + 1) * band.tasks // slices):
            n0, i0 = task // band.strips * band.images, task % band.strips * band.rows
            images, height = min(band.images, band.N - n0), min(band.rows, band.PH - i0)
            source = buffers if sizes.copied else x
            a0 = _source(x, band, sizes, n0, images, i0, height, worker * sizes.buffer, buffers)
            for n in range(images):
                for i in range(0, height, most):
                    k, lines = n * height + i, min(most, height - i)
                    at, t = a0 + rows[k * band.PW], (n0 * band.PH + i0 + k) * band.PW * OC
                    for o in range(0, OC, LANES):
                        sums(
                            source, at, step, taps, kind, g, t + o, OC, band.PW, lines, x_line, min(LANES, OC - o),
                            out, to + o, OC,
                        )  # fmt: skip


def fits(C: int, kernel: Pair, dilation: Pair, groups: int) -> bool:
    """Tell whether a convolution is one of these: a common kernel, and a window of at most MOST numbers."""
    K = C * kernel[0] * kernel[1]
    return groups == 1 and kernel in KERNELS and dilation[1] == 1 and 0 < K <= MOST


@lru_cache(maxsize=1024)
def plan(
    N: int, H: int, W: int, C: int, OC: int, kernel: Pair, out: Pair, stride: Pair, padding: tuple[int, ...],
    dilation: Pair,
) -> Plan:  # fmt: skip
    """Plan y = conv2d(x, w) in tasks of some 1100 pixels, and the gradient for w on the same tasks."""
    gather = plans.forward(N, H, W, C, OC, kernel, out, stride, padding, dilation, 1, 1100)
    taps = tuple(tuple(int(start) + k for k in range(gather.sizes.K // len(gather.taps))) for start in gather.taps)
    kind = kind_of(OC, stride[1] * C == 1 and out[1] % 2 == 0 and stride[0] == dilation[0])
    vector = KINDS[len(kind) - 1]
    lines = BLOCK * vector.pixels // (out[1] * -(-OC // LANES))
    return gather, taps, kind, max(vector.together, lines - lines % vector.together)
