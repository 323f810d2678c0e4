"""SIFT: points that are found again at another size and direction, and 128 numbers that describe each.

The image is smoothed by bells of growing width; what differs between two of them is a blob of that width. A point is
an extremum of the differences over place and width. It takes the direction in which most of its neighbourhood grows,
and is described by histograms of directions seen from there. An upright grid (`points.dense_points`) can be described
as well.

All windows are read on lattices that turn and grow with the point, 400 samples between the pixels, so that a thousand
points cost a few array operations and a turned image gives the same numbers.

Source: D. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", International Journal of Computer Vision
60(2), 2004; the sections are named below.

Examples
--------
>>> import numpy as np
>>> y, x = np.mgrid[:33, :33]
>>> blob = np.exp(-((x - 16) ** 2 + (y - 16) ** 2) / (2 * 3.0**2))
>>> point = sift_points(blob)[0]
>>> point[:2].round(3)
array([16., 16.])
>>> sift(blob, point[None]).shape
(1, 128)
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tinygrad_cv.data.features import correlate, unit
from tinygrad_cv.data.points import SMALLEST, bilinear, checked, gray, maxima, refine, turned, window
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array

SIGMA = 1.6
"""The smoothing of an octave's first image, in that octave's pixels (section 3.3)."""

STEPS = 3
"""Images between one width and twice that width (section 3.2)."""

CELL = 3.0
"""Side of one of the 4 x 4 cells, in scales."""

MOST = 512
"""Points that are read at once, which bounds the memory."""


def sift_points(image: Array, contrast: float = 0.03, edge: float = 10.0) -> Array:
    """Return points (P, 4), rows of x, y, scale and angle: extrema of the difference of Gaussians.

    Parameters
    ----------
    image : (H, W), or (C, H, W), whose mean is taken; values from 0 to 1, or uint8.
    contrast : a difference below this is left out (section 4).
    edge : so is a place whose two curvatures differ by more than this factor: it could slide along an edge (4.1).

    A place in which two directions compete, the second at 80 % or more of the first, is two points (section 5). The
    scale is that of the narrower of the two Gaussians: a bell-shaped blob of s pixels is found at 2^(-1/6) s.
    """
    x = gray("sift_points", image)
    if not (contrast >= 0 and edge >= 1):
        raise ArgumentError(
            f"sift_points: got contrast={contrast}, edge={edge}; give a contrast of at least 0, an edge of at least 1"
        )
    octaves, found = pyramid(x), [np.zeros((0, 4))]
    for octave, levels in enumerate(octaves):
        differences = np.diff(levels, axis=0)
        for stack in (differences, -differences):
            top, height, hessian = refine(stack, maxima(stack, contrast / 2))
            trace = hessian[:, 1, 1] + hessian[:, 2, 2]
            det = hessian[:, 1, 1] * hessian[:, 2, 2] - hessian[:, 1, 2] ** 2
            # With curvatures a and r a: trace^2 / det = (r + 1)^2 / r. A saddle has a negative determinant.
            keep = (height > contrast) & (det > 0) & (trace**2 * edge < (edge + 1) ** 2 * det)
            level, row, column = top[keep].T
            pixel = 2.0 ** (octave - 1)
            scale = pixel * SIGMA * 2 ** (level / STEPS)
            found.append(np.stack([pixel * column, pixel * row, scale, 0 * scale], 1))
    points = np.concatenate(found)
    inside = (points[:, 0] <= x.shape[1] - 0.5) & (points[:, 1] <= x.shape[0] - 0.5)
    return _oriented(octaves, points[inside])


def oriented(image: Array, points: Array) -> Array:
    """Return the points turned to where most of the image around them grows, some of them twice.

    A histogram of 36 directions, weighted by the gradient's length and a bell of 1.5 scales; its highest peak and all
    local ones of at least 80 % of it, placed by a parabola (section 5). Flat neighbourhoods keep their angle.
    """
    x = gray("oriented", image)
    return _oriented(pyramid(x), checked("oriented", points, x.shape))


def sift(image: Array, points: Array) -> Array:
    """Describe points (P, 4) by 4 x 4 cells of 8 directions each, (P, 128): row, column, direction.

    The gradients of the image smoothed to the point's scale, seen from its angle, under a bell of two cells. Each
    votes with its length, shared by the nearest two directions and 2 x 2 cells; what lies outside of the image does
    not vote. The vector is divided by its length, cut at 0.2 and divided again (section 6).

    Parameters
    ----------
    image : (H, W), or (C, H, W), whose mean is taken; at least 8 pixels a side.
    points : rows of x, y, scale and angle (`sift_points`, `points.dense_points`); a cell has 3 scales.

    Returns
    -------
    (P, 128) of the image's dtype, or of float32; zeros where the image is flat.
    """
    x = gray("sift", image)
    p = checked("sift", points, x.shape)
    line = (np.arange(20) - 9.5) / 4  # in cells: four cells, and half a cell around them, of four samples each
    across = np.maximum(1 - abs(line[:, None] - (np.arange(4) - 1.5)), 0) * np.exp(-(line[:, None] ** 2) / 8)
    cells = np.einsum("vr,uc->vurc", across, across).reshape(400, 16)
    y = np.zeros((len(p), 16, 8), x.dtype)
    for chosen, gradients in _gradients(pyramid(x), p, CELL * line):
        y[chosen] = (_votes(turned(gradients, p[chosen]), 8) @ cells).transpose(0, 2, 1)
    y = unit(y.reshape(len(p), 128), 1e-4)
    return unit(np.minimum(y, 0.2), 1e-4)


def pyramid(x: Array) -> list[Array]:
    """Return the octaves, each (6, H, W): the image doubled in size, then halved from one to the next (section 3).

    Level l of octave o is smoothed to a scale of 1.6 * 2^(l/3 + o - 1) pixels of the image, of which it has one for
    each 2^(1 - o) of its own. The image itself counts as smoothed by half a pixel.
    """
    doubled = x
    for _ in range(2):  # means between the neighbours in a row, then in a column
        wide = np.empty((doubled.shape[0], 2 * doubled.shape[1] - 1), x.dtype)
        wide[:, ::2] = doubled
        wide[:, 1::2] = (doubled[:, 1:] + doubled[:, :-1]) / 2
        doubled = wide.T
    level, octaves = _blur(doubled, math.sqrt(SIGMA**2 - 1)), []
    while True:
        levels = [level]
        for k in range(1, STEPS + 3):  # widths add as squares
            before, after = (SIGMA * 2 ** (i / STEPS) for i in (k - 1, k))
            levels.append(_blur(levels[-1], math.sqrt(after**2 - before**2)))
        octaves.append(np.stack(levels))
        level = levels[STEPS][::2, ::2]
        if min(level.shape) < SMALLEST:
            return octaves


def _blur(x: Array, sigma: float) -> Array:
    radius = math.ceil(4 * sigma)
    bell = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))[None]
    bell /= bell.sum()
    return correlate(correlate(x, bell), bell.T)


def _gradients(octaves: list[Array], points: Array, line: Array) -> Iterator[tuple[Array, Array]]:
    """Yield which points, and gradients gx + i gy (P, S * S) in their windows, level by level; zero outside."""
    step = np.round(STEPS * np.log2(2 * points[:, 2] / SIGMA)).astype(np.int64)
    octave = np.clip((step - 1) // STEPS, 0, len(octaves) - 1)  # levels 1 to 3 are an octave's own
    level = np.clip(step - STEPS * octave, 0, STEPS + 2)
    for o, k in sorted({*zip(octave.tolist(), level.tolist())}):
        every = np.flatnonzero((octave == o) & (level == k))
        down, right = np.gradient(octaves[o][k])
        plane = right + 1j * down
        for chosen in np.array_split(every, -(-len(every) // MOST)):
            x, y = (a * 2.0 ** (1 - o) for a in window(points[chosen], line))
            inside = (x >= 0) & (y >= 0) & (x <= plane.shape[1] - 1) & (y <= plane.shape[0] - 1)
            yield chosen, inside * bilinear(plane, x, y)


def _votes(gradients: Array, bins: int) -> Array:
    """Return (P, bins, S): the gradients' lengths, each at the two directions nearest to its own."""
    length, at = abs(gradients), np.angle(gradients) * (bins / (2 * math.pi))
    low = np.floor(at)
    first, share, votes = low.astype(np.int64)[:, None] % bins, (at - low)[:, None], length[:, None]
    y = np.zeros((len(votes), bins, votes.shape[2]))
    np.put_along_axis(y, first, votes * (1 - share), 1)
    np.put_along_axis(y, (first + 1) % bins, votes * share, 1)
    return y


def _oriented(octaves: list[Array], points: Array, bins: int = 36) -> Array:
    line, upright = np.arange(-9, 10) / 2, points * [1, 1, 1, 0]
    bell = np.exp(-np.add.outer(line**2, line**2).ravel() / (2 * 1.5**2))
    histogram = np.zeros((len(points), bins))
    for chosen, gradients in _gradients(octaves, upright, line):
        histogram[chosen] = _votes(gradients, bins) @ bell
    for _ in range(2):  # neighbours are mixed 1-2-1, twice: single votes are no peaks
        histogram = (np.roll(histogram, 1, 1) + 2 * histogram + np.roll(histogram, -1, 1)) / 4
    before, after = np.roll(histogram, 1, 1), np.roll(histogram, -1, 1)
    highest = histogram.max(1, keepdims=True)
    peak = (histogram >= before) & (histogram > after) & (histogram >= 0.8 * highest) & (highest > 1e-4)
    which, k = np.nonzero(peak)
    low, middle, high = before[peak], histogram[peak], after[peak]
    turns = (k + (low - high) / (2 * (low - 2 * middle + high))) / bins
    angled = np.column_stack([points[which, :3], 2 * math.pi * turns])
    return np.concatenate([angled, points[~peak.any(1)]])
