"""Pooling's gradients, compiled: what each pixel of x gets back from the windows that cover it. See `pool_numba`.

Both kinds are one loop nest; what a window gives to a pixel is a function of g, the winner's mark, the pixel's mark
and 1 / size, handed to the nest when it is compiled:

    max       g where the winner is the pixel, else 0        avg       g * (1 / size)

A max pool behind a ReLU masks what it writes: a pixel whose value s is not above ``floor`` gets 0. Without one ``seen``
is 0: no lane of s[0:] is read, and what is not read is 0, above a floor of -1. (No lane of what lies where gx is being
written would still wait for each store: 64 x 28 x 28 x 6 by 2 x 2 took 0.45 ms on one thread instead of 0.18.)

Where windows share no pixel (2 x 2 by steps of 2, parts of a map, the whole map) each hands out what was read once.
Elsewhere each pixel collects from the windows that cover it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import inline, spread
from .simd import LANES, load_first, splat, store_first, where_gt
from .simd_select import where_same

FOUR = 4 * LANES
"""Channels of four vectors, which share the loops over a window."""

_ZERO = np.float32(0)


@inline
def store_4(y: Array, o: int, v0: Any, v1: Any, v2: Any, v3: Any) -> None:
    """y[o : o+FOUR] = four vectors."""
    store_first(y, o, v0, LANES)
    store_first(y, o + LANES, v1, LANES)
    store_first(y, o + 2 * LANES, v2, LANES)
    store_first(y, o + 3 * LANES, v3, LANES)


@inline
def _won(g: Any, winner: Any, mark: Any, share: Any) -> Any:
    return where_same(winner, mark, g, splat(_ZERO))


@inline
def _shared(g: Any, winner: Any, mark: Any, share: Any) -> Any:
    return g * share


@inline
def _all(total: Any, s: Array, o: int, n: int, floor: Any) -> Any:
    return total


@inline
def _above(total: Any, s: Array, o: int, n: int, floor: Any) -> Any:
    """``total`` where s[o:] is above the floor, else 0."""
    return where_gt(load_first(s, o, n), splat(floor), total, splat(_ZERO))


@inline
def _hand_out(
    give: Any, keep: Any, g: Array, index: Array, s: Array, seen: int, floor: Any, gx: Array, marks: Array, share: Any,
    i: int, o: int, w0: int, w1: int, w2: int, step: int, n: int,
) -> None:  # fmt: skip
    """The pixels w0 to w1 of a line get what one window gives, those up to w2, which no window covers, nothing."""
    v, winner = load_first(g, i, n), load_first(index, i, n)
    for w in range(w0, w1):
        at = o + w * step
        store_first(gx, at, keep(give(v, winner, splat(marks[w]), share), s, at * seen, n * seen, floor), n)
    for w in range(w1, w2):
        store_first(gx, o + w * step, splat(_ZERO), n)


@inline
def _collect(
    give: Any, keep: Any, g: Array, index: Array, s: Array, seen: int, floor: Any, gx: Array, mark: Any, down: Array,
    across: Array, at: int, o: int, h0: int, h1: int, w0: int, w1: int, width: int, channels: int, n: int,
) -> None:  # fmt: skip
    """gx[o:o+n] = the sum of what the windows h0 to h1, w0 to w1 give to one pixel."""
    total = splat(_ZERO)
    for h in range(h0, h1):
        for w in range(w0, w1):
            i = at + (h * width + w) * channels
            share = splat(down[h] * across[w])
            total = total + give(load_first(g, i, n), load_first(index, i, n), mark, share)
    store_first(gx, o, keep(total, s, o * seen, n * seen, floor), n)


@inline
def _collect_4(
    give: Any, keep: Any, g: Array, index: Array, s: Array, seen: int, floor: Any, gx: Array, mark: Any, down: Array,
    across: Array, at: int, o: int, h0: int, h1: int, w0: int, w1: int, width: int, channels: int,
) -> None:  # fmt: skip
    """The same for four whole vectors side by side."""
    t0 = t1 = t2 = t3 = splat(_ZERO)
    for h in range(h0, h1):
        for w in range(w0, w1):
            i = at + (h * width + w) * channels
            share = splat(down[h] * across[w])
            j, k, m = i + LANES, i + 2 * LANES, i + 3 * LANES
            t0 = t0 + give(load_first(g, i, LANES), load_first(index, i, LANES), mark, share)
            t1 = t1 + give(load_first(g, j, LANES), load_first(index, j, LANES), mark, share)
            t2 = t2 + give(load_first(g, k, LANES), load_first(index, k, LANES), mark, share)
            t3 = t3 + give(load_first(g, m, LANES), load_first(index, m, LANES), mark, share)
    p, n = o * seen, LANES * seen
    t0, t1 = keep(t0, s, p, n, floor), keep(t1, s, p + LANES, n, floor)
    t2, t3 = keep(t2, s, p + 2 * LANES, n, floor), keep(t3, s, p + 3 * LANES, n, floor)
    store_4(gx, o, t0, t1, t2, t3)


@inline
def _back(
    give: Any, keep: Any, worker: int, workers: int, g: Array, index: Array, s: Array, seen: int, floor: Any,
    gx: Array, marks: Array, rows: Array, cols: Array, down: Array, across: Array, apart: bool, images: int,
    height: int, width: int, pixels: int, channels: int,
) -> None:  # fmt: skip
    """Lines of ``pixels`` of gx. rows: the windows that cover each line. cols: where no two windows meet (``apart``),
    the pixels of each window and where the next begins; else the windows that cover each pixel of a line."""
    total = images * len(rows)
    for line in range(worker * total // workers, (worker + 1) * total // workers):
        image = line // len(rows) * (height * width * channels)
        h = line % len(rows)
        h0, h1 = rows[h, 0], rows[h, 1]
        o, mine = line * pixels * channels, marks[h * pixels : (h + 1) * pixels]
        for w in range(len(cols)):
            w0, w1 = cols[w, 0], cols[w, 1]
            if apart:
                row, w2 = min(h0, height - 1), cols[w, 2]
                at, share = image + (row * width + w) * channels, splat(down[row] * across[w])
                w1 = w1 if h0 < h1 else w0
                for c in range(0, channels, LANES):
                    _hand_out(
                        give, keep, g, index, s, seen, floor, gx, mine, share, at + c, o + c, w0, w1, w2, channels,
                        channels - c,
                    )  # fmt: skip
                continue
            mark = splat(mine[w])
            for c in range(0, channels - FOUR + 1, FOUR):
                i, j = image + c, o + w * channels + c
                _collect_4(
                    give, keep, g, index, s, seen, floor, gx, mark, down, across, i, j, h0, h1, w0, w1, width, channels,
                )  # fmt: skip
            for c in range(channels // FOUR * FOUR, channels, LANES):
                i, j, n = image + c, o + w * channels + c, channels - c
                _collect(
                    give, keep, g, index, s, seen, floor, gx, mark, down, across, i, j, h0, h1, w0, w1, width, channels,
                    n,
                )  # fmt: skip


@spread
def max_pool_back(
    worker: int, workers: int, g: Array, index: Array, s: Array, seen: int, floor: Any, gx: Array, marks: Array,
    rows: Array, cols: Array, ones: Array, apart: bool, images: int, height: int, width: int, pixels: int,
    channels: int,
) -> None:  # fmt: skip
    """s: the value of the ReLU before, which is ``seen``, 1, or not, 0."""
    _back(
        _won, _above, worker, workers, g, index, s, seen, floor, gx, marks, rows, cols, ones, ones, apart, images,
        height, width, pixels, channels,
    )  # fmt: skip


@spread
def avg_pool_back(
    worker: int, workers: int, g: Array, gx: Array, marks: Array, rows: Array, cols: Array, down: Array,
    across: Array, apart: bool, images: int, height: int, width: int, pixels: int, channels: int,
) -> None:  # fmt: skip
    """down and across: 1 / sizes."""
    _back(
        _shared, _all, worker, workers, g, g, g, 0, _ZERO, gx, marks, rows, cols, down, across, apart, images, height,
        width, pixels, channels,
    )  # fmt: skip


@spread
def max_pool_scatter(
    worker: int, workers: int, g: Array, index: Array, gx: Array, images: int, pixels: int, outs: int, channels: int
) -> None:
    """Backward where the windows are not known: a loop over winners, images shared by threads."""
    for n in range(worker * images // workers, (worker + 1) * images // workers):
        for p in range(n * outs, (n + 1) * outs):
            for c in range(channels):
                gx[(n * pixels + index[p * channels + c]) * channels + c] += g[p * channels + c]
