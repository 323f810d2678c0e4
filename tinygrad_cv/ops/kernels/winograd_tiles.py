"""Tiles of images to the points and back: the transforms of `winograd_algebra` on channels-last images.

Each applies a small matrix to the columns of a tile and then to the rows of what came out, LANES channels at once, in
registers: of the 36 vectors between the two, LLVM sets a few aside. Where a tile reaches beyond the image, or a vector
beyond the last channel, masks take care of it: a column outside is zero, and a row outside is read or written to no
lane. So tiles at the border, which are 24 of the 49 of a 28 x 28 map and all of an 8 x 8 one, cost what the others do:
42 ns for an input tile in the caches, where copying 36 vectors to as many places takes 36.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import inline
from .simd import LANES, load, load_first, maximum, splat, store_first
from .winograd_algebra import (
    evaluate4,
    evaluate6,
    interpolate23,
    interpolate25,
    interpolate43,
    spread23,
    spread25,
    spread43,
)
from .winograd_plans import Tiles
from .winograd_vectors import ask16, claim16, line4, line6, put4, put6


@inline
def corner(t: int, p: Tiles) -> Any:
    """Image, row and column of the first pixel of the result that tile t covers."""
    n, k = t // (p.TH * p.TW), t % (p.TH * p.TW)
    return n, k // p.TW * p.m, k % p.TW * p.m


@inline
def _lanes(n: int, k: int, size: int) -> int:
    """How many of n channels are read or written in row or column k of an image of this size: all, or none outside."""
    return n if 0 <= k < size else 0


@inline
def _column6(x: Array, s: int, row: int, inside: bool, n: Any) -> Any:
    """B^T of one column of a tile; ``n`` channels are read in each of its six rows."""
    if not inside:
        zero = splat(np.float32(0))
        return zero, zero, zero, zero, zero, zero
    return evaluate6(
        load_first(x, s, n[0]), load_first(x, s + row, n[1]), load_first(x, s + 2 * row, n[2]),
        load_first(x, s + 3 * row, n[3]), load_first(x, s + 4 * row, n[4]), load_first(x, s + 5 * row, n[5]),
    )  # fmt: skip


@inline
def _input6(
    x: Array, at: int, n: int, i: int, j: int, H: int, W: int, C: int, v: Array, to: int, plane: int
) -> None:  # fmt: skip
    """V = B^T d B for the first n channels of the tile whose corner is pixel (i, j), at x[at]."""
    row = W * C
    rows = (
        _lanes(n, i, H), _lanes(n, i + 1, H), _lanes(n, i + 2, H), _lanes(n, i + 3, H), _lanes(n, i + 4, H),
        _lanes(n, i + 5, H),
    )  # fmt: skip
    a = _column6(x, at, row, 0 <= j < W, rows)
    b = _column6(x, at + C, row, 0 <= j + 1 < W, rows)
    c = _column6(x, at + 2 * C, row, 0 <= j + 2 < W, rows)
    d = _column6(x, at + 3 * C, row, 0 <= j + 3 < W, rows)
    e = _column6(x, at + 4 * C, row, 0 <= j + 4 < W, rows)
    f = _column6(x, at + 5 * C, row, 0 <= j + 5 < W, rows)
    put6(v, to, plane, evaluate6(a[0], b[0], c[0], d[0], e[0], f[0]))
    put6(v, to + 6 * plane, plane, evaluate6(a[1], b[1], c[1], d[1], e[1], f[1]))
    put6(v, to + 12 * plane, plane, evaluate6(a[2], b[2], c[2], d[2], e[2], f[2]))
    put6(v, to + 18 * plane, plane, evaluate6(a[3], b[3], c[3], d[3], e[3], f[3]))
    put6(v, to + 24 * plane, plane, evaluate6(a[4], b[4], c[4], d[4], e[4], f[4]))
    put6(v, to + 30 * plane, plane, evaluate6(a[5], b[5], c[5], d[5], e[5], f[5]))


@inline
def _column4(x: Array, s: int, row: int, inside: bool, n: Any) -> Any:
    if not inside:
        zero = splat(np.float32(0))
        return zero, zero, zero, zero
    return evaluate4(
        load_first(x, s, n[0]), load_first(x, s + row, n[1]), load_first(x, s + 2 * row, n[2]),
        load_first(x, s + 3 * row, n[3]),
    )  # fmt: skip


@inline
def _input4(
    x: Array, at: int, n: int, i: int, j: int, H: int, W: int, C: int, v: Array, to: int, plane: int
) -> None:  # fmt: skip
    """`_input6` for the four points of F(2, 3)."""
    row = W * C
    rows = _lanes(n, i, H), _lanes(n, i + 1, H), _lanes(n, i + 2, H), _lanes(n, i + 3, H)
    a = _column4(x, at, row, 0 <= j < W, rows)
    b = _column4(x, at + C, row, 0 <= j + 1 < W, rows)
    c = _column4(x, at + 2 * C, row, 0 <= j + 2 < W, rows)
    d = _column4(x, at + 3 * C, row, 0 <= j + 3 < W, rows)
    put4(v, to, plane, evaluate4(a[0], b[0], c[0], d[0]))
    put4(v, to + 4 * plane, plane, evaluate4(a[1], b[1], c[1], d[1]))
    put4(v, to + 8 * plane, plane, evaluate4(a[2], b[2], c[2], d[2]))
    put4(v, to + 12 * plane, plane, evaluate4(a[3], b[3], c[3], d[3]))


@inline
def inputs(x: Array, p: Tiles, t0: int, count: int, c0: int, channels: int, vs: Array, v: int) -> None:
    """V, from vs[v], for ``count`` tiles from t0 and ``channels`` channels from c0."""
    ahead = -(-4 * LANES // channels)
    for t in range(count):
        n, i, j = corner(t0 + t + ahead, p)
        soon = ((n * p.H + i) * p.W + j) * p.C + c0
        n, i, j = corner(t0 + t, p)
        i, j = i - p.top, j - p.left
        at = ((n * p.H + i) * p.W + j) * p.C + c0
        for c in range(0, channels, LANES):
            to = v + t * p.v_row + c
            ask16(x, soon + c, p.W * p.C, p.C)
            if p.points == 6:
                _input6(x, at + c, channels - c, i, j, p.H, p.W, p.C, vs, to, p.v_plane)
            else:
                _input4(x, at + c, channels - c, i, j, p.H, p.W, p.C, vs, to, p.v_plane)


@inline
def _spread4(g: Array, s: int, row: int, inside: bool, n: Any) -> Any:
    """A of one column of a tile of F(4, 3); ``n`` filters are read in each of its four rows."""
    if not inside:
        zero = splat(np.float32(0))
        return zero, zero, zero, zero, zero, zero
    return spread43(
        load_first(g, s, n[0]), load_first(g, s + row, n[1]), load_first(g, s + 2 * row, n[2]),
        load_first(g, s + 3 * row, n[3]),
    )  # fmt: skip


@inline
def _gradient43(
    g: Array, at: int, n: int, i: int, j: int, OH: int, OW: int, OC: int, v: Array, to: int, plane: int
) -> None:  # fmt: skip
    """W = A g A^T of F(4, 3) for the first n filters of the tile whose corner is pixel (i, j), at g[at]."""
    row = OW * OC
    rows = n, _lanes(n, i + 1, OH), _lanes(n, i + 2, OH), _lanes(n, i + 3, OH)
    a = _spread4(g, at, row, True, rows)
    b = _spread4(g, at + OC, row, j + 1 < OW, rows)
    c = _spread4(g, at + 2 * OC, row, j + 2 < OW, rows)
    d = _spread4(g, at + 3 * OC, row, j + 3 < OW, rows)
    put6(v, to, plane, spread43(a[0], b[0], c[0], d[0]))
    put6(v, to + 6 * plane, plane, spread43(a[1], b[1], c[1], d[1]))
    put6(v, to + 12 * plane, plane, spread43(a[2], b[2], c[2], d[2]))
    put6(v, to + 18 * plane, plane, spread43(a[3], b[3], c[3], d[3]))
    put6(v, to + 24 * plane, plane, spread43(a[4], b[4], c[4], d[4]))
    put6(v, to + 30 * plane, plane, spread43(a[5], b[5], c[5], d[5]))


@inline
def _gradient2(
    g: Array, at: int, n: int, i: int, j: int, OH: int, OW: int, OC: int, v: Array, to: int, plane: int, points: int
) -> None:  # fmt: skip
    """W = A g A^T of F(2, 3) or F(2, 5)."""
    row = OW * OC
    below, right = _lanes(n, i + 1, OH), _lanes(n, j + 1, OW)
    a0, a1 = load_first(g, at, n), load_first(g, at + row, below)
    b0, b1 = load_first(g, at + OC, right), load_first(g, at + row + OC, min(below, right))
    if points == 6:
        a, b = spread25(a0, a1), spread25(b0, b1)
        put6(v, to, plane, spread25(a[0], b[0]))
        put6(v, to + 6 * plane, plane, spread25(a[1], b[1]))
        put6(v, to + 12 * plane, plane, spread25(a[2], b[2]))
        put6(v, to + 18 * plane, plane, spread25(a[3], b[3]))
        put6(v, to + 24 * plane, plane, spread25(a[4], b[4]))
        put6(v, to + 30 * plane, plane, spread25(a[5], b[5]))
    else:
        c, d = spread23(a0, a1), spread23(b0, b1)
        put4(v, to, plane, spread23(c[0], d[0]))
        put4(v, to + 4 * plane, plane, spread23(c[1], d[1]))
        put4(v, to + 8 * plane, plane, spread23(c[2], d[2]))
        put4(v, to + 12 * plane, plane, spread23(c[3], d[3]))


@inline
def gradients(g: Array, p: Tiles, t0: int, count: int, o: int, columns: int, width: int, us: Array, u: int) -> None:
    """W = A g A^T as a panel, from us[u]: W[e, tile, column], for ``columns`` filters from o."""
    for t in range(count):
        n, i, j = corner(t0 + t + 2, p)
        soon = ((n * p.OH + i) * p.OW + j) * p.OC + o
        n, i, j = corner(t0 + t, p)
        at = ((n * p.OH + i) * p.OW + j) * p.OC + o
        for c in range(0, width, LANES):
            to = u + t * width + c
            ask16(g, soon + c, p.OW * p.OC, p.OC)
            if p.m == 4:
                _gradient43(g, at + c, columns - c, i, j, p.OH, p.OW, p.OC, us, to, p.u_plane)
            else:
                _gradient2(g, at + c, columns - c, i, j, p.OH, p.OW, p.OC, us, to, p.u_plane, p.points)


@inline
def _pixels(y: Array, at: int, step: int, n: Any, line: Any, offset: Any, lowest: Any) -> None:
    """Store two neighbouring pixels of the result, n filters of each."""
    store_first(y, at, maximum(line[0] + offset, lowest), n[0])
    store_first(y, at + step, maximum(line[1] + offset, lowest), n[1])


@inline
def _output43(
    m: Array, s: int, plane: int, offset: Any, lowest: Any, y: Array, at: int, n: int, high: int, wide: int, p: Tiles
) -> None:  # fmt: skip
    """y = A^T M A of F(4, 3): n filters of ``high`` x ``wide`` pixels from y[at]."""
    row, down = p.OW * p.OC, 6 * plane
    a, b = interpolate43(*line6(m, s, down)), interpolate43(*line6(m, s + plane, down))
    c, d = interpolate43(*line6(m, s + 2 * plane, down)), interpolate43(*line6(m, s + 3 * plane, down))
    e, f = interpolate43(*line6(m, s + 4 * plane, down)), interpolate43(*line6(m, s + 5 * plane, down))
    left, right = (n, _lanes(n, 1, wide)), (_lanes(n, 2, wide), _lanes(n, 3, wide))
    line = interpolate43(a[0], b[0], c[0], d[0], e[0], f[0])
    _pixels(y, at, p.OC, left, line[:2], offset, lowest)
    _pixels(y, at + 2 * p.OC, p.OC, right, line[2:], offset, lowest)
    if high > 1:
        line = interpolate43(a[1], b[1], c[1], d[1], e[1], f[1])
        _pixels(y, at + row, p.OC, left, line[:2], offset, lowest)
        _pixels(y, at + row + 2 * p.OC, p.OC, right, line[2:], offset, lowest)
    if high > 2:
        line = interpolate43(a[2], b[2], c[2], d[2], e[2], f[2])
        _pixels(y, at + 2 * row, p.OC, left, line[:2], offset, lowest)
        _pixels(y, at + 2 * row + 2 * p.OC, p.OC, right, line[2:], offset, lowest)
    if high > 3:
        line = interpolate43(a[3], b[3], c[3], d[3], e[3], f[3])
        _pixels(y, at + 3 * row, p.OC, left, line[:2], offset, lowest)
        _pixels(y, at + 3 * row + 2 * p.OC, p.OC, right, line[2:], offset, lowest)


@inline
def _output2(
    m: Array, s: int, plane: int, offset: Any, lowest: Any, y: Array, at: int, n: int, high: int, wide: int, p: Tiles
) -> None:  # fmt: skip
    """y = A^T M A of F(2, 3) or F(2, 5)."""
    if p.points == 6:
        down = 6 * plane
        a, b = interpolate25(*line6(m, s, down)), interpolate25(*line6(m, s + plane, down))
        c, d = interpolate25(*line6(m, s + 2 * plane, down)), interpolate25(*line6(m, s + 3 * plane, down))
        e, f = interpolate25(*line6(m, s + 4 * plane, down)), interpolate25(*line6(m, s + 5 * plane, down))
        above = interpolate25(a[0], b[0], c[0], d[0], e[0], f[0])
        below = interpolate25(a[1], b[1], c[1], d[1], e[1], f[1])
    else:
        down = 4 * plane
        a, b = interpolate23(*line4(m, s, down)), interpolate23(*line4(m, s + plane, down))
        c, d = interpolate23(*line4(m, s + 2 * plane, down)), interpolate23(*line4(m, s + 3 * plane, down))
        above = interpolate23(a[0], b[0], c[0], d[0])
        below = interpolate23(a[1], b[1], c[1], d[1])
    columns = n, _lanes(n, 1, wide)
    _pixels(y, at, p.OC, columns, above, offset, lowest)
    if high > 1:
        _pixels(y, at + p.OW * p.OC, p.OC, columns, below, offset, lowest)


@inline
def outputs(
    y: Array, bias: Array, floor: Any, p: Tiles, t0: int, count: int, o0: int, filters: int, buffers: Array, base: int
) -> None:
    """y = A^T M A for ``count`` tiles from t0 and ``filters`` filters from o0; what leaves the image is dropped."""
    lowest = splat(floor)
    for t in range(count):
        n, i, j = corner(t0 + t + 1, p)
        soon = ((n * p.OH + i) * p.OW + j) * p.OC + o0
        n, i, j = corner(t0 + t, p)
        at = ((n * p.OH + i) * p.OW + j) * p.OC + o0
        for o in range(0, filters, LANES):
            claim16(y, soon + o, p.OW * p.OC, p.OC)
            s, offset = base + p.m_at + t * p.m_row + o, load(bias, o0 + o)
            if p.m == 4:
                _output43(buffers, s, p.m_plane, offset, lowest, y, at + o, filters - o, p.OH - i, p.OW - j, p)
            else:
                _output2(buffers, s, p.m_plane, offset, lowest, y, at + o, filters - o, p.OH - i, p.OW - j, p)
