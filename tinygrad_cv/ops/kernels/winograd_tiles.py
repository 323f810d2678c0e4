"""Tiles of images to the points: the transforms of `winograd_algebra` on channels-last images, V of x and W of g.

Each applies a small matrix to the columns of a tile, LANES channels at once, and sets the result down in a patch that
stays in the first-level cache; then the same matrix to the rows of the patch. Where a tile reaches beyond the image, or
a vector beyond the last channel, masks take care of it: a column outside is zero, and a row outside is read to no lane.
So tiles at the border cost what the others do. While a tile is stored, lines of the next are asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import inline
from .simd import LANES, load_first, splat
from .winograd_algebra import evaluate4, evaluate6, evaluate8, spread4, spread6, spread8
from .winograd_outline import COUNT, FLAT, TILES, outlined
from .winograd_plans import Tiles
from .winograd_regions import lanes, lanes6, pixel, region, share
from .winograd_vectors import EIGHT, FOUR, ROW, SIX, STEP, THREE, ask_line, line8, put


@inline
def _evaluate(points: int, d: Any) -> Any:
    """B^T d; zeros follow the values at the points."""
    zero = splat(np.float32(0))
    if points == 8:
        return evaluate8(d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7])
    if points == 6:
        v = evaluate6(d[0], d[1], d[2], d[3], d[4], d[5])
        return v[0], v[1], v[2], v[3], v[4], v[5], zero, zero
    u = evaluate4(d[0], d[1], d[2], d[3])
    return u[0], u[1], u[2], u[3], zero, zero, zero, zero


@inline
def _columns(points: int, x: Array, at: int, n: Any, j: int, wide: int, p: Tiles, patch: Array, s: int) -> None:
    """Set down B^T of the ``wide`` columns of a tile, of which n[k] channels are read in row k."""
    row, zero = p.W * p.C, splat(np.float32(0))
    for b in range(wide):
        a = at + b * p.C
        if 0 <= j + b < p.W:
            d = (
                load_first(x, a, n[0]), load_first(x, a + row, n[1]), load_first(x, a + 2 * row, n[2]),
                load_first(x, a + 3 * row, n[3]), load_first(x, a + 4 * row, n[4]), load_first(x, a + 5 * row, n[5]),
                load_first(x, a + 6 * row, n[6]), load_first(x, a + 7 * row, n[7]),
            )  # fmt: skip
            put(patch, s + b * LANES, ROW, _evaluate(points, d), points)
        else:
            put(patch, s + b * LANES, ROW, (zero, zero, zero, zero, zero, zero, zero, zero), points)


@inline
def _rows(points: int, patch: Array, s: int, high: int, v: Array, to: int, p: Tiles, x: Array, soon: int) -> None:
    """V of the ``high`` rows of a patch."""
    for k in range(high):
        if k < p.m:
            ask_line(x, soon + k * p.W * p.C, p.C, points - 2)
        line = _evaluate(points, line8(patch, s + k * ROW, STEP, points))
        put(v, to + k * p.points * p.v_plane, p.v_plane, line, points)


@inline
def _column6(x: Array, s: int, row: int, inside: bool, n: Any) -> Any:
    """B^T of one column of six pixels, of which n[k] channels are read in row k."""
    if not inside:
        zero = splat(np.float32(0))
        return zero, zero, zero, zero, zero, zero
    return evaluate6(
        load_first(x, s, n[0]), load_first(x, s + row, n[1]), load_first(x, s + 2 * row, n[2]),
        load_first(x, s + 3 * row, n[3]), load_first(x, s + 4 * row, n[4]), load_first(x, s + 5 * row, n[5]),
    )  # fmt: skip


@inline
def _put6(v: Array, to: int, step: int, line: Any) -> None:
    put(v, to, step, (*line, line[0], line[0]), SIX)


@inline
def _input6(x: Array, at: int, n: Any, j: int, p: Tiles, v: Array, to: int, soon: int) -> None:
    """V = B^T d B of 6 x 6 pixels, without a patch: of the 36 vectors LLVM sets a few aside.

    Stores leave the processor in order, 64 at most wait for their lines of V, and those to a patch wait with them:
    64x256x8x8, whose V lies in the cache of all cores, takes 1.4 ms here instead of 2.0. Eight points gain nothing so.
    """
    row, plane, down = p.W * p.C, p.v_plane, p.points * p.v_plane
    a = _column6(x, at, row, 0 <= j < p.W, n)
    b = _column6(x, at + p.C, row, 0 <= j + 1 < p.W, n)
    c = _column6(x, at + 2 * p.C, row, 0 <= j + 2 < p.W, n)
    d = _column6(x, at + 3 * p.C, row, 0 <= j + 3 < p.W, n)
    e = _column6(x, at + 4 * p.C, row, 0 <= j + 4 < p.W, n)
    f = _column6(x, at + 5 * p.C, row, 0 <= j + 5 < p.W, n)
    for k in range(4):
        ask_line(x, soon + k * row, p.C, FOUR)
    _put6(v, to, plane, evaluate6(a[0], b[0], c[0], d[0], e[0], f[0]))
    _put6(v, to + down, plane, evaluate6(a[1], b[1], c[1], d[1], e[1], f[1]))
    _put6(v, to + 2 * down, plane, evaluate6(a[2], b[2], c[2], d[2], e[2], f[2]))
    _put6(v, to + 3 * down, plane, evaluate6(a[3], b[3], c[3], d[3], e[3], f[3]))
    _put6(v, to + 4 * down, plane, evaluate6(a[4], b[4], c[4], d[4], e[4], f[4]))
    _put6(v, to + 5 * down, plane, evaluate6(a[5], b[5], c[5], d[5], e[5], f[5]))


@inline
def _input(
    x: Array, at: int, n: int, i: int, j: int, high: int, wide: int, p: Tiles, v: Array, to: int, patch: Array, s: int,
    soon: int,
) -> None:  # fmt: skip
    """V = B^T d B for the first n channels of the tile of high x wide pixels from pixel (i, j), at x[at]."""
    read = (
        lanes(n, i, p.H), lanes(n, i + 1, p.H), lanes(n, i + 2, p.H), lanes(n, i + 3, p.H), lanes(n, i + 4, p.H),
        lanes(n, i + 5, p.H), lanes(n, i + 6, p.H), lanes(n, i + 7, p.H),
    )  # fmt: skip
    if high == 6 and wide == 6:
        _input6(x, at, read, j, p, v, to, soon)
        return
    _columns(high, x, at, read, j, wide, p, patch, s)
    _rows(wide, patch, s, high, v, to, p, x, soon)


@outlined(FLAT, TILES, COUNT, COUNT, COUNT, FLAT, COUNT, FLAT, COUNT)
def inputs(
    x: Array, p: Tiles, block: int, c0: int, channels: int, vs: Array, v: int, patch: Array, s: int
) -> None:  # fmt: skip
    """V, from vs[v], for the tiles of a block and ``channels`` channels from c0."""
    ahead = -(-4 * LANES // channels)
    for k in range(4):
        down, across, i0, j0, high, wide = region(p, k)
        first, last = share(p, block, k)
        for t in range(first, last):
            n, i, j = pixel(t + ahead, down, across, i0, j0, high, wide)
            soon = ((n * p.H + i) * p.W + j) * p.C + c0
            n, i, j = pixel(t, down, across, i0 - p.top, j0 - p.left, high, wide)
            at = ((n * p.H + i) * p.W + j) * p.C + c0
            for c in range(0, channels, LANES):
                _input(
                    x, at + c, channels - c, i, j, high + p.r - 1, wide + p.r - 1, p, vs, v + c, patch, s,
                    soon + c,
                )  # fmt: skip
            v += p.v_row


@inline
def _spread(points: int, r: int, y: Any) -> Any:
    """A y; zeros follow the values at the points."""
    zero = splat(np.float32(0))
    if points == 8:
        if r == 3:
            return spread8(y[0], y[1], y[2], y[3], y[4], y[5], y[5])
        return spread8(y[0], y[1], y[2], y[3], zero, zero, y[3])
    if points == 6:
        v = spread6(y[0], y[1], y[2], y[3], y[3])
        return v[0], v[1], v[2], v[3], v[4], v[5], zero, zero
    u = spread4(y[0], y[1])
    return u[0], u[1], u[2], u[3], zero, zero, zero, zero


@inline
def _spread_columns(
    points: int, r: int, g: Array, at: int, n: Any, j: int, wide: int, p: Tiles, patch: Array, s: int
) -> None:  # fmt: skip
    """Set down A of the ``wide`` columns of a tile, of which n[k] filters are read in row k."""
    row, zero = p.OW * p.OC, splat(np.float32(0))
    for b in range(wide):
        a = at + b * p.OC
        if j + b < p.OW:
            y = (
                load_first(g, a, n[0]), load_first(g, a + row, n[1]), load_first(g, a + 2 * row, n[2]),
                load_first(g, a + 3 * row, n[3]), load_first(g, a + 4 * row, n[4]), load_first(g, a + 5 * row, n[5]),
                zero, zero,
            )  # fmt: skip
            put(patch, s + b * LANES, ROW, _spread(points, r, y), points)
        else:
            put(patch, s + b * LANES, ROW, (zero, zero, zero, zero, zero, zero, zero, zero), points)


@inline
def _spread_rows(
    points: int, r: int, patch: Array, s: int, high: int, v: Array, to: int, p: Tiles, g: Array, soon: int
) -> None:  # fmt: skip
    """W of the ``high`` rows of a patch."""
    for k in range(high):
        if k < p.m:
            ask_line(g, soon + k * p.OW * p.OC, p.OC, points + 1 - r)
        line = _spread(points, r, line8(patch, s + k * ROW, STEP, points))
        put(v, to + k * p.points * p.u_plane, p.u_plane, line, points)


@inline
def _spread6(g: Array, s: int, row: int, inside: bool, n: Any) -> Any:
    """A of one column of four pixels, of which n[k] filters are read in row k."""
    if not inside:
        zero = splat(np.float32(0))
        return zero, zero, zero, zero, zero, zero
    last = load_first(g, s + 3 * row, n[3])
    return spread6(load_first(g, s, n[0]), load_first(g, s + row, n[1]), load_first(g, s + 2 * row, n[2]), last, last)


@inline
def _gradient6(g: Array, at: int, n: Any, j: int, p: Tiles, v: Array, to: int, soon: int) -> None:
    """W = A g A^T of 4 x 4 pixels for six points, without a patch, as in `_input6`."""
    row, plane, down = p.OW * p.OC, p.u_plane, p.points * p.u_plane
    a, b = _spread6(g, at, row, True, n), _spread6(g, at + p.OC, row, j + 1 < p.OW, n)
    c, d = _spread6(g, at + 2 * p.OC, row, j + 2 < p.OW, n), _spread6(g, at + 3 * p.OC, row, j + 3 < p.OW, n)
    for k in range(4):
        ask_line(g, soon + k * row, p.OC, FOUR)
    _put6(v, to, plane, spread6(a[0], b[0], c[0], d[0], d[0]))
    _put6(v, to + down, plane, spread6(a[1], b[1], c[1], d[1], d[1]))
    _put6(v, to + 2 * down, plane, spread6(a[2], b[2], c[2], d[2], d[2]))
    _put6(v, to + 3 * down, plane, spread6(a[3], b[3], c[3], d[3], d[3]))
    _put6(v, to + 4 * down, plane, spread6(a[4], b[4], c[4], d[4], d[4]))
    _put6(v, to + 5 * down, plane, spread6(a[5], b[5], c[5], d[5], d[5]))


@inline
def _gradient(
    g: Array, at: int, n: int, i: int, j: int, high: int, wide: int, p: Tiles, v: Array, to: int, patch: Array, s: int,
    soon: int,
) -> None:  # fmt: skip
    """W = A g A^T for the first n filters of the tile of high x wide pixels from pixel (i, j), at g[at]."""
    read = lanes6(n, i, p.OH)
    if high == 4 and wide == 4 and p.r == 3:
        _gradient6(g, at, read, j, p, v, to, soon)
        return
    tall, broad = high + p.r - 1, wide + p.r - 1
    if tall == 8:
        _spread_columns(EIGHT, p.r, g, at, read, j, wide, p, patch, s)
    elif tall == 6:
        _spread_columns(SIX, THREE, g, at, read, j, wide, p, patch, s)
    else:
        _spread_columns(FOUR, THREE, g, at, read, j, wide, p, patch, s)
    if broad == 8:
        _spread_rows(EIGHT, p.r, patch, s, tall, v, to, p, g, soon)
    elif broad == 6:
        _spread_rows(SIX, THREE, patch, s, tall, v, to, p, g, soon)
    else:
        _spread_rows(FOUR, THREE, patch, s, tall, v, to, p, g, soon)


@outlined(FLAT, TILES, COUNT, COUNT, COUNT, COUNT, FLAT, COUNT, FLAT, COUNT)
def gradients(
    g: Array, p: Tiles, block: int, o: int, columns: int, width: int, us: Array, u: int, patch: Array, s: int
) -> None:  # fmt: skip
    """W = A g A^T as a panel, from us[u]: W[e, tile, column], for ``columns`` filters from o."""
    for k in range(4):
        down, across, i0, j0, high, wide = region(p, k)
        first, last = share(p, block, k)
        for t in range(first, last):
            n, i, j = pixel(t + 2, down, across, i0, j0, high, wide)
            soon = ((n * p.OH + i) * p.OW + j) * p.OC + o
            n, i, j = pixel(t, down, across, i0, j0, high, wide)
            at = ((n * p.OH + i) * p.OW + j) * p.OC + o
            for c in range(0, width, LANES):
                _gradient(g, at + c, columns - c, i, j, high, wide, p, us, u + c, patch, s, soon + c)
            u += width
