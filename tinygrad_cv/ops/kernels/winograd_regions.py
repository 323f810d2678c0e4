"""Which tiles a block of a Winograd kernel has: its share of each of the four regions of a map (see `winograd_cut`).

Regions are numbered 0 to 3: the last row of tiles, the large ones, the last column, the corner. In this order the tiles
of a block that have a point are always neighbours: 0 and 1 where only the last row has it beside the large ones, 1 and
2 where only the last column has it, 1 alone, or all.
"""

from __future__ import annotations

from typing import Any

from .jit import inline
from .winograd_plans import Tiles
from .winograd_vectors import number

ROW, WHOLE, COLUMN, CORNER = number(0), number(1), number(2), number(3)


@inline
def region(p: Tiles, k: int) -> Any:
    """Region k of a map: its tiles down and across, its first pixel, and the height and width of its tiles."""
    low, slim = k == ROW or k == CORNER, k >= COLUMN
    down, i, high = (int(p.low > 0), p.TH * p.m, p.low) if low else (p.TH, 0, p.m)
    across, j, wide = (int(p.slim > 0), p.TW * p.m, p.slim) if slim else (p.TW, 0, p.m)
    return down, across, i, j, high, wide


@inline
def pixel(t: int, down: int, across: int, i: int, j: int, high: int, wide: int) -> Any:
    """Image, row and column of the first pixel of the result that tile t of a `region` covers."""
    return t // (down * across), i + t // across % down * high, j + t % across * wide


@inline
def share(p: Tiles, block: int, k: int) -> Any:
    """The tiles of region k that belong to a block: the first one, and the one after the last."""
    if k == WHOLE:
        return min(block * p.block, p.total), min((block + 1) * p.block, p.total)
    down, across, _, _, _, _ = region(p, k)
    total = p.N * down * across
    return block * total // p.blocks, (block + 1) * total // p.blocks


@inline
def shares(p: Tiles, block: int) -> Any:
    """How many tiles of each region a block has."""
    a, b, c, d = share(p, block, ROW), share(p, block, WHOLE), share(p, block, COLUMN), share(p, block, CORNER)
    return a[1] - a[0], b[1] - b[0], c[1] - c[0], d[1] - d[0]


@inline
def present(p: Tiles, counts: Any, e: int) -> Any:
    """The tiles of a block that have point e: the first one, and how many; region by region they are neighbours."""
    low, slim = e // p.points < p.low_points, e % p.points < p.slim_points
    first = 0 if low else counts[0]
    last = counts[0] + counts[1] + (counts[2] if slim else 0) + (counts[3] if low and slim else 0)
    return first, last - first


@inline
def following(p: Tiles, block: int) -> int:
    """Where in the image the next block begins."""
    t = (block + 1) * p.block
    return (t // (p.TH * p.TW) * p.H + t // p.TW % p.TH * p.m) * p.W * p.C


@inline
def lanes(n: int, k: int, size: int) -> int:
    """How many of n channels are read or written in row or column k of an image of this size: all, or none outside."""
    return n if 0 <= k < size else 0


@inline
def lanes6(n: int, k: int, size: int) -> Any:
    """The same for six rows or columns from k, of which the first lies inside."""
    return (
        n, lanes(n, k + 1, size), lanes(n, k + 2, size), lanes(n, k + 3, size), lanes(n, k + 4, size),
        lanes(n, k + 5, size),
    )  # fmt: skip
