"""Winograd convolution: forward, input gradient and weight gradient (see `winograd_algebra` for the formulas).

The tiles of all images stand in one line. A task takes a block of tiles and a group of filters; everything that it
touches stays in the second-level cache:

    for chunk of channels:
        V[e, tile, c] = B^T d B                                     e: the 16 or 36 points
        for panel of filters:
            U[e, c, filter] = G w G^T
            for e: M[e, tile, filter] += V[e] @ U[e]                (the micro-kernel)
    y = A^T M A, plus bias

Where all of U fits, it is computed once; else filters are transformed anew for each block of tiles. That costs as much
as one more tile, whereas the U of a 512-channel layer is 38 MB that every block would fetch from far away. For the weight gradient a task takes a
block of channels, a group of filters and a part of all tiles:

    for block of tiles:
        V[e, tile, c] = B^T d B;  W[e, tile, filter] = A g A^T
        for e: D[e, c, filter] += V[e]^T @ W[e]
    gw = G^T D G

Planes e lie a few vectors more than a power of two apart, for else all of them would fall into the same sets of the
first-level cache (worth up to a quarter).
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...typing import Array
from .jit import inline, spread
from .micro import FEW, NO_FLOOR, ROWS, WIDTH, multiply
from .plans import work
from .simd import LANES, load, load_first, maximum, splat, store, store_first
from .winograd_algebra import (
    Variant,
    evaluate4,
    evaluate6,
    filter23,
    filter23_adjoint,
    filter25,
    filter25_adjoint,
    filter43,
    filter43_adjoint,
    interpolate23,
    interpolate25,
    interpolate43,
    spread23,
    spread25,
    spread43,
)

Pair = tuple[int, int]


class Tiles(NamedTuple):
    """The geometry of a Winograd kernel (all counts)."""

    N: int
    H: int
    W: int
    C: int
    OH: int
    OW: int
    OC: int
    top: int
    left: int
    m: int
    r: int
    points: int
    TH: int
    TW: int
    total: int
    """Tiles per image, down and across, and in all."""
    block: int
    chunk: int
    group: int
    """Tiles, channels and filters at a time."""
    blocks: int
    chunks: int
    groups: int
    slices: int
    v_row: int
    v_plane: int
    u_panel: int
    u_plane: int
    m_row: int
    m_plane: int
    """Distances in the buffers; u_panel is 0 where panels of U follow each other in one place."""
    u_at: int
    m_at: int
    patch_at: int
    rest_at: int
    size: int
    """Where U, M, the patch and the intermediate tile start (V at 0), and the elements of a worker's buffer."""


@inline
def _input_tile(x: Array, at: int, row: int, pixel: int, v: Array, to: int, plane: int, points: int, t: int) -> None:
    """V = B^T d B for LANES channels; ``t`` is room for the half-transformed tile, in v."""
    side = points * LANES
    for j in range(points):
        s, d = at + j * pixel, t + j * LANES
        if points == 6:
            a, b, c, e, f, g = evaluate6(
                load(x, s), load(x, s + row), load(x, s + 2 * row), load(x, s + 3 * row), load(x, s + 4 * row),
                load(x, s + 5 * row),
            )  # fmt: skip
            store(v, d + 4 * side, f)
            store(v, d + 5 * side, g)
        else:
            a, b, c, e = evaluate4(load(x, s), load(x, s + row), load(x, s + 2 * row), load(x, s + 3 * row))
        store(v, d, a)
        store(v, d + side, b)
        store(v, d + 2 * side, c)
        store(v, d + 3 * side, e)
    for i in range(points):
        s, d = t + i * side, to + i * points * plane
        if points == 6:
            a, b, c, e, f, g = evaluate6(
                load(v, s), load(v, s + LANES), load(v, s + 2 * LANES), load(v, s + 3 * LANES),
                load(v, s + 4 * LANES), load(v, s + 5 * LANES),
            )  # fmt: skip
            store(v, d + 4 * plane, f)
            store(v, d + 5 * plane, g)
        else:
            a, b, c, e = evaluate4(load(v, s), load(v, s + LANES), load(v, s + 2 * LANES), load(v, s + 3 * LANES))
        store(v, d, a)
        store(v, d + plane, b)
        store(v, d + 2 * plane, c)
        store(v, d + 3 * plane, e)


