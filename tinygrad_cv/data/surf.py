"""SURF: blobs and descriptors out of sums over rectangles, which cost the same at every size.

In the integral image each entry is the sum of all pixels above and to the left. The sum over a rectangle is then four
look-ups. Second derivatives become three boxes in a row, first derivatives two halves of a square.

The sides of a square need not fall between pixels: between its entries the integral image is bilinear, exactly so if
pixels are squares of one value, and continuing the outermost of these pieces continues the edge pixels.

Source: H. Bay, A. Ess, T. Tuytelaars, L. Van Gool, "Speeded-Up Robust Features (SURF)", Computer Vision and Image
Understanding 110(3), 2008; the sections are named below.

Examples
--------
>>> import numpy as np
>>> image = np.arange(6.0).reshape(2, 3)
>>> integral_image(image)
array([[ 0.,  0.,  0.,  0.],
       [ 0.,  0.,  1.,  3.],
       [ 0.,  3.,  8., 15.]])
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_cv.data.features import unit
from tinygrad_cv.data.points import bilinear, checked, gray, maxima, refine, turned, window
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array

PIXEL = 1.2 / 9
"""Scale of a box filter per pixel of its side: the 9 x 9 filter stands for a bell of 1.2 pixels (section 3.2)."""

MOST = 512
"""Points that are read at once, which bounds the memory."""


def integral_image(image: Array) -> Array:
    """Return sums (H + 1, W + 1) of float64: entry [i, j] is the sum of image[:i, :j] (section 3.1)."""
    x = np.asarray(image)
    if x.ndim != 2:
        raise ShapeError(f"integral_image: image has shape {x.shape}; give one plane, (H, W)")
    table = np.zeros((x.shape[0] + 1, x.shape[1] + 1))
    table[1:, 1:] = x.cumsum(0, dtype=np.float64).cumsum(1)
    return table


def surf_points(image: Array, threshold: float = 4e-4, octaves: int = 4) -> Array:
    """Return points (P, 4), rows of x, y, scale and angle: maxima of the determinant of the Hessian.

    Parameters
    ----------
    image : (H, W), or (C, H, W), whose mean is taken; values from 0 to 1, or uint8; at least 29 pixels a side.
    threshold : the least determinant of a point.
    octaves : groups of four filters; sides 9, 15, 21, 27, then 15, 27, 39, 51 and so on, each step twice the last
        (section 3.3). What does not fit into the image is left out.

    A point takes the direction in which its neighbourhood grows most (section 4.1). Scales are counted as in the
    paper, 1.2 for the filter of 9 pixels; boxes reach further than bells, and a bell-shaped blob of s pixels is found
    at 0.70 to 0.78 s (`sift_points`: 0.89 s).
    """
    x = gray("surf_points", image, 29)  # the largest filter of the first octave, and a neighbour on each side
    if not (threshold >= 0 and octaves >= 1):
        raise ArgumentError(
            f"surf_points: got threshold={threshold}, octaves={octaves}; give at least 0, and at least one octave"
        )
    table, found = integral_image(x - x.mean()), [np.zeros((0, 4))]
    for octave in range(octaves):
        step = 6 * 2**octave
        sides = [3 + step * k for k in range(1, 5)]
        margin = sides[-1] // 2
        if min(x.shape) < sides[-1] + 2:
            break
        stack = np.stack([_determinant(table, side, margin) for side in sides])
        top, height, _ = refine(stack, maxima(stack, threshold / 2))
        level, row, column = top[height > threshold].T
        scale = PIXEL * (sides[0] + step * level)
        found.append(np.stack([column + margin, row + margin, scale, 0 * scale], 1))
    points = np.concatenate(found)
    for chosen in _parts(points):
        points[chosen, 3] = _direction(table, points[chosen])
    return points


def surf(image: Array, points: Array) -> Array:
    """Describe points (P, 4) by sums of differences in 4 x 4 squares, (P, 64) (section 4.2).

    In each square of 5 x 5 samples, one scale apart, the differences of the halves of a square of two scales, along
    and across the point's angle, under a bell of 3.3 scales: their sums, and the sums of their absolute values. The
    vector is divided by its length.

    Parameters
    ----------
    image : (H, W), or (C, H, W), whose mean is taken; at least 8 pixels a side. Beyond it, the edge pixels continue.
    points : rows of x, y, scale and angle (`surf_points`, `points.dense_points`); the window has 20 scales.

    Returns
    -------
    (P, 64) of the image's dtype, or of float32: row, column, then dx, dy, |dx|, |dy|; zeros where the image is flat.
    """
    x = gray("surf", image)
    p = checked("surf", points, x.shape)
    line, table = np.arange(20) - 9.5, integral_image(x - x.mean())
    bell = np.exp(-np.add.outer(line**2, line**2).ravel() / (2 * 3.3**2))
    y = np.zeros((len(p), 4, 4, 4))
    for chosen in _parts(p):
        seen = bell * turned(_haar(table, *window(p[chosen], line), 2 * p[chosen, 2:3]), p[chosen])
        for k, values in enumerate((seen.real, seen.imag, abs(seen.real), abs(seen.imag))):
            y[chosen, :, :, k] = values.reshape(-1, 4, 5, 4, 5).sum((2, 4))
    return np.asarray(unit(y.reshape(len(p), 64), 1e-6), x.dtype)


def _parts(points: Array) -> list[Array]:
    return np.array_split(np.arange(len(points)), max(1, -(-len(points) // MOST)))


def _determinant(table: Array, side: int, margin: int) -> Array:
    """Return Dxx Dyy - (0.9 Dxy)^2 by boxes of this side, for the pixels at least ``margin`` from all edges.

    A second derivative is three boxes in a row with weights 1, -2, 1; the mixed one four boxes around the pixel. Both
    are divided by the area. 0.9 makes up for boxes where bells should be.
    """
    height, width = (n - 1 - 2 * margin for n in table.shape)

    def box(top: int, left: int, bottom: int, right: int) -> Array:
        """The sum over the rectangle with these corners around each pixel, both included."""
        i, j = (slice(margin + a, margin + a + height) for a in (top, bottom + 1))
        k, m = (slice(margin + a, margin + a + width) for a in (left, right + 1))
        return np.asarray(table[j, m] - table[i, m] - table[j, k] + table[i, k])

    third, half = side // 3, side // 2
    wide, core = third - 1, third // 2
    dyy = box(-half, -wide, half, wide) - 3 * box(-core, -wide, core, wide)
    dxx = box(-wide, -half, wide, half) - 3 * box(-wide, -core, wide, core)
    dxy = box(-third, -third, -1, -1) + box(1, 1, third, third) - box(-third, 1, -1, third) - box(1, -third, third, -1)
    return np.asarray((dxx * dyy - (0.9 * dxy) ** 2) / side**4)


def _haar(table: Array, x: Array, y: Array, side: Array) -> Array:
    """Return gx + i gy, the right half minus the left and the lower minus the upper, of squares around (x, y).

    They are divided by the area.
    """
    half, x, y = side / 2, x + 0.5, y + 0.5  # pixel 0 reaches from -1/2 to 1/2, and in the table from entry 0 to 1
    sums = {(i, j): bilinear(table, x + j * half, y + i * half) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j}
    bottom, middle, top = sums[1, 1] - sums[1, -1], sums[0, 1] - sums[0, -1], sums[-1, 1] - sums[-1, -1]
    right, centre, left = sums[1, 1] - sums[-1, 1], sums[1, 0] - sums[-1, 0], sums[1, -1] - sums[-1, -1]
    return np.asarray((right - 2 * centre + left + 1j * (bottom - 2 * middle + top)) / side**2)


def _direction(table: Array, points: Array) -> Array:
    """Return the angle of the longest sum of differences within a sixth of a turn, in a circle of six scales."""
    line = np.arange(-6.0, 7.0)
    squares = np.add.outer(line**2, line**2).ravel()
    bell = np.where(squares < 36, np.exp(-squares / (2 * 2.0**2)), 0)
    upright = points * [1, 1, 1, 0]
    gradients = bell * _haar(table, *window(upright, line), 4 * points[:, 2:3])
    sums, near = [], math.cos(math.pi / 6) * abs(gradients)
    for angle in np.arange(72) * (2 * math.pi / 72):
        within = (gradients * np.exp(-1j * angle)).real >= near
        sums.append((gradients * within).sum(1))
    longest = abs(np.array(sums)).argmax(0)
    return np.angle(np.array(sums)[longest, np.arange(len(points))])
