"""Winograd convolution: forward, input gradient and weight gradient (see `winograd_algebra` for the formulas).

The tiles of all images stand in one line. A task takes a block of tiles and a group of filters; what it works on stays
in the second-level cache:

    for chunk of channels:
        V[e, tile, c] = B^T d B                                     e: the 16 or 36 points
        for panel of filters:
            U[e, c, filter] = G w G^T
            for e: M[e, tile, filter] += V[e] @ U[e]                (the micro-kernel)
    y = A^T M A, plus bias

A transform writes each vector to 36 places, most of which have left the first-level cache, and costs as much as 10 to
20 steps of the micro-kernel. So where several tasks need the same V or the same U, a launch before this one computes it
for all: the same kernel, told to stop there. Blocks of V and U then come from the cache that all cores share.

For the weight gradient a task takes a block of channels, a group of filters and a part of all tiles; V and W, too, are
computed by a launch of their own where several tasks need them:

    for block of tiles:
        V[e, tile, c] = B^T d B;  W[e, tile, filter] = A g A^T
        for e: D[e, c, filter] += V[e]^T @ W[e]
    gw = G^T D G

Planes e lie a few vectors more than a power of two apart, for else all of them would fall into the same sets of the
first-level cache (worth up to a quarter).
"""

from __future__ import annotations

from typing import Any

from ...typing import Array
from .jit import spread
from .micro import NO_FLOOR, WIDTH, multiply
from .simd import LANES
from .winograd_filters import filters as transform_filters
from .winograd_filters import weights_out
from .winograd_outputs import outputs
from .winograd_plans import PRODUCTS, US, VS, Tiles
from .winograd_regions import following, present, shares
from .winograd_tiles import gradients, inputs


@spread
def winograd(
    worker: int, workers: int, x: Array, w: Array, factors: Array, order: int, bias: Array, zeros: Array, y: Array,
    rows: Array, places: Array, zero: Array, p: Tiles, floor: Any, vs: Array, us: Array, buffers: Array,
) -> None:  # fmt: skip
    """y = conv2d(x, w): w in one of the orders of `winograd_filters`, bias with room for a panel beyond its end.

    vs and us hold V and U: of all tasks, or, as ``buffers``, of the task at hand. Where a launch computes V alone, its
    groups share the channels.
    """
    soon = x if p.advance else us if p.u_step else vs
    base = worker * p.size
    tasks = p.blocks * p.groups
    for task in range(worker * tasks // workers, (worker + 1) * tasks // workers):
        block, o0 = task // p.groups, task % p.groups * p.group
        filters, counts, later = min(p.group, p.OC - o0), shares(p, block), following(p, block)
        piece, pieces = (task % p.groups, p.groups) if p.stage == VS else (0, 1)
        for chunk in range(p.chunks):
            c0 = chunk * p.chunk
            channels = min(p.chunk, p.C - c0)
            v = (block * p.chunks + chunk) * p.v_step if p.v_step else base
            if p.stage & VS:
                whole = (channels + LANES - 1) // LANES
                a, e = piece * whole // pieces * LANES, min(channels, (piece + 1) * whole // pieces * LANES)
                if a < e:
                    inputs(x, p, block, c0 + a, e - a, vs, v + a, buffers, base + p.patch_at)
            for o in range(o0, o0 + filters, WIDTH):
                columns = min(WIDTH, p.OC - o)
                width = WIDTH if columns > LANES else LANES
                u = (chunk * p.panels + o // WIDTH) * p.u_step if p.u_step else base + p.u_at
                if p.stage & US:
                    transform_filters(
                        w, factors, order, o, c0, width, p, channels, us, u, buffers, base + p.patch_at,
                    )  # fmt: skip
                if p.stage & PRODUCTS:
                    m = base + p.m_at + (o - o0 if p.chunks > 1 else 0)
                    for e in range(p.points * p.points):
                        start, count = present(p, counts, e)
                        after = u + (e + 1) * p.u_plane if p.u_step else v + (e + 1) * p.v_plane
                        if p.advance:
                            after = later + (o // WIDTH * p.points * p.points + e) * p.advance
                        multiply(
                            vs, v + e * p.v_plane, rows, start, count, zero, 0, 1, channels, 1,
                            us, u + e * p.u_plane, width, buffers, m + e * p.m_plane, places,
                            width, c0 > 0, zeros, 0, NO_FLOOR, soon, after, p.ahead,
                        )  # fmt: skip
                    narrow = p.chunks == 1
                    if chunk == p.chunks - 1 and (narrow or o + WIDTH >= o0 + filters):
                        begin, many = (o, min(WIDTH, o0 + filters - o)) if narrow else (o0, filters)
                        outputs(y, bias, floor, p, block, begin, many, buffers, base + p.m_at, base + p.patch_at)


@spread
def winograd_weights(
    worker: int, workers: int, x: Array, g: Array, zeros: Array, out: Array, rows: Array, places: Array, zero: Array,
    p: Tiles, vs: Array, us: Array, buffers: Array,
) -> None:  # fmt: skip
    """The gradient of w as out[slice, tap, c, filter], slice s the sum over the s-th part of the blocks of tiles.

    Which task adds what, and in which order, depends on the sizes alone. vs and us hold V and W.
    """
    soon = x if p.advance else us
    base = worker * p.size
    tasks = p.slices * p.chunks * p.groups
    for task in range(worker * tasks // workers, (worker + 1) * tasks // workers):
        part, chunk, o0 = task // (p.chunks * p.groups), task // p.groups % p.chunks, task % p.groups * p.group
        c0 = chunk * p.chunk
        channels, filters = min(p.chunk, p.C - c0), min(p.group, p.OC - o0)
        first, last = part * p.blocks // p.slices, (part + 1) * p.blocks // p.slices
        for block in range(first, last):
            counts, later = shares(p, block), following(p, block)
            v = (block * p.chunks + chunk) * p.v_step if p.v_step else base
            if p.stage & VS:
                inputs(x, p, block, c0, channels, vs, v, buffers, base + p.patch_at)
            for o in range(o0, o0 + filters, WIDTH):
                columns = min(WIDTH, p.OC - o)
                width = WIDTH if columns > LANES else LANES
                u = (block * p.panels + o // WIDTH) * p.u_step if p.u_step else base + p.u_at
                if p.stage & US:
                    gradients(g, p, block, o, columns, width, us, u, buffers, base + p.patch_at)
                if p.stage & PRODUCTS:
                    m = base + p.m_at + o - o0
                    for e in range(p.points * p.points):
                        start, count = present(p, counts, e)
                        after = u + (e + 1) * p.u_plane
                        if p.advance:
                            after = later + (o // WIDTH * p.points * p.points + e) * p.advance
                        multiply(
                            vs, v + e * p.v_plane + start * p.v_row, rows, 0, channels, zero, 0, 1, count, p.v_row,
                            us, u + e * p.u_plane + start * width, width, buffers, m + e * p.m_plane,
                            places, width, block > first, zeros, 0, NO_FLOOR, soon, after,
                            p.ahead if p.advance or p.u_step else 0,
                        )  # fmt: skip
        if p.stage & PRODUCTS:
            weights_out(out, p, part, c0, channels, o0, filters, buffers, base)
