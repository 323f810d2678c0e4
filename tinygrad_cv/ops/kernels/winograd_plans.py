"""How Winograd kernels are cut into tasks whose buffers fit the second-level cache."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...typing import Array
from .micro import FEW, ROWS, WIDTH
from .plans import work
from .simd import LANES
from .winograd_algebra import Variant

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


PLANE = 16
"""Elements by which planes are set apart."""


def _second_level_cache() -> int:
    """Bytes of a core's second-level cache, where Linux tells; else 1 MiB, which most have."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(text[:-1]) << {"K": 10, "M": 20}[text[-1]]
    except (OSError, ValueError, KeyError, IndexError):
        return 1 << 20


CACHE = _second_level_cache()
"""Bytes that a task may hold."""


def _padded(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def _sizes(wish: int, total: int) -> list[int]:
    """Candidates for the size of a part: the total, or multiples of a panel that cut it evenly."""
    return sorted({total if total <= wish else min(total, _padded(-(-total // n), WIDTH)) for n in range(1, 17)})


def _shares(total: int, workers: int) -> list[int]:
    """Candidates for the blocks of a worker: a few, or as many as blocks of up to 64 rows of tiles make of a lot."""
    return sorted({*range(1, 65), *(-(-total // (workers * block)) for block in range(FEW, 64 * FEW + 1, FEW))})


@lru_cache(maxsize=4096)
def forward(
    variant: Variant, N: int, H: int, W: int, C: int, OC: int, out: Pair, top: int, left: int, workers: int
) -> tuple[Tiles, Array, Array]:
    """Plan the forward kernel: sizes, and the tables of rows of V and of M.

    Of all cuts whose buffers fit the second-level cache, the one with the least work besides the products is taken:
    inputs are transformed once for each group of filters, filters once for each block of tiles (or once for all, if
    they fit as well), and sums are loaded and stored once for each chunk of channels. The size of a chunk depends on
    the layer alone, for on it depend the last bits of a sum, and they must not change with the number of threads.
    """
    m, r, points = variant.m, variant.r, variant.points
    TH, TW = -(-out[0] // m), -(-out[1] // m)
    total = N * TH * TW
    best, plan = math.inf, None
    planes = points**2
    chunks = -(-C // (64 if C <= 64 or total <= 64 else 32))
    chunk = -(-C // chunks)
    for group, share in product(_sizes(32, OC), _shares(total, workers)):
        groups = -(-OC // group)
        block = _padded(-(-total // (share * workers)), FEW)
        blocks = -(-total // block)
        v_row, m_row = _padded(chunk, LANES), _padded(group, WIDTH)
        v_plane, u_plane, m_plane = block * v_row + PLANE, chunk * WIDTH + PLANE, block * m_row + PLANE
        held = 4 * planes * (v_plane + m_plane)
        panels = m_row // WIDTH
        # Filters kept for good are read straight through, and may come from a little further away.
        keep = groups == chunks == 1 and 4 * planes * panels * u_plane <= 1.5 * CACHE and held <= 0.6 * CACHE
        fits = keep or held + 4 * planes * u_plane <= CACHE
        if not fits and (block > ROWS or group > 32):
            continue
        tasks = blocks * groups
        vectors = C / LANES, _padded(OC, LANES) / LANES
        cost = (  # in nanoseconds for 36 points, as measured: the parts of the loop nest in the order of the text
            90 * total * vectors[0] * groups
            + 150 * (workers if keep else blocks) * C * vectors[1]
            + (6.3 * work(block) + (20 if keep else 36)) * blocks * C * vectors[1]
            + 25 * total * vectors[1] * chunks
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
    size = _padded(rest_at + (planes + 6) * LANES, 16)
    return Tiles._make([*sizes, u_at, m_at, patch_at, rest_at, size])
