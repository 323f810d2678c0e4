"""Filters to the points, and their gradients back: the transforms of `winograd_algebra` on filters as they lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import inline
from .simd import LANES, ask, load_first, splat, store_first
from .simd_turn import turn
from .winograd_algebra import filter3, filter3_adjoint, filter5, filter5_adjoint
from .winograd_outline import COUNT, FLAT, TILES, outlined
from .winograd_plans import Tiles
from .winograd_vectors import FIVE, ROW, STEP, THREE, line8, number, put

PACKED, AS_THEY_LIE, TURNED = 0, 1, 2
"""Orders of filters in memory: see `filters`."""

SQUARE = number(LANES * LANES)


@inline
def _taps(w: Array, s: int, step: int, r: int, n: int, factor: Any) -> Any:
    """G w of the three or five taps that lie ``step`` apart, of n filters, each times its factor."""
    a, b, c = load_first(w, s, n), load_first(w, s + step, n), load_first(w, s + 2 * step, n)
    if r == 3:
        return filter3(factor * a, factor * b, factor * c)
    d, e = load_first(w, s + 3 * step, n), load_first(w, s + 4 * step, n)
    return filter5(factor * a, factor * b, factor * c, factor * d, factor * e)


@inline
def _filter3(
    w: Array, s: int, across: int, down: int, n: int, factor: Any, u: Array, to: int, plane: int, points: int
) -> None:  # fmt: skip
    """U = G w G^T of 3 x 3 taps that lie so far apart."""
    a, b = _taps(w, s, down, THREE, n, factor), _taps(w, s + across, down, THREE, n, factor)
    c = _taps(w, s + 2 * across, down, THREE, n, factor)
    row = points * plane
    put(u, to, plane, filter3(a[0], b[0], c[0]), points)
    put(u, to + row, plane, filter3(a[1], b[1], c[1]), points)
    put(u, to + 2 * row, plane, filter3(a[2], b[2], c[2]), points)
    put(u, to + 3 * row, plane, filter3(a[3], b[3], c[3]), points)
    if points > 4:
        put(u, to + 4 * row, plane, filter3(a[4], b[4], c[4]), points)
        put(u, to + 5 * row, plane, filter3(a[5], b[5], c[5]), points)
    if points > 6:
        put(u, to + 6 * row, plane, filter3(a[6], b[6], c[6]), points)
        put(u, to + 7 * row, plane, filter3(a[7], b[7], c[7]), points)


@inline
def _filter(
    w: Array, s: int, tap: int, n: int, factor: Any, p: Tiles, us: Array, u: int, patch: Array, at: int
) -> None:  # fmt: skip
    """U = G w G^T of n filters whose taps lie ``tap`` apart."""
    if p.r == 3:
        _filter3(w, s, tap, 3 * tap, n, factor, us, u, p.u_plane, p.points)
        return
    one = splat(np.float32(1))
    for k in range(5):
        put(patch, at + k * LANES, ROW, _taps(w, s + k * tap, 5 * tap, FIVE, n, factor), p.points)
    for k in range(p.points):
        line = _taps(patch, at + k * ROW, STEP, FIVE, STEP, one)
        put(us, u + k * p.points * p.u_plane, p.u_plane, line, p.points)


@outlined(FLAT, FLAT, COUNT, COUNT, COUNT, COUNT, TILES, COUNT, FLAT, COUNT, FLAT, COUNT)
def filters(
    w: Array, factors: Array, order: int, o: int, c0: int, width: int, p: Tiles, channels: int, us: Array, u: int,
    patch: Array, at: int,
) -> None:  # fmt: skip
    """U = G w G^T, from us[u], for one panel of filters from o and ``channels`` channels from c0.

    Filters lie PACKED in panels, [panel, c, tap, column]; or as layers keep them, [tap, c, filter]; or those are
    TURNED, [tap, filter, c] with the last tap first, and squares of filters and channels are turned over. ``factors``
    has one for each filter, or none.
    """
    taps, one = p.r * p.r, splat(np.float32(1))
    if order == TURNED:
        squares = at + 64 * LANES
        for c in range(0, channels, LANES):
            for half in range(0, width, LANES):
                rows, columns = min(LANES, p.OC - o - half), min(LANES, channels - c)
                for k in range(taps):
                    source = ((taps - 1 - k) * p.OC + o + half) * p.C + c0 + c
                    turn(w, source, p.C, rows, patch, squares + k * LANES * LANES, LANES, columns)
                for k in range(columns):
                    to = u + (c + k) * width + half
                    _filter(patch, squares + k * LANES, SQUARE, rows, one, p, us, to, patch, at)
        return
    packed = order == PACKED
    first, step, tap = (o * p.C + c0 * width) * taps, taps * width, width
    if not packed:
        first, step, tap = c0 * p.OC + o, p.OC, p.C * p.OC
    for c in range(channels):
        for half in range(0, width, LANES):
            s = first + c * step + half
            for k in range(taps):
                ask(w, s + k * tap + 6 * step)
            factor = load_first(factors, o + half, p.OC - o - half) if factors.size else one
            n = LANES if packed else p.OC - o - half
            _filter(w, s, tap, n, factor, p, us, u + c * width + half, patch, at)


@inline
def _adjoint3(d: Array, s: int, step: int, points: int, present: bool) -> Any:
    """G^T of one column of the points, or zeros."""
    zero = splat(np.float32(0))
    if not present:
        return zero, zero, zero
    u = line8(d, s, step, points)
    return filter3_adjoint(u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7])


@inline
def _weights3(points: int, d: Array, s: int, plane: int, out: Array, to: int, tap: int, n: int) -> None:
    """gw = G^T D G of 3 x 3 taps for n filters, without a patch."""
    step, always = points * plane, points > 0
    a, b = _adjoint3(d, s, step, points, always), _adjoint3(d, s + plane, step, points, always)
    c, e = _adjoint3(d, s + 2 * plane, step, points, always), _adjoint3(d, s + 3 * plane, step, points, always)
    f, g = _adjoint3(d, s + 4 * plane, step, points, points > 4), _adjoint3(d, s + 5 * plane, step, points, points > 4)
    h, i = _adjoint3(d, s + 6 * plane, step, points, points > 6), _adjoint3(d, s + 7 * plane, step, points, points > 6)
    _put_taps(out, to, tap, (a[0], b[0], c[0], e[0], f[0], g[0], h[0], i[0]), THREE, n)
    _put_taps(out, to + 3 * tap, tap, (a[1], b[1], c[1], e[1], f[1], g[1], h[1], i[1]), THREE, n)
    _put_taps(out, to + 6 * tap, tap, (a[2], b[2], c[2], e[2], f[2], g[2], h[2], i[2]), THREE, n)


@outlined(FLAT, TILES, COUNT, COUNT, COUNT, COUNT, COUNT, FLAT, COUNT)
def weights_out(
    out: Array, p: Tiles, part: int, c0: int, channels: int, o0: int, filters: int, buffers: Array, base: int
) -> None:
    """out[part, tap, c, filter] = G^T D G for ``channels`` channels from c0 and ``filters`` filters from o0."""
    patch, tap = base + p.patch_at, p.C * p.OC
    for c in range(channels):
        for o in range(0, filters, LANES):
            s = base + p.m_at + c * p.m_row + o
            to = (part * p.r * p.r * p.C + c0 + c) * p.OC + o0 + o
            if p.r == 5:
                for k in range(p.points):
                    u = line8(buffers, s + k * p.m_plane, p.points * p.m_plane, p.points)
                    _put_taps(buffers, patch + k * LANES, ROW, u, FIVE, STEP)
                for k in range(5):
                    u = line8(buffers, patch + k * ROW, STEP, p.points)
                    _put_taps(out, to + 5 * k * tap, tap, u, FIVE, filters - o)
            else:
                _weights3(p.points, buffers, s, p.m_plane, out, to, tap, filters - o)


@inline
def _put_taps(out: Array, to: int, step: int, u: Any, r: int, n: int) -> None:
    """Store G^T u, n filters of three or five taps ``step`` apart."""
    if r == 3:
        a = filter3_adjoint(u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7])
        store_first(out, to, a[0], n)
        store_first(out, to + step, a[1], n)
        store_first(out, to + 2 * step, a[2], n)
    else:
        b = filter5_adjoint(u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7])
        store_first(out, to, b[0], n)
        store_first(out, to + step, b[1], n)
        store_first(out, to + 2 * step, b[2], n)
        store_first(out, to + 3 * step, b[3], n)
        store_first(out, to + 4 * step, b[4], n)
