"""How a convolution is cut into tasks, and the tables of offsets that the micro-kernel walks.

Convolution and its input gradient are one thing here, a *gather*: every pixel of a destination grid collects,
over taps t, what lies in a source image at

    row    i*SH + rise[t]        column    j*SW + slide[t]

Forward, the source is x, the grid is all of y, and tap (p, q) has rise p*DH - top and slide q*DW - left.
Backward, the source is g, and g[i', j'] has reached the pixel (i, j) of x through tap (p, q) if i'*SH + p*DH
- top = i. So for i = SH*u + a only the taps with SH | a + top - p*DH count, at i' = u + (a + top - p*DH)/SH:
the pixels of x fall into SH*SW phases (a, b), each one a gather with stride 1 and its own taps.

A task is a band of rows of one image, or several whole images when they are small. Its part of the source is
copied into a buffer with a border of zeros, so that no tap has to ask whether it left the image; where none
does, nothing is copied. A run of taps side by side is one contiguous run of channels-last memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...typing import Array
from .micro import ROWS, WIDTH
from .simd import LANES
from .strokes import pieces, sections, whole, work

Pair = tuple[int, int]

STEPS = 256
"""Steps of a sum at most, half as many again in one run, before it is added to what there is (see `micro` on the error
of a long sum). Their packed weights come from the second-level cache as fast as from the first."""

SHORT = 200
"""Steps at most where the sum has few blocks, whose errors cannot make up for each other: 256 steps at once were wrong
by 8.1e-7 of the largest value, in two blocks 3.6e-7."""

NEAR = 1 << 15
"""Bytes of the source that a task reads, about, where all weights stay near: few channels make long tasks."""

CACHED = 1 << 19
"""Bytes of packed weights that stay in the second-level cache from task to task."""


class Band(NamedTuple):
    """A task's share of a grid of PH x PW pixels, and the part of the source that it needs (all counts)."""

    N: int
    """Images."""
    H: int
    W: int
    C: int
    """The source's size."""
    PH: int
    PW: int
    """The grid's size."""
    SH: int
    SW: int
    """Source pixels per grid pixel."""
    rise: int
    slide: int
    """Where the first tap of the first pixel lies in the source; negative in the padding."""
    images: int
    rows: int
    """Images and grid rows per task: one of them is 1, or rows is PH."""
    LH: int
    LW: int
    LC: int
    """The buffer of one image: rows, pixels per row, elements per pixel."""
    strips: int
    tasks: int
    """Tasks per image (group), and in all."""


class Sizes(NamedTuple):
    """What else the gather kernel needs to know."""

    groups: int
    CG: int
    OCG: int
    """Channels and filters per group."""
    OC: int
    K: int
    """Steps of a sum: taps times channels."""
    strokes: int
    """Passes over a task for each panel of weights."""
    DH: int
    DW: int
    """The destination's size."""
    step_h: int
    step_w: int
    first_h: int
    first_w: int
    """The destination pixel of grid pixel (i, j) is (first_h + i*step_h, first_w + j*step_w)."""
    copied: bool
    buffer: int
    """Elements of one task's buffer."""
    x_rows: int
    """While the first rows are computed, what the next task reads is asked for, then what it writes."""
    x_step: int
    y_step: int
    """How far each step of a tile goes on in asking."""


class Gather(NamedTuple):
    """One launch of the gather kernel."""

    band: Band
    sizes: Sizes
    rows: Array
    """Offsets in the source, one for each pixel of a task."""
    places: Array
    """Offsets in the destination."""
    taps: Array
    strokes: Array
    """The passes over a task, each a `Stroke`."""
    p: tuple[int, ...]
    q: tuple[int, ...]
    """Which weight each tap is, in the order of packing."""


def panels(columns: int) -> int:
    """Return the columns that packed panels take: whole pairs of vectors, and a last panel of one or two."""
    full, rest = divmod(columns, WIDTH)
    return full * WIDTH + (0 if rest == 0 else LANES if rest <= LANES else WIDTH)


