"""Filters to the points, and their gradients back: the transforms of `winograd_algebra` on packed filters."""

from __future__ import annotations

from typing import Any

from ...typing import Array
from .jit import inline
from .simd import LANES, load, store_first
from .winograd_algebra import (
    filter23,
    filter23_adjoint,
    filter25,
    filter25_adjoint,
    filter43,
    filter43_adjoint,
)
from .winograd_plans import Tiles
from .winograd_vectors import line4, line6, put4, put6


@inline
def _line3(w: Array, s: int, step: int) -> Any:
    return load(w, s), load(w, s + step), load(w, s + 2 * step)


@inline
def _line5(w: Array, s: int, step: int) -> Any:
    return load(w, s), load(w, s + step), load(w, s + 2 * step), load(w, s + 3 * step), load(w, s + 4 * step)


@inline
def _filter43(w: Array, s: int, tap: int, u: Array, to: int, plane: int) -> None:
    """U = G w G^T of F(4, 3) for LANES filters, whose taps lie ``tap`` apart."""
    a, b = filter43(*_line3(w, s, 3 * tap)), filter43(*_line3(w, s + tap, 3 * tap))
    c = filter43(*_line3(w, s + 2 * tap, 3 * tap))
    put6(u, to, plane, filter43(a[0], b[0], c[0]))
    put6(u, to + 6 * plane, plane, filter43(a[1], b[1], c[1]))
    put6(u, to + 12 * plane, plane, filter43(a[2], b[2], c[2]))
    put6(u, to + 18 * plane, plane, filter43(a[3], b[3], c[3]))
    put6(u, to + 24 * plane, plane, filter43(a[4], b[4], c[4]))
    put6(u, to + 30 * plane, plane, filter43(a[5], b[5], c[5]))


@inline
def _filter23(w: Array, s: int, tap: int, u: Array, to: int, plane: int) -> None:
    a, b = filter23(*_line3(w, s, 3 * tap)), filter23(*_line3(w, s + tap, 3 * tap))
    c = filter23(*_line3(w, s + 2 * tap, 3 * tap))
    put4(u, to, plane, filter23(a[0], b[0], c[0]))
    put4(u, to + 4 * plane, plane, filter23(a[1], b[1], c[1]))
    put4(u, to + 8 * plane, plane, filter23(a[2], b[2], c[2]))
    put4(u, to + 12 * plane, plane, filter23(a[3], b[3], c[3]))


@inline
def _filter25(w: Array, s: int, tap: int, u: Array, to: int, plane: int) -> None:
    a, b = filter25(*_line5(w, s, 5 * tap)), filter25(*_line5(w, s + tap, 5 * tap))
    c, d = filter25(*_line5(w, s + 2 * tap, 5 * tap)), filter25(*_line5(w, s + 3 * tap, 5 * tap))
    e = filter25(*_line5(w, s + 4 * tap, 5 * tap))
    put6(u, to, plane, filter25(a[0], b[0], c[0], d[0], e[0]))
    put6(u, to + 6 * plane, plane, filter25(a[1], b[1], c[1], d[1], e[1]))
    put6(u, to + 12 * plane, plane, filter25(a[2], b[2], c[2], d[2], e[2]))
    put6(u, to + 18 * plane, plane, filter25(a[3], b[3], c[3], d[3], e[3]))
    put6(u, to + 24 * plane, plane, filter25(a[4], b[4], c[4], d[4], e[4]))
    put6(u, to + 30 * plane, plane, filter25(a[5], b[5], c[5], d[5], e[5]))


@inline
def filters(w: Array, at: int, width: int, p: Tiles, channels: int, us: Array, u: int) -> None:
    """U = G w G^T, from us[u], for one panel and ``channels`` channels: w[at + (c*taps + tap)*width + column]."""
    for c in range(channels):
        for half in range(0, width, LANES):
            s, to = at + c * p.r * p.r * width + half, u + c * width + half
            if p.m == 4:
                _filter43(w, s, width, us, to, p.u_plane)
            elif p.r == 5:
                _filter25(w, s, width, us, to, p.u_plane)
            else:
                _filter23(w, s, width, us, to, p.u_plane)


@inline
def _put_first3(out: Array, to: int, tap: int, n: int, line: Any) -> None:
    store_first(out, to, line[0], n)
    store_first(out, to + tap, line[1], n)
    store_first(out, to + 2 * tap, line[2], n)


