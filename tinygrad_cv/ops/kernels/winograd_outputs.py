"""From the points back to pixels: y = A^T M A of `winograd_algebra`, with bias and ReLU.

As in `winograd_tiles`, the columns of a tile come first and lie in a patch until the rows are made. What is beyond the
image is masked, and while a row of pixels is stored, the same row of the next tile is claimed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import inline
from .simd import LANES, load, maximum, splat, store_first
from .winograd_algebra import interpolate4, interpolate6, interpolate8
from .winograd_outline import COUNT, FLAT, NUMBER, TILES, outlined
from .winograd_plans import Tiles
from .winograd_regions import lanes6, pixel, region, share
from .winograd_vectors import EIGHT, FOUR, ROW, SIX, STEP, THREE, claim_line, line8, put


@inline
def _interpolate(points: int, r: int, m: Any) -> Any:
    """A^T m; zeros follow the outputs."""
    zero = splat(np.float32(0))
    if points == 8:
        y = interpolate8(m[0], m[2], m[3], m[4], m[5], m[6], m[7])
        if r == 3:
            return y[0], y[1], y[2], y[3], y[4], y[5] + m[1]
        return y[0], y[1], y[2], y[3] + m[1], zero, zero
    if points == 6:
        u = interpolate6(m[0], m[2], m[3], m[4], m[5])
        return u[0], u[1], u[2], u[3] + m[1], zero, zero
    v = interpolate4(m[0], m[1], m[2], m[3])
    return v[0], v[1], zero, zero, zero, zero


@inline
def _fold_columns(points: int, r: int, m: Array, s: int, wide: int, p: Tiles, patch: Array, to: int) -> None:
    """Set down A^T of the ``wide`` columns of a tile's points."""
    for b in range(wide):
        line = _interpolate(points, r, line8(m, s + b * p.m_plane, p.points * p.m_plane, points))
        put(patch, to + b * LANES, ROW, (*line, line[0], line[0]), points + 1 - r)


@inline
def _fold_rows(
    points: int, r: int, patch: Array, s: int, high: int, offset: Any, lowest: Any, y: Array, at: int, n: Any, p: Tiles,
    soon: int,
) -> None:  # fmt: skip
    """y of the ``high`` rows of a patch, n[b] filters in column b."""
    for k in range(high):
        claim_line(y, soon + k * p.OW * p.OC, p.OC, points + 1 - r)
        line, a = _interpolate(points, r, line8(patch, s + k * ROW, STEP, points)), at + k * p.OW * p.OC
        store_first(y, a, maximum(line[0] + offset, lowest), n[0])
        store_first(y, a + p.OC, maximum(line[1] + offset, lowest), n[1])
        if points + 1 - r > 2:
            store_first(y, a + 2 * p.OC, maximum(line[2] + offset, lowest), n[2])
            store_first(y, a + 3 * p.OC, maximum(line[3] + offset, lowest), n[3])
        if points + 1 - r > 4:
            store_first(y, a + 4 * p.OC, maximum(line[4] + offset, lowest), n[4])
            store_first(y, a + 5 * p.OC, maximum(line[5] + offset, lowest), n[5])


@inline
def _output(
    m: Array, s: int, offset: Any, lowest: Any, y: Array, at: int, n: int, i: int, j: int, high: int, wide: int,
    p: Tiles, patch: Array, to: int, soon: int,
) -> None:  # fmt: skip
    """y = A^T M A: n filters of the tile of high x wide pixels from pixel (i, j), at y[at]."""
    tall, broad = high + p.r - 1, wide + p.r - 1
    if tall == 8:
        _fold_columns(EIGHT, p.r, m, s, broad, p, patch, to)
    elif tall == 6:
        _fold_columns(SIX, THREE, m, s, broad, p, patch, to)
    else:
        _fold_columns(FOUR, THREE, m, s, broad, p, patch, to)
    high = min(high, p.OH - i)
    stored = lanes6(n, j, p.OW)
    if broad == 8:
        _fold_rows(EIGHT, p.r, patch, to, high, offset, lowest, y, at, stored, p, soon)
    elif broad == 6:
        _fold_rows(SIX, THREE, patch, to, high, offset, lowest, y, at, stored, p, soon)
    else:
        _fold_rows(FOUR, THREE, patch, to, high, offset, lowest, y, at, stored, p, soon)


@outlined(FLAT, FLAT, NUMBER, TILES, COUNT, COUNT, COUNT, FLAT, COUNT, COUNT)
def outputs(
    y: Array, bias: Array, floor: Any, p: Tiles, block: int, o0: int, filters: int, buffers: Array, m: int, patch: int
) -> None:
    """y = A^T M A for the tiles of a block and ``filters`` filters from o0; what leaves the image is dropped."""
    lowest = splat(floor)
    for k in range(4):
        down, across, i0, j0, high, wide = region(p, k)
        first, last = share(p, block, k)
        for t in range(first, last):
            n, i, j = pixel(t + 1, down, across, i0, j0, high, wide)
            soon = ((n * p.OH + i) * p.OW + j) * p.OC + o0
            n, i, j = pixel(t, down, across, i0, j0, high, wide)
            at = ((n * p.OH + i) * p.OW + j) * p.OC + o0
            for o in range(0, filters, LANES):
                offset = load(bias, o0 + o)
                _output(
                    buffers, m + o, offset, lowest, y, at + o, filters - o, i, j, high, wide, p,
                    buffers, patch, soon + o,
                )  # fmt: skip
            m += p.m_row
