"""A gather in strokes: which pixels of a task meet which run of weights, and what the border of a small map leaves out.

A task of `plans` multiplies its pixels by one panel of weights in strokes, each a run of weights for a range of pixels.
Where every pixel meets every tap, a stroke is a chunk of taps for all pixels. On a small map many taps see only
padding: of 3x3/2 on a map of 4 x 4, a twelfth of the taps for each border, a sixth in all. There pixels are sorted by
the taps that they need, section by section (corner, edge, inside), and each section has strokes of its own:

    for run of a kernel row: for section that needs it: y[pixel, :] += x[pixel + tap, run] @ w[run, :]

64x256x8x8 with 512 filters of 3x3/2 makes 1.01 billion multiply-adds so, instead of 1.21.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...typing import Array
from .micro import FEW, ROWS

LONG = 128
"""Steps of a stroke at least: shorter ones lose more by beginning and ending than the border saves."""

WORTH = 0.96
"""Sections are made where they leave at most this part of the work."""


class Stroke(NamedTuple):
    """Multiply-adds of a range of pixels with neighbouring rows of packed weights."""

    row: int
    pixels: int
    """Where the pixels lie in the tables, and how many there are for each image; 0 for all of the task."""
    tap: int
    n_t: int
    n_k: int
    """First tap, taps, steps for each."""
    weights: int
    """First row of the packed weights."""
    first: bool
    last: bool
    """Whether these pixels' sums begin, and end."""


FIELDS = len(Stroke._fields)


class Sections(NamedTuple):
    """The tables of a task whose pixels are sorted by section."""

    rows: Array
    places: Array
    taps: Array
    strokes: list[Stroke]


def work(pixels: int) -> int:
    """Return how many rows the micro-kernel computes for so many pixels."""
    full, rest = divmod(pixels, ROWS)
    return full * ROWS + -(-rest // FEW) * FEW


def pieces(run: int, most: int) -> int:
    """Return into how many equal pieces of at most ``most`` a run is cut."""
    return next((k for k in range(-(-run // most), 4 * -(-run // most)) if run % k == 0), 1)


def whole(taps: int, n_k: int, most: int) -> list[Stroke]:
    """Cut all taps into strokes of about equal length, at most ``most`` steps where a tap has no more."""
    chunks = -(-taps // max(1, most // max(1, n_k)))
    per_chunk = -(-taps // max(1, chunks))
    starts = range(0, taps, max(1, per_chunk))
    return [
        Stroke(0, 0, t, min(per_chunk, taps - t), n_k, t * n_k, t == 0, t + per_chunk >= taps) for t in starts
    ]


def _classes(count: int, stride: int, offsets: list[int], size: int) -> list[tuple[int, int, int, int]]:
    """Return (start, stop, a, b) for each run of pixels that see the taps a to b inside an image of ``size``."""
    found: list[tuple[int, int, int, int]] = []
    for i in range(count):
        seen = [k for k, offset in enumerate(offsets) if 0 <= i * stride + offset < size] or [0]
        a, b = (seen[0], seen[-1] + 1) if 0 <= i * stride + offsets[seen[0]] < size else (0, 0)
        start = found.pop()[0] if found and found[-1][2:] == (a, b) else i
        found.append((start, i + 1, a, b))
    return found


def sections(
    images: int, grid: tuple[int, int], stride: tuple[int, int], up: list[int], left: list[int], size: tuple[int, int],
    C: int, most: int, source: tuple[int, int, int], target: tuple[int, int, int],
) -> Sections | None:  # fmt: skip
    """Sort the pixels of ``images`` whole maps by the taps that they need, or return None where it does not pay.

    Taps are rows ``up`` x columns ``left``, neighbours in an image of ``size`` with C channels; source and target are
    the distances of grid rows, pixels and images in the task's buffer and in the destination.
    """
    lines, columns = _classes(grid[0], stride[0], up, size[0]), _classes(grid[1], stride[1], left, size[1])
    if any(b == a for *_, a, b in (*lines, *columns)) or any((b - a) * C < LONG for *_, a, b in columns):
        return None
    cost = sum(
        work(images * (i1 - i0) * (j1 - j0)) * (b - a) * (d - c) for i0, i1, a, b in lines for j0, j1, c, d in columns
    )
    if cost > WORTH * work(images * grid[0] * grid[1]) * len(up) * len(left):
        return None
    line = source[0] // stride[0]
    rows: list[Array] = []
    places: list[Array] = []
    taps: list[int] = []
    strokes, row = [], 0
    for i0, i1, a, b in lines:
        for j0, j1, c, d in columns:
            n, i, j = np.ogrid[:images, i0:i1, j0:j1]
            rows.append(n * source[2] + i * source[0] + j * source[1])
            places.append(n * target[2] + i * target[0] + j * target[1])
            count, run = (i1 - i0) * (j1 - j0), (d - c) * C
            n_k = run // pieces(run, most)
            for k in range(a, b):
                for at in range(0, run, n_k):
                    weights = (k * len(left) + c) * C + at
                    first, last = (k, at) == (a, 0), k == b - 1 and at + n_k == run
                    strokes.append(Stroke(row, count, len(taps), 1, n_k, weights, first, last))
                    taps.append((up[k] - up[0]) * line + (left[c] - left[0]) * C + at)
            row += images * count
    strokes.sort(key=lambda stroke: stroke.weights)
    return Sections(_table(rows), _table(places), np.array(taps, np.int64), strokes)


def _table(parts: list[Array]) -> Array:
    return np.concatenate([part.reshape(-1) for part in parts]).astype(np.int64)