@inline
def _put_first5(out: Array, to: int, tap: int, n: int, line: Any) -> None:
    _put_first3(out, to, tap, n, line[:3])
    store_first(out, to + 3 * tap, line[3], n)
    store_first(out, to + 4 * tap, line[4], n)


@inline
def _weights43(d: Array, s: int, plane: int, out: Array, to: int, tap: int, n: int) -> None:
    """gw = G^T D G of F(4, 3) for n filters, to taps that lie ``tap`` apart."""
    down = 6 * plane
    a, b = filter43_adjoint(*line6(d, s, down)), filter43_adjoint(*line6(d, s + plane, down))
    c, e = filter43_adjoint(*line6(d, s + 2 * plane, down)), filter43_adjoint(*line6(d, s + 3 * plane, down))
    f, g = filter43_adjoint(*line6(d, s + 4 * plane, down)), filter43_adjoint(*line6(d, s + 5 * plane, down))
    _put_first3(out, to, tap, n, filter43_adjoint(a[0], b[0], c[0], e[0], f[0], g[0]))
    _put_first3(out, to + 3 * tap, tap, n, filter43_adjoint(a[1], b[1], c[1], e[1], f[1], g[1]))
    _put_first3(out, to + 6 * tap, tap, n, filter43_adjoint(a[2], b[2], c[2], e[2], f[2], g[2]))


@inline
def _weights23(d: Array, s: int, plane: int, out: Array, to: int, tap: int, n: int) -> None:
    down = 4 * plane
    a, b = filter23_adjoint(*line4(d, s, down)), filter23_adjoint(*line4(d, s + plane, down))
    c, e = filter23_adjoint(*line4(d, s + 2 * plane, down)), filter23_adjoint(*line4(d, s + 3 * plane, down))
    _put_first3(out, to, tap, n, filter23_adjoint(a[0], b[0], c[0], e[0]))
    _put_first3(out, to + 3 * tap, tap, n, filter23_adjoint(a[1], b[1], c[1], e[1]))
    _put_first3(out, to + 6 * tap, tap, n, filter23_adjoint(a[2], b[2], c[2], e[2]))


@inline
def _weights25(d: Array, s: int, plane: int, out: Array, to: int, tap: int, n: int) -> None:
    down = 6 * plane
    a, b = filter25_adjoint(*line6(d, s, down)), filter25_adjoint(*line6(d, s + plane, down))
    c, e = filter25_adjoint(*line6(d, s + 2 * plane, down)), filter25_adjoint(*line6(d, s + 3 * plane, down))
    f, g = filter25_adjoint(*line6(d, s + 4 * plane, down)), filter25_adjoint(*line6(d, s + 5 * plane, down))
    _put_first5(out, to, tap, n, filter25_adjoint(a[0], b[0], c[0], e[0], f[0], g[0]))
    _put_first5(out, to + 5 * tap, tap, n, filter25_adjoint(a[1], b[1], c[1], e[1], f[1], g[1]))
    _put_first5(out, to + 10 * tap, tap, n, filter25_adjoint(a[2], b[2], c[2], e[2], f[2], g[2]))
    _put_first5(out, to + 15 * tap, tap, n, filter25_adjoint(a[3], b[3], c[3], e[3], f[3], g[3]))
    _put_first5(out, to + 20 * tap, tap, n, filter25_adjoint(a[4], b[4], c[4], e[4], f[4], g[4]))


@inline
def weights_out(
    out: Array, p: Tiles, part: int, c0: int, channels: int, o0: int, filters: int, buffers: Array, base: int
) -> None:
    """out[part, tap, c, filter] = G^T D G for ``channels`` channels from c0 and ``filters`` filters from o0."""
    for c in range(channels):
        for o in range(0, filters, LANES):
            s = base + p.m_at + c * p.m_row + o
            to = (part * p.r * p.r * p.C + c0 + c) * p.OC + o0 + o
            if p.m == 4:
                _weights43(buffers, s, p.m_plane, out, to, p.C * p.OC, filters - o)
            elif p.r == 5:
                _weights25(buffers, s, p.m_plane, out, to, p.C * p.OC, filters - o)
            else:
                _weights23(buffers, s, p.m_plane, out, to, p.C * p.OC, filters - o)
