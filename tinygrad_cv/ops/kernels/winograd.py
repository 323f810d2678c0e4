"""Winograd convolution: forward, input gradient and weight gradient (see `winograd_algebra` for the formulas).

The tiles of all images stand in one line. A task takes a block of tiles and a group of filters; everything that it
touches stays in the second-level cache:

    for chunk of channels:
        V[e, tile, c] = B^T d B                                     e: the 16 or 36 points
        for panel of filters:
            U[e, c, filter] = G w G^T
            for e: M[e, tile, filter] += V[e] @ U[e]                (the micro-kernel)
    y = A^T M A, plus bias

Where all of U fits nearby, it is computed once; else filters are transformed anew for each block of tiles. That costs
as much as one more tile, whereas the U of a 512-channel layer is 38 MB that every block would fetch from far away.

For the weight gradient a task takes a block of channels, a group of filters and a part of all tiles:

    for block of tiles:
        V[e, tile, c] = B^T d B;  W[e, tile, filter] = A g A^T
        for e: D[e, c, filter] += V[e]^T @ W[e]
    gw = G^T D G

Planes e lie a few vectors more than a power of two apart, for else all of them would fall into the same sets of the
first-level cache (worth up to a quarter).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import spread
from .micro import FEW, NO_FLOOR, WIDTH, multiply
from .simd import LANES
from .winograd_filters import filters as transform_filters
from .winograd_filters import weights_out
from .winograd_plans import Tiles
from .winograd_tiles import gradients, inputs, outputs


@spread
def winograd(
    worker: int, workers: int, x: Array, w: Array, bias: Array, zeros: Array, y: Array, rows: Array, places: Array,
    zero: Array, p: Tiles, floor: Any, buffers: Array,
) -> None:  # fmt: skip
    """y = conv2d(x, w): w packed in panels of all taps, bias with room for a panel beyond its end."""
    spare = np.empty(2 * FEW, np.int64)
    base = worker * p.size
    tasks = p.blocks * p.groups
    first = worker * tasks // workers
    for task in range(first, (worker + 1) * tasks // workers):
        t0, o0 = task // p.groups * p.block, task % p.groups * p.group
        count, filters = min(p.block, p.total - t0), min(p.group, p.OC - o0)
        for c0 in range(0, p.C, p.chunk):
            channels = min(p.chunk, p.C - c0)
            inputs(x, p, t0, count, c0, channels, buffers, base)
            for o in range(0, filters, WIDTH):
                columns = min(WIDTH, filters - o)
                width = WIDTH if columns > LANES else LANES
                u = base + p.u_at + o // WIDTH * p.u_panel
                if task == first or p.u_panel == 0:
                    at = ((o0 + o) * p.C + c0 * width) * p.r * p.r
                    transform_filters(w, at, width, p, channels, buffers, u)
                for e in range(p.points * p.points):
                    multiply(
                        buffers, base + e * p.v_plane, rows, 0, count, zero, 0, 1, channels, 1,
                        buffers, u + e * p.u_plane, width, buffers, base + p.m_at + e * p.m_plane + o, places,
                        width, c0 > 0, zeros, 0, NO_FLOOR, spare, buffers, 0, 0,
                    )  # fmt: skip
        outputs(y, bias, floor, p, t0, count, o0, filters, buffers, base)


@spread
def winograd_weights(
    worker: int, workers: int, x: Array, g: Array, zeros: Array, out: Array, rows: Array, places: Array, zero: Array,
    p: Tiles, buffers: Array,
) -> None:  # fmt: skip
    """The gradient of w as out[slice, tap, c, filter], slice s the sum over the s-th part of the blocks of tiles.

    Which task adds what, and in which order, depends on the sizes alone.
    """
    spare = np.empty(2 * FEW, np.int64)
    base = worker * p.size
    tasks = p.slices * p.chunks * p.groups
    for task in range(worker * tasks // workers, (worker + 1) * tasks // workers):
        part, c0, o0 = task // (p.chunks * p.groups), task // p.groups % p.chunks * p.chunk, task % p.groups * p.group
        channels, filters = min(p.chunk, p.C - c0), min(p.group, p.OC - o0)
        first, last = part * p.blocks // p.slices, (part + 1) * p.blocks // p.slices
        for b in range(first, last):
            t0 = b * p.block
            count = min(p.block, p.total - t0)
            inputs(x, p, t0, count, c0, channels, buffers, base)
            for o in range(0, filters, WIDTH):
                columns = min(WIDTH, filters - o)
                width = WIDTH if columns > LANES else LANES
                gradients(g, p, t0, count, o0 + o, columns, width, buffers, base)
                for e in range(p.points * p.points):
                    multiply(
                        buffers, base + e * p.v_plane, rows, 0, channels, zero, 0, 1, count, p.v_row,
                        buffers, base + p.u_at + e * p.u_plane, width, buffers, base + p.m_at + e * p.m_plane + o,
                        places, width, b > first, zeros, 0, NO_FLOOR, spare, buffers, 0, 0,
                    )  # fmt: skip
        weights_out(out, p, part, c0, channels, o0, filters, buffers, base)