@inline
def _inputs(x: Array, p: Tiles, t0: int, count: int, c0: int, channels: int, buffers: Array, base: int) -> None:
    """V for ``count`` tiles from t0 and ``channels`` channels from c0."""
    patch, rest = base + p.patch_at, base + p.rest_at
    for t in range(count):
        n, k = (t0 + t) // (p.TH * p.TW), (t0 + t) % (p.TH * p.TW)
        i, j = k // p.TW * p.m - p.top, k % p.TW * p.m - p.left
        inside = i >= 0 and j >= 0 and i + p.points <= p.H and j + p.points <= p.W
        at = ((n * p.H + i) * p.W + j) * p.C + c0
        for c in range(0, channels, LANES):
            to = base + t * p.v_row + c
            if inside and channels - c >= LANES:
                _input_tile(x, at + c, p.W * p.C, p.C, buffers, to, p.v_plane, p.points, rest)
                continue
            for a in range(p.points):
                for b in range(p.points):
                    put = patch + (a * p.points + b) * LANES
                    if i + a < 0 or i + a >= p.H or j + b < 0 or j + b >= p.W:
                        store(buffers, put, splat(np.float32(0)))
                    elif channels - c >= LANES:
                        store(buffers, put, load(x, at + (a * p.W + b) * p.C + c))
                    else:
                        store(buffers, put, load_first(x, at + (a * p.W + b) * p.C + c, channels - c))
            _input_tile(buffers, patch, p.points * LANES, LANES, buffers, to, p.v_plane, p.points, rest)


@inline
def _filter_row(u: Array, s: int, step: int, d: int, jump: int, r: int, points: int, source: Array) -> None:
    """Transform r vectors, ``step`` apart, into ``points`` vectors, ``jump`` apart."""
    if r == 5:
        a, b, c, e, f, g = filter25(
            load(source, s), load(source, s + step), load(source, s + 2 * step), load(source, s + 3 * step),
            load(source, s + 4 * step),
        )  # fmt: skip
        store(u, d + 4 * jump, f)
        store(u, d + 5 * jump, g)
    elif points == 6:
        a, b, c, e, f, g = filter43(load(source, s), load(source, s + step), load(source, s + 2 * step))
        store(u, d + 4 * jump, f)
        store(u, d + 5 * jump, g)
    else:
        a, b, c, e = filter23(load(source, s), load(source, s + step), load(source, s + 2 * step))
    store(u, d, a)
    store(u, d + jump, b)
    store(u, d + 2 * jump, c)
    store(u, d + 3 * jump, e)


@inline
def _filters(w: Array, at: int, width: int, p: Tiles, channels: int, buffers: Array, base: int, u: int) -> None:
    """U = G w G^T for one panel and ``channels`` channels: w[at + (c*taps + tap)*width + column]."""
    rest = base + p.rest_at
    for c in range(channels):
        for half in range(0, width, LANES):
            s = at + c * p.r * p.r * width + half
            for q in range(p.r):
                _filter_row(buffers, s + q * width, p.r * width, rest + q * LANES, p.r * LANES, p.r, p.points, w)
            for i in range(p.points):
                to = u + i * p.points * p.u_plane + c * width + half
                _filter_row(buffers, rest + i * p.r * LANES, LANES, to, p.u_plane, p.r, p.points, buffers)


