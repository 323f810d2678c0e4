"""How Winograd kernels are cut into tasks, and what is transformed for all tasks beforehand."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...typing import Array
from .micro import FEW, ROWS, WIDTH
from .simd import LANES
from .strokes import work
from .winograd_cut import Axis, Variant, cut
from .winograd_vectors import PATCH

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
    """Tiles of m x m per image, down and across, and in all."""
    low: int
    slim: int
    """Outputs of the last row and column of smaller tiles, 0 for none."""
    low_points: int
    slim_points: int
    """How many of the points, down and across, those tiles have."""
    block: int
    chunk: int
    group: int
    """Tiles of m x m, channels and filters at a time; of the smaller tiles a block has its share."""
    blocks: int
    chunks: int
    groups: int
    panels: int
    slices: int
    v_row: int
    v_plane: int
    u_plane: int
    m_row: int
    m_plane: int
    """Distances in the buffers."""
    v_step: int
    u_step: int
    """Distances of blocks of V and of U (of W) that are computed beforehand, 0 for those that a task computes."""
    u_at: int
    m_at: int
    patch_at: int
    size: int
    """Where U, M and a patch for transforms start (V at 0) in a worker's buffer, and its elements."""
    ahead: int
    """By how many elements each step of a product moves on in what it asks for: the next plane of U or V, or, where a
    task transforms all channels by itself, the image of the next one."""
    advance: int
    """How many elements of the image are asked for with each plane; 0 where U or V are."""
    stage: int
    """What a launch does: VS + US + PRODUCTS, or a part of it."""


class Plan(NamedTuple):
    """The launches that compute a result, and what all of them share."""

    tiles: Tiles
    """The launch that multiplies."""
    before: tuple[Tiles, ...]
    """The launches before it, which compute V and U for all tasks."""
    rows: Array
    places: Array
    """The tables of rows for the micro-kernel."""
    v_size: int
    u_size: int
    """Elements of V and of U that are computed beforehand."""


VS, US, PRODUCTS = 1, 2, 4

PLANE = 16
"""Elements by which planes are set apart."""


def _cache(level: int, usual: int) -> int:
    """Bytes of a cache, where Linux tells; else what is usual."""
    try:
        text = Path(f"/sys/devices/system/cpu/cpu0/cache/index{level}/size").read_text().strip()
        return int(text[:-1]) << {"K": 10, "M": 20}[text[-1]]
    except (OSError, ValueError, KeyError, IndexError):
        return usual


CACHE = _cache(2, 1 << 20)
"""Bytes that a task may hold: a core's second-level cache."""

SHARED = min(_cache(3, 1 << 24), 1 << 25)
"""Bytes of V and U that may be computed beforehand: the cache of all cores, and no more than a process should hold."""


