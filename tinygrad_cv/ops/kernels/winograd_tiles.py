"""Tiles to the points and back: the transforms of `winograd_algebra`, from and to channels-last images.

Each applies a small matrix from both sides: first to the rows of a tile, LANES channels at once, into an intermediate
tile in the worker's buffer, then to the columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import inline
from .simd import LANES, load, load_first, maximum, splat, store, store_first
from .winograd_algebra import (
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
from .winograd_plans import Tiles


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
def inputs(x: Array, p: Tiles, t0: int, count: int, c0: int, channels: int, buffers: Array, base: int) -> None:
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
    else:
        a, b, c, e = filter23(load(source, s), load(source, s + step), load(source, s + 2 * step))
    store(u, d, a)
    store(u, d + jump, b)
    store(u, d + 2 * jump, c)
    store(u, d + 3 * jump, e)


@inline
def _filter_line43(u: Array, to: int, plane: int, w0: Any, w1: Any, w2: Any) -> None:
    a, b, c, d, e, f = filter43(w0, w1, w2)
    store(u, to, a)
    store(u, to + plane, b)
    store(u, to + 2 * plane, c)
    store(u, to + 3 * plane, d)
    store(u, to + 4 * plane, e)
    store(u, to + 5 * plane, f)


@inline
def _filter43(w: Array, s: int, tap: int, u: Array, to: int, plane: int) -> None:
    """U = G w G^T of F(4, 3) for LANES filters, from nine loads to 36 stores without a stop in memory."""
    a0, a1, a2, a3, a4, a5 = filter43(load(w, s), load(w, s + 3 * tap), load(w, s + 6 * tap))
    b0, b1, b2, b3, b4, b5 = filter43(load(w, s + tap), load(w, s + 4 * tap), load(w, s + 7 * tap))
    c0, c1, c2, c3, c4, c5 = filter43(load(w, s + 2 * tap), load(w, s + 5 * tap), load(w, s + 8 * tap))
    _filter_line43(u, to, plane, a0, b0, c0)
    _filter_line43(u, to + 6 * plane, plane, a1, b1, c1)
    _filter_line43(u, to + 12 * plane, plane, a2, b2, c2)
    _filter_line43(u, to + 18 * plane, plane, a3, b3, c3)
    _filter_line43(u, to + 24 * plane, plane, a4, b4, c4)
    _filter_line43(u, to + 30 * plane, plane, a5, b5, c5)


@inline
def filters(w: Array, at: int, width: int, p: Tiles, channels: int, buffers: Array, base: int, u: int) -> None:
    """U = G w G^T for one panel and ``channels`` channels: w[at + (c*taps + tap)*width + column]."""
    rest = base + p.rest_at
    for c in range(channels):
        for half in range(0, width, LANES):
            s = at + c * p.r * p.r * width + half
            if p.m == 4:
                _filter43(w, s, width, buffers, u + c * width + half, p.u_plane)
                continue
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
def outputs(
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
def gradients(
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


@inline
def weights_out(
    out: Array, p: Tiles, part: int, c0: int, channels: int, o0: int, filters: int, buffers: Array, base: int
) -> None:
    """out[part, tap, c, filter] = G^T D G for ``channels`` channels from c0 and ``filters`` filters from o0."""
    taps = p.r * p.r
    rest = base + p.rest_at
    done = rest + p.points * p.r * LANES
    for c in range(channels):
        for o in range(0, filters, LANES):
            for b in range(p.points):
                s = base + p.m_at + c * p.m_row + o + b * p.m_plane
                _filter_row_adjoint(s, p.points * p.m_plane, rest + b * LANES, p.points * LANES, p.r, p.points, buffers)
            for a in range(p.r):
                _filter_row_adjoint(rest + a * p.points * LANES, LANES, done, LANES, p.r, p.points, buffers)
                for b in range(p.r):
                    to = ((part * taps + a * p.r + b) * p.C + c0 + c) * p.OC + o0 + o
                    store_first(out, to, load(buffers, done + b * LANES), filters - o)