def cut(N: int, PH: int, PW: int, wish: int, parts: int = 16) -> Pair:
    """Return images and rows per task: about ``wish`` pixels, as few as possible in incomplete tiles.

    About ``parts`` tasks are left to share.
    """
    total = N * PH * PW
    wish = max(1, min(wish, -(-total // parts)))
    area = PH * PW
    unit, most = (area, N) if area <= wish else (PW, PH)
    near = max(1, wish // unit)
    sizes = range(max(1, near // 2), min(most, near + near // 2 + 1) + 1)
    best = min(sizes, key=lambda s: (work(s * unit) / (s * unit) + 0.002 * abs(s - near), s))
    return (best, PH) if area <= wish else (1, best)


def _band(
    N: int, H: int, W: int, C: int, PH: int, PW: int, stride: Pair, lo: Pair, extent: Pair, wish: int, LC: int,
    parts: int = 16,
) -> Band:  # fmt: skip
    images, rows = cut(N, PH, PW, wish, parts)
    strips = -(-PH // rows)
    LH, LW = (rows - 1) * stride[0] + extent[0], (PW - 1) * stride[1] + extent[1]
    return Band(N, H, W, C, PH, PW, *stride, *lo, images, rows, LH, LW, LC, strips, strips * -(-N // images))


def _pixels(band: Band, row: int, step_h: int, step_w: int, image: int) -> Array:
    """Offsets of a task's pixels, image by image, row by row."""
    n, i, j = np.ogrid[: band.images, : band.rows, : band.PW]
    return np.ascontiguousarray(n * image + i * step_h * row + j * step_w, np.int64).reshape(-1)


def reads(band: Band) -> int:
    """Return how many elements lie between what a task of the band reads first, and what the next one does."""
    return (band.images * band.H if band.rows == band.PH else band.rows * band.SH) * band.W * band.C


class Asking(NamedTuple):
    """How a task's tiles share out what the next one reads and writes: the first ``rows`` ask for what it reads."""

    rows: int
    first: int
    then: int
    """How far each step of these tiles, and of the others, goes on in memory."""


def asking(rows: int, steps: int, reads: int, writes: int) -> Asking:
    """Share out so many elements over the full tiles of ``rows``, which take ``steps`` each."""
    tiles = rows // ROWS
    first = round(tiles * reads / max(1, reads + writes))
    first = tiles if not writes else max(0, min(max(first, 1 if reads else 0), tiles - 1))
    share = (-(-count // max(1, steps * part)) for count, part in ((reads, first), (writes, tiles - first)))
    return Asking(first * ROWS if writes else rows, *share)


def _gather(
    N: int, H: int, W: int, C: int, OC: int, groups: int, grid: Pair, stride: Pair, rise: dict[int, int],
    slide: dict[int, int], image: Pair, step: Pair, first: Pair, wish: int = 0,
) -> Gather:  # fmt: skip
    """Plan a gather; ``rise`` and ``slide`` give the tap rows' and columns' offsets in the source.

    A task has about ``wish`` pixels; 0: what suits the micro-kernel.
    """
    PH, PW = grid
    p, q = sorted(rise, key=rise.__getitem__), sorted(slide, key=slide.__getitem__)
    up, left = [rise[k] for k in p], [slide[k] for k in q]
    extent = (up[-1] - up[0] + 1, left[-1] - left[0] + 1)
    inside = up[0] >= 0 and left[0] >= 0
    inside = inside and (PH - 1) * stride[0] + up[-1] < H and (PW - 1) * stride[1] + left[-1] < W
    CG, OCG = C // groups, OC // groups
    K = len(p) * len(q) * CG
    if inside and (len(p), len(q), stride, step) == (1, 1, (1, 1), (1, 1)) and (PH, PW) == (H, W) == image:
        # A matrix product: one long column of pixels, cut anywhere.
        N, H, W, PH, PW, image = 1, N * H * W, 1, N * H * W, 1, (N * H * W, 1)
    near = max(120, min(480, NEAR // (4 * stride[0] * stride[1] * max(1, C))))
    wish = wish or (near if 4 * K * panels(OCG) < CACHED else 288)
    band = _band(N, H, W, C, PH, PW, stride, (up[0], left[0]), extent, wish, C)
    LH, LW = (H, W) if inside else (band.LH, band.LW)
    rows = _pixels(band, LW * C, stride[0], stride[1] * C, LH * LW * C)
    places = _pixels(band, image[1] * OC, step[0], step[1] * OC, image[0] * image[1] * OC)
    merged = groups == 1 and extent[1] == len(q)
    starts = [
        (u - up[0]) * LW * C + (0 if merged else (v - left[0]) * C) for u in up for v in (left[:1] if merged else left)
    ]
    run = CG * len(q) if merged else CG
    most, longest = (STEPS, STEPS * 3 // 2) if K > 2 * SHORT else (SHORT, SHORT)
    n_k = run // pieces(run, longest)
    taps = np.array([at + k for at in starts for k in range(0, run, n_k)], np.int64)
    steps = whole(len(taps), n_k, most)
    pixels = band.images * band.rows * band.PW
    writes = pixels * OC if step == (1, 1) and K <= 4 * STEPS else 0  # a tile of longer sums asks early enough itself
    if not inside and merged and band.rows == PH:
        source = (stride[0] * LW * C, stride[1] * C, LH * LW * C)
        target = (step[0] * image[1] * OC, step[1] * OC, image[0] * image[1] * OC)
        part = sections(band.images, grid, stride, up, left, (H, W), C, longest, source, target)
        if part is not None:
            rows, places, taps, steps = part
            writes = 0
    sizes = Sizes(
        groups, CG, OCG, OC, K, len(steps), *image, *step, *first,
        not inside, 0 if inside else band.images * band.LH * band.LW * C,
        *asking(pixels, K * -(-OCG // WIDTH) * groups, reads(band), writes),
    )  # fmt: skip
    order = [(a, b) for a in p for b in q]
    table = np.array(steps, np.int64).reshape(-1)
    return Gather(band, sizes, rows, places, taps, table, tuple(a for a, _ in order), tuple(b for _, b in order))


class Phase(NamedTuple):
    """The pixels of x in one residue class of the stride, and the taps through which they reach y."""

    first: Pair
    grid: Pair
    rise: dict[int, int]
    slide: dict[int, int]
    """Tap row p sees the row u + rise[p] of y, where u counts the rows of the phase; columns likewise."""


def phases(size: Pair, kernel: Pair, stride: Pair, padding: tuple[int, ...], dilation: Pair) -> list[Phase]:
    """Return the phases that have taps."""
    (H, W), (SH, SW), (DH, DW) = size, stride, dilation
    found = []
    for a in range(min(SH, H)):
        for b in range(min(SW, W)):
            y, x = a + padding[0], b + padding[2]
            rise = {p: (y - p * DH) // SH for p in range(kernel[0]) if (y - p * DH) % SH == 0}
            slide = {q: (x - q * DW) // SW for q in range(kernel[1]) if (x - q * DW) % SW == 0}
            if rise and slide:
                found.append(Phase((a, b), (-(-(H - a) // SH), -(-(W - b) // SW)), rise, slide))
    return found


@lru_cache(maxsize=4096)
def forward(
    N: int, H: int, W: int, C: int, OC: int, kernel: Pair, out: Pair, stride: Pair, padding: tuple[int, ...],
    dilation: Pair, groups: int, wish: int = 0,
) -> Gather:  # fmt: skip
    """Plan y = conv2d(x, w), ``wish`` pixels a task (0: what suits the micro-kernel)."""
    rise = {p: p * dilation[0] - padding[0] for p in range(kernel[0])}
    slide = {q: q * dilation[1] - padding[2] for q in range(kernel[1])}
    return _gather(N, H, W, C, OC, groups, out, stride, rise, slide, out, (1, 1), (0, 0), wish)


@lru_cache(maxsize=4096)
def backward(
    N: int, H: int, W: int, C: int, OC: int, kernel: Pair, out: Pair, stride: Pair, padding: tuple[int, ...],
    dilation: Pair, groups: int,
) -> tuple[list[Gather], bool]:  # fmt: skip
    """Plan gx from g: one gather for each phase that has taps, and whether they leave pixels untouched."""
    plans = [
        _gather(N, *out, OC, C, groups, phase.grid, (1, 1), phase.rise, phase.slide, (H, W), stride, phase.first)
        for phase in phases((H, W), kernel, stride, padding, dilation)
    ]
    return plans, len(plans) < min(stride[0], H) * min(stride[1], W)


class WeightSizes(NamedTuple):
    """What else the weight-gradient kernel needs to know."""

    groups: int
    CG: int
    OCG: int
    OC: int
    taps: int
    channels: int
    span: int
    chunks: int
    """Channels per task: a part of a group's, or those of a span of several groups; and such parts in all."""
    R: int
    """Rows of the result: taps times channels of one group."""
    run: int
    a_k: int
    """How many pixels follow each place in the table of taps, so far apart; 0 for all of a band."""
    slices: int
    """Parts of the sum."""
    copied: bool
    packed: bool
    buffer: int
    panel: int
    x_rows: int
    """While the first rows are computed, what the next band reads of x is asked for, then its part of g."""
    x_step: int
    g_step: int
    """How far each step of a tile goes on in asking."""


class Weights(NamedTuple):
    """One launch of the weight-gradient kernel."""

    band: Band
    sizes: WeightSizes
    rows: Array
    """Offsets in the source, one for each tap and channel of a task."""
    places: Array
    """Offsets in the result."""
    taps: Array
    """Offsets in the source, one for each line of a band."""


PARTS = 16
"""Tasks of a weight gradient, a fixed number, so that sums do not depend on the number of threads."""

HELD = 1 << 19
"""Bytes of sums that stay in the second-level cache while the bands pass by."""


def _chunk(CG: int, row: int) -> int:
    """Return how many channels a task takes: a divisor of CG, few enough that rows of so many bytes are held."""
    chunk = max(c for c in range(1, CG + 1) if CG % c == 0 and c <= max(16, HELD // row))
    return chunk if chunk >= 8 else CG


@lru_cache(maxsize=4096)
def weights(
    N: int, H: int, W: int, C: int, OC: int, kernel: Pair, out: Pair, stride: Pair, padding: tuple[int, ...],
    dilation: Pair, groups: int,
) -> Weights:  # fmt: skip
    """Plan gw from x and g."""
    (KH, KW), CG, OCG = kernel, C // groups, OC // groups
    extent = (dilation[0] * (KH - 1) + 1, dilation[1] * (KW - 1) + 1)
    part = _chunk(CG, 4 * KH * KW * OCG)
    span = next(s for s in range(1, groups + 1) if groups % s == 0 and (s * CG >= 4 * LANES or s == groups))
    channels = part * span
    inside = not any(padding)
    copied = not inside or (kernel != (1, 1) and channels < C)
    # Pixels a multiple of 128 bytes apart would fall into the same few sets of the first-level cache.
    LC = C if not copied else channels + 16 if channels % 32 == 0 else channels
    chunks = C // channels
    parts = max(1, min(-(-PARTS // chunks), (5 << 19) // (4 * KH * KW * CG * OC)))
    parts = 1 << parts.bit_length() - 1  # two threads, or four, have as many each
    band = _band(N, H, W, C, *out, stride, (-padding[0], -padding[2]), extent, STEPS, LC, parts)
    LH, LW = (band.LH, band.LW) if copied else (H, W)
    p, q, c = np.ogrid[:KH, :KW, :part]
    rows = (p * dilation[0] * LW + q * dilation[1]) * LC + c
    places = ((p * KW + q) * CG + c) * OC
    run = 0 if kernel == stride == (1, 1) and not copied else out[1]
    n, i = np.ogrid[: band.images, : band.rows]
    packed = OCG % LANES > 0 or OCG > 256  # 8x64x56x56, 256 of 1x1: 4.4 ms, packed 5.2; 512 of 3x3/2: 13.6, packed 12.6
    taps = (n * LH + i * stride[0]) * LW * LC
    pixels = band.images * band.rows * out[1]
    asks = asking(rows.size, span * -(-OCG // WIDTH) * pixels, reads(band) if 2 * channels >= C else 0, pixels * OC)
    sizes = WeightSizes(
        groups, CG, OCG, OC, KH * KW, channels, span, chunks, rows.size, run, stride[1] * LC, min(parts, band.tasks),
        copied, packed, band.images * band.LH * band.LW * LC if copied else 0, pixels * WIDTH, *asks,
    )  # fmt: skip
    tables = (np.ascontiguousarray(table, np.int64).reshape(-1) for table in (rows, places, taps))
    return Weights(band, sizes, *tables)