def _padded(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def _sizes(wish: int, total: int) -> list[int]:
    """Candidates for the size of a part: the total, or multiples of a panel that cut it evenly."""
    return sorted({total if total <= wish else min(total, _padded(-(-total // n), WIDTH)) for n in range(1, 17)})


def _blocks(total: int) -> list[int]:
    """Candidates for the tiles of a block: multiples of FEW that cut all tiles evenly."""
    return sorted({_padded(-(-total // -(-total // wish)), FEW) for wish in range(FEW, 64 * FEW + 1, FEW)})


class _Map(NamedTuple):
    """A map cut into tiles: those of m x m, and a last row, a last column and a corner of smaller ones."""

    N: int
    variant: Variant
    down: Axis
    across: Axis

    @property
    def total(self) -> int:
        """Tiles of m x m."""
        return self.N * self.down.tiles * self.across.tiles

    @property
    def vectors(self) -> float:
        """How many vectors all tiles have at all points, in tiles of 36."""
        return self.N * self.down.points * self.across.points / 36

    def sides(self) -> tuple[int, int, int]:
        """Tiles of the last row, of the last column, and of the corner."""
        low, slim = int(self.down.rest > 0), int(self.across.rest > 0)
        return self.N * low * self.across.tiles, self.N * slim * self.down.tiles, self.N * low * slim

    def rows(self, blocks: int) -> int:
        """How many of the smaller tiles a block has at most."""
        return sum(-(-side // blocks) for side in self.sides())

    def effort(self, block: int, blocks: int) -> float:
        """The rows that the products of all points compute for one block, in points of 36."""
        row, column, corner = (side / blocks for side in self.sides())
        low, slim = (axis.rest and axis.rest + self.variant.r - 1 for axis in (self.down, self.across))
        high, wide = self.variant.points - low, self.variant.points - slim
        counts = (
            (high * wide, block), (low * wide, block + row), (high * slim, block + column),
            (low * slim, block + row + column + corner),
        )  # fmt: skip
        return sum(planes * _effort(math.ceil(count)) for planes, count in counts if planes) / 36

    def geometry(self) -> tuple[int, ...]:
        """The fields of `Tiles` from m to slim_points."""
        rests = self.down.rest, self.across.rest
        return (
            self.variant.m, self.variant.r, self.variant.points, self.down.tiles, self.across.tiles, self.total,
            *rests, *(rest and rest + self.variant.r - 1 for rest in rests),
        )  # fmt: skip


@lru_cache(maxsize=4096)
def forward(
    variant: Variant, N: int, H: int, W: int, C: int, OC: int, out: Pair, top: int, left: int, workers: int
) -> Plan:
    """Plan the forward kernel.

    Of all cuts whose buffers fit the second-level cache, the one with the least work besides the products is taken:
    inputs are transformed once for each group of filters and filters once for each block of tiles, or once for all,
    and sums are loaded and stored once for each chunk of channels. The size of a chunk depends on the layer alone, for
    on it depend the last bits of a sum, and they must not change with the number of threads.
    """
    cover = _Map(N, variant, cut(out[0], variant), cut(out[1], variant))
    total, tiles_36, planes = cover.total, cover.vectors, variant.points**2
    best, plan = math.inf, None
    chunks = -(-C // 64)
    chunk = -(-C // chunks)
    # 64x128x16x16, two threads: 7.2 ms with 1.2 MB, 7.7 with 0.8, for which x is transformed twice
    each, once, room = (160, 360, 1.5 * CACHE) if planes == 64 else (130, 270, CACHE)
    vectors = -(-C // LANES), -(-OC // LANES)
    panels = -(-OC // WIDTH)
    for group, block, (v_all, u_all) in product(_sizes(32, OC), _blocks(total), ((0, 0), (0, 1), (1, 0))):
        groups = -(-OC // group)
        blocks = -(-total // block)
        if (v_all and groups == 1) or (u_all and blocks == 1):
            continue
        rows = block + cover.rows(blocks)
        v_row, m_row = _padded(chunk, LANES), _padded(group, WIDTH) if chunks > 1 else WIDTH
        v_plane, u_plane, m_plane = rows * v_row + PLANE, chunk * WIDTH + PLANE, rows * m_row + PLANE
        v_step, u_step = v_all * planes * v_plane, u_all * planes * u_plane
        shared = 4 * (blocks * chunks * v_step + panels * chunks * u_step)
        held = 144 * tiles_36 / blocks * (m_row if v_all else v_row + m_row) + 4 * planes * (0 if u_all else u_plane)
        smallest = block <= ROWS and group <= WIDTH and not (v_all or u_all)
        if (held > room or shared > SHARED) and not smallest:
            continue
        transforms = (  # in nanoseconds for 36 points, as measured: in the order of the text
            tiles_36 * vectors[0] * (once if v_all else each * groups)
            + C * vectors[1] * planes / 36 * (220 if u_all else 120 * blocks)
            + 100 * tiles_36 * vectors[1]
        )
        # From the cache of all cores, which others use as well; a small U stays nearby.
        fetched = tiles_36 * panels * vectors[0] * v_all + planes / 36 * blocks * C * vectors[1] * u_all
        calls = 28 * planes * blocks * panels * chunks  # 128x16x32x32: 3.0 ms in blocks of 12 tiles, 2.3 in those of 36
        products = 9.9 * C * cover.effort(block, blocks) * blocks * vectors[1] + 45 * chunks * tiles_36 * vectors[1]
        products += 40 * fetched * (shared > CACHE / 4) + calls
        cost = (transforms * (1 + 0.4 * held / CACHE) + products) * _idle(blocks * groups, workers)
        if cost < best:
            best = cost
            tiles = _laid_out(
                (N, H, W, C, *out, OC, top, left, *cover.geometry(), block, chunk, group, blocks, chunks, groups,
                 panels, 1),
                (v_row, v_plane, u_plane, m_row, m_plane, v_step, u_step),
                block, chunk, block * variant.m**2 * C if chunks == groups == 1 else 0,
            )  # fmt: skip
            before = []
            if v_all:
                pieces = -(-chunk // LANES) if blocks < 4 else 1
                before.append(tiles._replace(stage=VS, groups=pieces, group=OC))
            if u_all:
                before.append(tiles._replace(stage=US, blocks=1, groups=panels, group=WIDTH))
            steps = np.arange(rows, dtype=np.int64)
            plan = Plan(
                tiles, tuple(before), steps * v_row, steps * m_row, blocks * chunks * v_step, panels * chunks * u_step
            )
    assert plan is not None
    return plan


@lru_cache(maxsize=4096)
def weights(
    variant: Variant, N: int, H: int, W: int, C: int, OC: int, out: Pair, top: int, left: int, workers: int
) -> Plan:
    """Plan the weight-gradient kernel.

    The sum is cut into slices and blocks by the sizes of the layer alone, neither by threads nor by caches. D may be
    larger than the second-level cache: its planes are gone through in order, and every tile of the micro-kernel asks
    for its lines of D before it sums (64x128x16x16, one thread: 15.5 ms with all of D in a task, 20.1 in tasks of 128
    x 32, for which x is transformed beforehand).
    """
    cover = _Map(N, variant, cut(out[0], variant), cut(out[1], variant))
    total, tiles_36, planes = cover.total, cover.vectors, variant.points**2
    slices = max(1, min(-(-total // 32), (16 if planes < 64 else 8) // (-(-C // 64) * -(-OC // 64))))
    block = min(96 if C * OC <= 1024 else 64, -(-total // slices))
    blocks = -(-total // block)
    rows = block + cover.rows(blocks)
    best, plan = math.inf, None
    vectors = -(-C // LANES), -(-OC // LANES)
    panels = -(-OC // WIDTH)
    for group, chunk, all_ in product(_sizes(32, OC), _sizes(32, C), (0, 1)):
        groups, chunks = -(-OC // group), -(-C // chunk)
        v_all, u_all = int(all_ and groups > 1), int(all_ and chunks > 1)
        v_row, m_row = _padded(chunk, LANES), _padded(group, WIDTH)
        v_plane, u_plane, m_plane = rows * v_row + PLANE, rows * WIDTH + PLANE, chunk * m_row + PLANE
        v_step, u_step = v_all * planes * v_plane, u_all * planes * u_plane
        shared = 4 * blocks * (chunks * v_step + panels * u_step)
        held = 4 * planes * ((0 if v_all else v_plane) + (0 if u_all else u_plane) + m_plane)
        smallest = chunk <= WIDTH and group <= WIDTH and not all_
        if (held > 4 * CACHE or shared > SHARED) and not smallest:
            continue
        cost = (
            tiles_36 * vectors[0] * (270 if v_all else 130 * groups)
            + tiles_36 * vectors[1] * (270 if u_all else 130 * chunks)
            + tiles_36 * (80 * vectors[0] * groups * v_all + 15 * vectors[1] * chunks * u_all)
            + (9.9 * tiles_36 + 45 * planes / 36 * blocks) * _effort(chunk) * chunks * vectors[1]
            + 100 * planes / 36 * slices * C * vectors[1]
        ) * _idle(slices * chunks * groups, workers)
        if cost < best:
            best = cost
            tiles = _laid_out(
                (N, H, W, C, *out, OC, top, left, *cover.geometry(), block, chunk, group, blocks, chunks, groups,
                 panels, slices),
                (v_row, v_plane, u_plane, m_row, m_plane, v_step, u_step),
                chunk, rows, block * variant.m**2 * C if chunks == groups == 1 else 0,
            )  # fmt: skip
            before = []
            if v_all:
                before.append(tiles._replace(stage=VS, slices=blocks, groups=1, group=OC))
            if u_all:
                before.append(tiles._replace(stage=US, slices=blocks, chunks=1, chunk=C, groups=1, group=OC))
            steps = np.arange(chunk, dtype=np.int64)
            plan = Plan(tiles, tuple(before), steps, steps * m_row, blocks * chunks * v_step, blocks * panels * u_step)
    assert plan is not None
    return plan


def _effort(rows: int) -> float:
    """The rows that the micro-kernel computes; those in low tiles, which load more for each product, count more."""
    return 1.1 * work(rows) - 0.1 * (rows // ROWS * ROWS)


def _idle(tasks: int, workers: int) -> float:
    """By what factor a launch takes longer because the last tasks leave workers without any."""
    return -(-tasks // workers) * workers / tasks


def _laid_out(sizes: tuple[int, ...], distances: tuple[int, ...], rows: int, depth: int, image: int) -> Tiles:
    """Place V, U and M one after the other in a buffer, those that a task computes by itself.

    A product has ``rows`` rows and sums of ``depth`` terms; ``image`` elements are to be asked for while they are made.
    """
    points, block, panels = sizes[11], sizes[19], sizes[25]
    _, v_plane, u_plane, _, m_plane, v_step, u_step = distances
    planes = points**2
    u_at = 0 if v_step else _padded(planes * v_plane, 16)
    m_at = u_at + (0 if u_step else _padded(planes * u_plane, 16))
    patch_at = m_at + _padded(planes * m_plane, 16)
    size = patch_at + PATCH
    stage = PRODUCTS + (0 if v_step else VS) + (0 if u_step else US)
    tall = max(1, rows // ROWS)  # of the micro-kernel's tiles, each step of which asks once
    advance = -(-image // (planes * panels))
    if advance:
        ahead = -(-advance // (tall * depth))
    else:
        ahead = -(-(WIDTH if u_step else block) // tall) if v_step or u_step else 0
    return Tiles._make([*sizes, *distances, u_at, m_at, patch_at, size, ahead, advance, stage])
