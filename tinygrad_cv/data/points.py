"""Points of interest: rows (x, y, scale, angle), laid on a grid or found as maxima over place and scale.

x and y count pixels from the centre of the first one, x to the right and y down. The scale is the standard deviation
in pixels of the bell whose derivatives answered. The angle is in radians, from the x axis towards the y axis.

What `sift` and `surf` have in common is here: maxima in a stack of filtered images, their place between the samples,
and the turned windows in which a point's neighbourhood is read.

Examples
--------
>>> dense_points((16, 16), step=8)
array([[ 3.5,  3.5,  2. ,  0. ],
       [11.5,  3.5,  2. ,  0. ],
       [ 3.5, 11.5,  2. ,  0. ],
       [11.5, 11.5,  2. ,  0. ]])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array

SMALLEST = 8
"""The least side of an image in which points are described."""


def dense_points(shape: Sequence[int], step: float = 4, scale: float = 2.0) -> Array:
    """Return a grid of upright points (P, 4) over an image (..., H, W), ``step`` pixels apart and centred.

    Parameters
    ----------
    shape : of the image; its last two sizes count.
    step : pixels from point to point.
    scale : of all points; a descriptor of `sift` covers 12 scales, one of `surf` 20.
    """
    if len(shape) < 2 or min(shape[-2:]) < 1:
        raise ShapeError(f"dense_points: shape is {tuple(shape)}; give (..., H, W) with H and W of at least 1")
    if not (step > 0 and scale > 0):
        raise ArgumentError(f"dense_points: got step={step}, scale={scale}; give numbers above zero")
    counts = [max(1, int(side // step)) for side in shape[-2:]]
    rows, columns = ((side - 1) / 2 + step * (np.arange(n) - (n - 1) / 2) for side, n in zip(shape[-2:], counts))
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, float(scale)), np.zeros(x.size)], 1)


def gray(name: str, image: Array, smallest: int = SMALLEST) -> Array:
    """Return one plane (H, W) of floating point: the mean over the channels, and uint8 divided by 255."""
    x = np.asarray(image)
    if x.ndim not in (2, 3) or x.size == 0:
        raise ShapeError(f"{name}: image has shape {x.shape}; give one image, (H, W) or (C, H, W)")
    if min(x.shape[-2:]) < smallest:
        raise ShapeError(
            f"{name}: the image has {x.shape[-2]} x {x.shape[-1]} pixels; give at least {smallest} a side, "
            "for example by transforms.Resize"
        )
    if x.dtype.kind != "f":
        x = x.astype(np.float32) / (255 if x.dtype == np.uint8 else 1)
    if not np.isfinite(x).all():
        raise ArgumentError(f"{name}: {np.sum(~np.isfinite(x))} of {x.size} values of the image are not finite numbers")
    return x if x.ndim == 2 else x.mean(0)


def checked(name: str, points: Array, shape: tuple[int, ...]) -> Array:
    """Return the points as (P, 4) of float64, refused where they have no meaning in an image (H, W)."""
    p = np.asarray(points, np.float64)
    if p.ndim != 2 or p.shape[1] != 4:
        raise ShapeError(f"{name}: points have shape {p.shape}; give (P, 4), rows of x, y, scale and angle")
    height, width = shape
    x, y, scale, _ = p.T
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    wrong = ~(inside & (scale > 0) & np.isfinite(p).all(1))
    if wrong.any():
        k = int(wrong.argmax())
        raise ArgumentError(
            f"{name}: {wrong.sum()} of {len(p)} points cannot be read in an image of {height} x {width} pixels; the "
            f"first is point {k}, x={x[k]:g}, y={y[k]:g}, scale={scale[k]:g}, angle={p[k, 3]:g}; give x from 0 to "
            f"{width - 1}, y from 0 to {height - 1}, a scale above zero, and finite numbers"
        )
    return p


def maxima(stack: Array, threshold: float) -> Array:
    """Return (M, 3), the inner places of a stack (L, H, W) that exceed the threshold and none of 26 neighbours."""
    highest = stack
    for _ in range(3):  # the three axes pass the last position in turn, and stand where they stood in the end
        highest = np.moveaxis(highest, 0, -1)
        highest = np.maximum(np.maximum(highest[..., :-2], highest[..., 1:-1]), highest[..., 2:])
    inner = stack[1:-1, 1:-1, 1:-1]
    return np.argwhere((inner >= highest) & (inner > threshold)) + 1


def refine(stack: Array, at: Array, moves: int = 5) -> tuple[Array, Array, Array]:
    """Return where the parabola through the 27 values around each place has its top: (K, 3), K values, K Hessians.

    The top lies at -H^-1 g from the middle, and is g . offset / 2 above it. One that is more than half a step away
    belongs to the neighbour, which is then the middle; what does not settle within ``moves`` is left out. Two equal
    neighbours find the same top, which is returned once.

    Source: M. Brown, D. Lowe, "Invariant features from interest point groups", BMVC 2002.
    """
    at = at.copy()
    for move in range(moves):
        value, gradient, hessian = _derivatives(stack, at)
        offset = -np.einsum("mij,mj->mi", np.linalg.pinv(hessian, hermitian=True), gradient)
        far = abs(offset) > 0.5 + 1e-6
        if move < moves - 1:
            at = np.clip(at + np.where(far, np.sign(offset), 0).astype(np.int64), 1, np.array(stack.shape) - 2)
    settled = ~far.any(1)
    top, height = (at + offset)[settled], (value + (gradient * offset).sum(1) / 2)[settled]
    _, first = np.unique(np.round(top, 2), axis=0, return_index=True)
    return top[first], height[first], hessian[settled][first]


def _derivatives(stack: Array, at: Array) -> tuple[Array, Array, Array]:
    """Return value (M,), gradient (M, 3) and Hessian (M, 3, 3) by differences of neighbours."""
    step = np.eye(3, dtype=np.int64)

    def values(offset: Array) -> Array:
        return np.asarray(stack[tuple((at + offset).T)], np.float64)

    middle = values(step[0] * 0)
    after, before = [values(e) for e in step], [values(-e) for e in step]
    gradient = np.stack([(a - b) / 2 for a, b in zip(after, before)], 1)
    hessian = np.empty((len(at), 3, 3))
    for i, d in enumerate(step):
        hessian[:, i, i] = after[i] - 2 * middle + before[i]
        for j, e in enumerate(step[:i]):
            cross = (values(d + e) - values(d - e) - values(e - d) + values(-d - e)) / 4
            hessian[:, i, j] = hessian[:, j, i] = cross
    return middle, gradient, hessian


def window(points: Array, line: Array) -> tuple[Array, Array]:
    """Return x and y, (P, S * S): the square lattice of ``line`` (S,), in scales, around and turned with each point."""
    v, u = (a.ravel() for a in np.meshgrid(line, line, indexing="ij"))
    x, y, scale, angle = points.T[:, :, None]
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return x + cos * u - sin * v, y + sin * u + cos * v


def turned(gradients: Array, points: Array) -> Array:
    """Return gradients (P, S) as each point sees them; gx + i gy are turned back by a factor exp(-i angle)."""
    return np.asarray(gradients * np.exp(-1j * points[:, 3:]))


def bilinear(plane: Array, x: Array, y: Array) -> Array:
    """Return the values of a plane (H, W) between its entries; beyond the edge, the outermost pieces go on."""
    height, width = plane.shape
    column, row = (np.clip(np.floor(a).astype(np.int64), 0, n - 2) for a, n in ((x, width), (y, height)))
    u, v = x - column, y - row
    flat, at = plane.ravel(), row * width + column
    upper = flat[at] * (1 - u) + flat[at + 1] * u
    lower = flat[at + width] * (1 - u) + flat[at + width + 1] * u
    return np.asarray(upper * (1 - v) + lower * v)