@inline
def _output_column(s: int, step: int, d: int, jump: int, m: int, points: int, buffers: Array) -> None:
    """Transform ``points`` vectors, ``step`` apart, into m vectors, ``jump`` apart."""
    if m == 4:
        a, b, c, e = interpolate43(
            load(buffers, s), load(buffers, s + step), load(buffers, s + 2 * step), load(buffers, s + 3 * step),
            load(buffers, s + 4 * step), load(buffers, s + 5 * step),
        )  # fmt: skip
        store(buffers, d + 2 * jump, c)
        store(buffers, d + 3 * jump, e)
    elif points == 6:
        a, b = interpolate25(
            load(buffers, s), load(buffers, s + step), load(buffers, s + 2 * step), load(buffers, s + 3 * step),
            load(buffers, s + 4 * step), load(buffers, s + 5 * step),
        )  # fmt: skip
    else:
        a, b = interpolate23(
            load(buffers, s), load(buffers, s + step), load(buffers, s + 2 * step), load(buffers, s + 3 * step)
        )
    store(buffers, d, a)
    store(buffers, d + jump, b)


@inline
def _outputs(
    y: Array, bias: Array, floor: Any, p: Tiles, t0: int, count: int, o0: int, filters: int, buffers: Array, base: int
) -> None:
    """y = A^T M A for ``count`` tiles from t0 and ``filters`` filters from o0; what leaves the image is dropped."""
    rest, lowest = base + p.rest_at, splat(floor)
    for t in range(count):
        n, k = (t0 + t) // (p.TH * p.TW), (t0 + t) % (p.TH * p.TW)
        i, j = k // p.TW * p.m, k % p.TW * p.m
        high, wide = min(p.m, p.OH - i), min(p.m, p.OW - j)
        for o in range(0, filters, LANES):
            offset = load(bias, o0 + o)
            for b in range(p.points):
                s = base + p.m_at + t * p.m_row + o + b * p.m_plane
                _output_column(s, p.points * p.m_plane, rest + b * LANES, p.points * LANES, p.m, p.points, buffers)
            done = rest + p.points * p.m * LANES
            for a in range(high):
                _output_column(rest + a * p.points * LANES, LANES, done, LANES, p.m, p.points, buffers)
                to = ((n * p.OH + i + a) * p.OW + j) * p.OC + o0 + o
                for b in range(wide):
                    value = maximum(load(buffers, done + b * LANES) + offset, lowest)
                    if filters - o >= LANES:
                        store(y, to + b * p.OC, value)
                    else:
                        store_first(y, to + b * p.OC, value, filters - o)


