"""How a map is cut into Winograd tiles: large ones, and where those do not fit a last row and column of smaller ones.

An axis of 14 outputs by tiles of 6 would need three, 24 points, and compute 18; two tiles of 6 and one of 2 need 8 + 8
+ 4 = 20. In two dimensions the last row and column make rectangular tiles, and a corner: four regions.

       6 x 6   6 x 6   6 x 2        8 x 8   8 x 8   8 x 4 points
       6 x 6   6 x 6   6 x 2        8 x 8   8 x 8   8 x 4
       2 x 6   2 x 6   2 x 2        4 x 8   4 x 8   4 x 4

A tile of m outputs has the first m + r - 1 of the same points (see `winograd_algebra`), so all share one U, and the
product of a point takes the tiles that have it: here all nine for 4 x 4 of the points, only the first four for the
last 4 x 4. That makes 20 * 20 = 400 products for each channel and filter instead of 576.

Filters of 5 taps have one size: an axis of 27 is 7 tiles of 4, 56 points, and 6 tiles with a rest of 3 would need 55.
"""

from __future__ import annotations

from typing import NamedTuple


class Variant(NamedTuple):
    """F(m x m, r x r), the largest tiles of a map."""

    m: int
    r: int

    @property
    def points(self) -> int:
        return self.m + self.r - 1


class Axis(NamedTuple):
    """An axis of a map: so many tiles of m outputs, and a last one of ``rest`` outputs, 0 for none."""

    tiles: int
    rest: int
    points: int
    """Points of all its tiles together."""


SIZES = {3: (6, 4, 2), 5: (4,)}
"""Outputs of the tiles that there are for filters of so many taps."""


def cut(size: int, variant: Variant) -> Axis:
    """Cut an axis of ``size`` outputs.

    Examples
    --------
    >>> cut(14, Variant(6, 3)), cut(16, Variant(6, 3)), cut(17, Variant(6, 3))
    (Axis(tiles=2, rest=2, points=20), Axis(tiles=2, rest=4, points=22), Axis(tiles=3, rest=0, points=24))
    """
    tiles, left = divmod(size, variant.m)
    rest = min((m for m in SIZES[variant.r] if left <= m < variant.m), default=0) if tiles and left else 0
    tiles += left > 0 and not rest
    return Axis(tiles, rest, tiles * variant.points + (rest + variant.r - 1 if rest else 0))