@spread
def winograd(
    worker: int, workers: int, x: Array, w: Array, bias: Array, zeros: Array, y: Array, rows: Array, places: Array,
    zero: Array, p: Tiles, floor: Any, buffers: Array,
) -> None:  # fmt: skip
    """y = conv2d(x, w): w packed in panels of all taps, bias with room for a panel beyond its end."""
    spare = np.empty(2 * FEW, np.int64)
    base = worker * p.size
    tasks = p.blocks * p.groups
    first = worker * tasks // workers
    for task in range(first, (worker + 1) * tasks // workers):
        t0, o0 = task // p.groups * p.block, task % p.groups * p.group
        count, filters = min(p.block, p.total - t0), min(p.group, p.OC - o0)
        for c0 in range(0, p.C, p.chunk):
            channels = min(p.chunk, p.C - c0)
            _inputs(x, p, t0, count, c0, channels, buffers, base)
            for o in range(0, filters, WIDTH):
                columns = min(WIDTH, filters - o)
                width = WIDTH if columns > LANES else LANES
                u = base + p.u_at + o // WIDTH * p.u_panel
                if task == first or p.u_panel == 0:
                    at = ((o0 + o) * p.C + c0 * width) * p.r * p.r
                    _filters(w, at, width, p, channels, buffers, base, u)
                for e in range(p.points * p.points):
                    multiply(
                        buffers, base + e * p.v_plane, rows, 0, count, zero, 0, 1, channels, 1,
                        buffers, u + e * p.u_plane, buffers, base + p.m_at + e * p.m_plane + o, places,
                        width, c0 > 0, zeros, 0, NO_FLOOR, spare,
                    )  # fmt: skip
        _outputs(y, bias, floor, p, t0, count, o0, filters, buffers, base)


@inline
def _spread_row(s: int, step: int, d: int, jump: int, m: int, points: int, buffers: Array) -> None:
    """Transform m vectors, ``step`` apart, into ``points`` vectors, ``jump`` apart."""
    if m == 4:
        a, b, c, e, f, g = spread43(
            load(buffers, s), load(buffers, s + step), load(buffers, s + 2 * step), load(buffers, s + 3 * step)
        )
        store(buffers, d + 4 * jump, f)
        store(buffers, d + 5 * jump, g)
    elif points == 6:
        a, b, c, e, f, g = spread25(load(buffers, s), load(buffers, s + step))
        store(buffers, d + 4 * jump, f)
        store(buffers, d + 5 * jump, g)
    else:
        a, b, c, e = spread23(load(buffers, s), load(buffers, s + step))
    store(buffers, d, a)
    store(buffers, d + jump, b)
    store(buffers, d + 2 * jump, c)
    store(buffers, d + 3 * jump, e)


@inline
def _gradients(
    g: Array, p: Tiles, t0: int, count: int, o: int, columns: int, width: int, buffers: Array, base: int
) -> None:
    """W = A g A^T as a panel: W[e, tile, column], for ``columns`` filters from o."""
    patch, rest = base + p.patch_at, base + p.rest_at
    for t in range(count):
        n, k = (t0 + t) // (p.TH * p.TW), (t0 + t) % (p.TH * p.TW)
        i, j = k // p.TW * p.m, k % p.TW * p.m
        for half in range(0, width, LANES):
            for a in range(p.m):
                for b in range(p.m):
                    to = patch + (a * p.m + b) * LANES
                    if i + a < p.OH and j + b < p.OW:
                        at = ((n * p.OH + i + a) * p.OW + j + b) * p.OC + o + half
                        store(buffers, to, load_first(g, at, columns - half))
                    else:
                        store(buffers, to, splat(np.float32(0)))
            for b in range(p.m):
                _spread_row(patch + b * LANES, p.m * LANES, rest + b * LANES, p.m * LANES, p.m, p.points, buffers)
            for a in range(p.points):
                to = base + p.u_at + a * p.points * p.u_plane + t * width + half
                _spread_row(rest + a * p.m * LANES, LANES, to, p.u_plane, p.m, p.points, buffers)


@inline
def _filter_row_adjoint(s: int, step: int, d: int, jump: int, r: int, points: int, buffers: Array) -> None:
    """Transform ``points`` vectors, ``step`` apart, into r vectors, ``jump`` apart."""
    if r == 5:
        a, b, c, e, f = filter25_adjoint(
            load(buffers, s), load(buffers, s + step), load(buffers, s + 2 * step), load(buffers, s + 3 * step),
            load(buffers, s + 4 * step), load(buffers, s + 5 * step),
        )  # fmt: skip
        store(buffers, d + 3 * jump, e)
        store(buffers, d + 4 * jump, f)
    elif points == 6:
        a, b, c = filter43_adjoint(
            load(buffers, s), load(buffers, s + step), load(buffers, s + 2 * step), load(buffers, s + 3 * step),
            load(buffers, s + 4 * step), load(buffers, s + 5 * step),
        )  # fmt: skip
    else:
        a, b, c = filter23_adjoint(
            load(buffers, s), load(buffers, s + step), load(buffers, s + 2 * step), load(buffers, s + 3 * step)
        )
    store(buffers, d, a)
    store(buffers, d + jump, b)
    store(buffers, d + 2 * jump, c)


@spread
def winograd_weights(
    worker: int, workers: int, x: Array, g: Array, zeros: Array, out: Array, rows: Array, places: Array, zero: Array,
    p: Tiles, buffers: Array,
) -> None:  # fmt: skip
    """The gradient of w as out[slice, tap, c, filter], slice s the sum over the s-th part of the blocks of tiles.

    Which task adds what, and in which order, depends on the sizes alone.
    """
    spare = np.empty(2 * FEW, np.int64)
    base = worker * p.size
    tasks = p.slices * p.chunks * p.groups
    taps = p.r * p.r
    for task in range(worker * tasks // workers, (worker + 1) * tasks // workers):
        part, c0, o0 = task // (p.chunks * p.groups), task // p.groups % p.chunks * p.chunk, task % p.groups * p.group
        channels, filters = min(p.chunk, p.C - c0), min(p.group, p.OC - o0)
        first, last = part * p.blocks // p.slices, (part + 1) * p.blocks // p.slices
        for b in range(first, last):
            t0 = b * p.block
            count = min(p.block, p.total - t0)
            _inputs(x, p, t0, count, c0, channels, buffers, base)
            for o in range(0, filters, WIDTH):
                columns = min(WIDTH, filters - o)
                width = WIDTH if columns > LANES else LANES
                _gradients(g, p, t0, count, o0 + o, columns, width, buffers, base)
                for e in range(p.points * p.points):
                    multiply(
                        buffers, base + e * p.v_plane, rows, 0, channels, zero, 0, 1, count, p.v_row,
                        buffers, base + p.u_at + e * p.u_plane, buffers, base + p.m_at + e * p.m_plane + o, places,
                        width, b > first, zeros, 0, NO_FLOOR, spare,
                    )  # fmt: skip
        rest = base + p.rest_at
        done = rest + p.points * p.r * LANES
        for c in range(channels):
            for o in range(0, filters, LANES):
                for b in range(p.points):
                    s = base + p.m_at + c * p.m_row + o + b * p.m_plane
                    _filter_row_adjoint(
                        s, p.points * p.m_plane, rest + b * LANES, p.points * LANES, p.r, p.points, buffers
                    )
                for a in range(p.r):
                    _filter_row_adjoint(rest + a * p.points * LANES, LANES, done, LANES, p.r, p.points, buffers)
                    for b in range(p.r):
                        to = ((part * taps + a * p.r + b) * p.C + c0 + c) * p.OC + o0 + o
                        store_first(out, to, load(buffers, done + b * LANES), filters - o)


PLANE = 16
"""Elements by which planes are set apart."""


def _second_level_cache() -> int:
    """Bytes of a core's second-level cache, where Linux tells; else 1 MiB, which most have."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(text[:-1]) << {"K": 10, "M": 20}[text[-1]]
    except (OSError, ValueError, KeyError, IndexError):
        return 1 << 20


CACHE = int(0.8 * _second_level_cache())
"""Bytes that a task may hold. Results do not depend on it: sums run through tiles and channels in the same order."""


def _padded(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def _sizes(wish: int, total: int) -> list[int]:
    """Candidates for the size of a part: the total, or multiples of a panel that cut it evenly."""
    return sorted({total if total <= wish else min(total, _padded(-(-total // n), WIDTH)) for n in range(1, 17)})


@lru_cache(maxsize=4096)
def forward(
    variant: Variant, N: int, H: int, W: int, C: int, OC: int, out: Pair, top: int, left: int, workers: int
) -> tuple[Tiles, Array, Array]:
    """Plan the forward kernel: sizes, and the tables of rows of V and of M.

    Of all cuts whose buffers fit the second-level cache, the one with the least work besides the products is taken:
    inputs are transformed once for each group of filters, filters once for each block of tiles (or once for all, if
    they fit as well), and sums are loaded and stored once for each chunk of channels.
    """
    m, r, points = variant.m, variant.r, variant.points
    TH, TW = -(-out[0] // m), -(-out[1] // m)
    total = N * TH * TW
    best, plan = math.inf, None
    planes = points**2
    for group, chunk, share in product(_sizes(32, OC), _sizes(32, C), range(1, 65)):
        groups, chunks = -(-OC // group), -(-C // chunk)
        block = _padded(-(-total // (share * workers)), FEW)
        blocks = -(-total // block)
        v_row, m_row = _padded(chunk, LANES), _padded(group, WIDTH)
        v_plane, u_plane, m_plane = block * v_row + PLANE, chunk * WIDTH + PLANE, block * m_row + PLANE
        held = 4 * planes * (v_plane + m_plane)
        panels = m_row // WIDTH
        keep = groups == chunks == 1 and held + 4 * planes * panels * u_plane <= CACHE
        if held + 4 * planes * u_plane > CACHE and (block > ROWS or chunk > 32 or group > 32):
            continue
        tasks = blocks * groups
        vectors = C / LANES, _padded(OC, LANES) / LANES
        cost = (  # in nanoseconds for 36 points, as measured: the parts of the loop nest in the order of the text
            90 * total * vectors[0] * groups
            + 80 * (workers if keep else blocks) * C * vectors[1]
            + (6.3 * work(block) + 36) * blocks * C * vectors[1]
            + 40 * total * vectors[1] * (chunks - 1)
        ) * (-(-tasks // workers) * workers / tasks)
        if cost < best:
            best = cost
            plan = _laid_out(
                N, H, W, C, *out, OC, top, left, m, r, points, TH, TW, total, block, chunk, group, blocks,
                chunks, groups, 1, v_row, v_plane, planes * u_plane if keep else 0, u_plane, m_row, m_plane,
                panels if keep else 1,
            )  # fmt: skip
    assert plan is not None
    steps = np.arange(plan.block, dtype=np.int64)
    return plan, steps * plan.v_row, steps * plan.m_row


@lru_cache(maxsize=4096)
def weights(
    variant: Variant, N: int, H: int, W: int, C: int, OC: int, out: Pair, top: int, left: int
) -> tuple[Tiles, Array, Array]:
    """Plan the weight-gradient kernel: sizes, and the tables of rows of V^T and of D.

    The sum is cut into slices by the sizes of the layer alone, neither by threads nor by caches.
    """
    m, r, points = variant.m, variant.r, variant.points
    TH, TW = -(-out[0] // m), -(-out[1] // m)
    total = N * TH * TW
    slices = max(1, min(-(-total // 32), 16 // (-(-C // 64) * -(-OC // 64))))
    best, plan = math.inf, None
    planes = points**2
    for group, chunk, block in product(_sizes(32, OC), _sizes(32, C), (16, 24, 32, 48, 64, 96)):
        groups, chunks = -(-OC // group), -(-C // chunk)
        block = min(block, -(-total // slices))
        blocks = -(-total // block)
        v_row, m_row = _padded(chunk, LANES), _padded(group, WIDTH)
        v_plane, u_plane, m_plane = block * v_row + PLANE, block * WIDTH + PLANE, chunk * m_row + PLANE
        held = 4 * planes * (v_plane + u_plane + m_plane)
        if held > CACHE and (block > 16 or chunk > 32 or group > 32):
            continue
        vectors = C / LANES, _padded(OC, LANES) / LANES
        cost = (
            90 * total * vectors[0] * groups
            + 90 * total * vectors[1] * chunks
            + 6.3 * total * work(chunk) * chunks * vectors[1]
            + (40 * blocks + 60 * slices) * C * vectors[1]
        )
        if cost < best:
            best = cost
            plan = _laid_out(
                N, H, W, C, *out, OC, top, left, m, r, points, TH, TW, total, block, chunk, group, blocks,
                chunks, groups, slices, v_row, v_plane, 0, u_plane, m_row, m_plane, 1,
            )  # fmt: skip
    assert plan is not None
    steps = np.arange(plan.chunk, dtype=np.int64)
    return plan, steps, steps * plan.m_row


def _laid_out(*given: int) -> Tiles:
    """Place V, U, M, a patch and an intermediate tile one after the other in a buffer."""
    *sizes, panels = given
    points, (v_plane, _, u_plane, _, m_plane) = sizes[11], sizes[-5:]
    planes = points**2
    u_at = _padded(planes * v_plane, 16)
    m_at = u_at + _padded(panels * planes * u_plane, 16)
    patch_at = m_at + _padded(planes * m_plane, 16)
    rest_at = patch_at + planes * LANES
    return Tiles(*sizes, u_at, m_at, patch_at, rest_at, _padded(rest_at + (planes + 6) * LANES, 16))
