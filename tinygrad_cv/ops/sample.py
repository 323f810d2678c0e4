"""Reading images at free points: a grid says where, and both the image and the grid have derivatives.

A point lies between 2^k pixels (k = 2 for images, 3 for volumes); its value is their mean, weighted by nearness. The
pixels are gathered, the weights are polynomials of the coordinates, so derivatives of any order follow from those of
`gather` and of products. The choice of the pixels itself (a rounding) is a constant.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from ..typing import Array, Value
from .arithmetic import where
from .errors import ArgumentError, DTypeError, ShapeError
from .index import Gather
from .joining import unbind
from .matrix import matmul
from .op import Plain
from .shape import reshape, transpose

__all__ = [
    "affine_grid", "grid_sample",
]  # fmt: skip


def grid_sample(
    input: Value, grid: Value, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Value:
    """Read images (N, C, H, W) at the points of a grid (N, OH, OW, 2): the sampler of Jaderberg et al. 2015.

    Parameters
    ----------
    grid : (x, y) of each point; -1 is the left (upper) end, 1 the right (lower) end. For volumes (N, OD, OH, OW, 3).
    mode : 'bilinear', 'nearest' or (images only) 'bicubic'.
    padding_mode : outside the image: 'zeros', the pixel at the 'border', or 'reflection'.
    align_corners : the ends are the centres of the corner pixels, instead of their outer edges.

    Returns
    -------
    (N, C, OH, OW).

    Notes
    -----
    Derivative: to the pixels by their weights; to the grid by the differences of neighbouring pixels ('nearest': none).
    """
    k = input.ndim - 2
    if k not in (2, 3) or grid.ndim != input.ndim:
        raise ShapeError(f"grid_sample: x {input.shape} with grid {grid.shape}; give (N, C, H, W) and (N, OH, OW, 2)")
    if grid.shape[0] != input.shape[0] or grid.shape[-1] != k:
        fit = (input.shape[0], *grid.shape[1:-1], k)
        raise ShapeError(f"grid_sample: grid has shape {grid.shape} for x {input.shape}; give {fit}")
    if 0 in input.shape[2:]:
        raise ShapeError(f"grid_sample: x has shape {input.shape}; an image without pixels cannot be read")
    if input.dtype.kind != "f" or grid.dtype != input.dtype:
        raise DTypeError(
            f"grid_sample: x has dtype {input.dtype}, grid {grid.dtype}; give the same floating-point dtype"
        )
    if mode not in ("bilinear", "nearest", "bicubic") or (mode == "bicubic" and k != 2):
        raise ArgumentError(
            f"grid_sample: mode is {mode!r} for {k} axes; give 'bilinear', 'nearest' or (images) 'bicubic'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ArgumentError(f"grid_sample: padding_mode is {padding_mode!r}; give 'zeros', 'border' or 'reflection'")
    corners = bool(align_corners)
    sizes = input.shape[2:]
    points = unbind(grid, -1)[::-1]  # the last axis is named first: (x, y)
    at = [(p + 1) * ((n - 1) / 2) if corners else ((p + 1) * n - 1) / 2 for p, n in zip(points, sizes)]
    if mode == "bicubic":
        return _weighted(input, [_cubic_taps(p, n, padding_mode, corners) for p, n in zip(at, sizes)])
    at = [_inside(p, n, padding_mode, corners) for p, n in zip(at, sizes)]
    if mode == "nearest":
        return _weighted(input, [[(Plain(np.rint)(p), None)] for p in at])
    return _weighted(input, [_linear_taps(p) for p in at])


Tap = tuple[Value, Value | None]
"""The number of a pixel along one axis (as floating point), and its weight (None: 1)."""


def _linear_taps(p: Value) -> list[Tap]:
    low = Plain(np.floor)(p)
    t = p - low
    return [(low, 1 - t), (low + 1, t)]


def _cubic_taps(p: Value, n: int, padding_mode: str, corners: bool) -> list[Tap]:
    """Four neighbours with the weights of Keys 1981 (a = -0.75); each is brought inside on its own."""
    a = -0.75
    low = Plain(np.floor)(p)
    t = p - low

    def near(d: Value) -> Value:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Value) -> Value:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    weights = [far(t + 1), near(t), near(1 - t), far(2 - t)]
    places = [Plain(lambda q, i=i: q + i, "neighbour")(low) for i in (-1, 0, 1, 2)]
    return [(_inside(q, n, padding_mode, corners), w) for q, w in zip(places, weights)]


def _inside(p: Value, n: int, padding_mode: str, corners: bool) -> Value:
    """Bring coordinates inside the image as ``padding_mode`` says; with 'zeros' they stay where they are."""
    if padding_mode == "zeros":
        return p
    if padding_mode == "reflection":
        p = _reflected(p, 0.0 if corners else -0.5, n - 1 if corners else n - 0.5)
    # on the border itself PyTorch takes the derivative as 0
    inside = Plain(lambda p: (p > 0) & (p < n - 1), "inside")(p)
    return where(inside, p, Plain(lambda p: np.clip(p, 0, n - 1), "clip")(p))


def _reflected(p: Value, low: float, high: float) -> Value:
    """Fold the line into [low, high]: every passage of an end turns the direction."""
    span = high - low
    if span == 0:
        return p * 0

    def turns(p: Array) -> Array:
        return np.floor(np.abs(p - low) / span)

    sign = Plain(lambda p: np.where(p < low, -1.0, 1.0).astype(p.dtype), "sign")(p)
    passed = Plain(turns)(p)
    rest = (p - low) * sign - passed * span
    odd = Plain(lambda c: c % 2 == 1, "odd")(passed)
    return where(odd, high - rest, low + rest)


def _weighted(x: Value, taps: Sequence[Sequence[Tap]]) -> Value:
    """Sum the pixels at every combination of taps, times their weights; pixels outside count as 0."""
    n, c, *sizes = x.shape
    flat = reshape(x, (n, c, math.prod(sizes)))
    points = taps[0][0][0].shape[1:]
    y = None
    for combination in itertools.product(*taps):

        def place(*ps: Array) -> Array:
            i = np.zeros(ps[0].shape, np.int64)
            for p, size in zip(ps, sizes):
                i = i * size + np.clip(np.nan_to_num(p), 0, size - 1).astype(np.int64)
            return np.broadcast_to(i.reshape(n, 1, math.prod(points)), (n, c, math.prod(points)))

        def exists(*ps: Array) -> Array:
            inside = np.ones(ps[0].shape, np.bool_)
            for p, size in zip(ps, sizes):
                inside &= (p >= 0) & (p <= size - 1)
            return inside[:, None]

        places = [p for p, _ in combination]
        pixels = reshape(Gather(2, flat.shape)(flat, Plain(place)(*places)), (n, c, *points))
        pixels = where(Plain(exists)(*places), pixels, x.dtype.type(0))
        for _, weight in combination:
            if weight is not None:
                pixels = pixels * reshape(weight, (n, 1, *points))
        y = pixels if y is None else y + pixels
    return y


def affine_grid(theta: Value, size: Sequence[int], align_corners: bool | None = None) -> Value:
    """Return the points (N, H, W, 2) at which an image transformed by matrices ``theta`` (N, 2, 3) is to be read.

    ``size`` is that of the result, (N, C, H, W); or (N, C, D, H, W) for matrices (N, 3, 4). See `grid_sample`.
    """
    k = len(size) - 2
    if k not in (2, 3):
        raise ShapeError(f"affine_grid: size is {tuple(size)}; give (N, C, H, W) or (N, C, D, H, W)")
    if theta.ndim != 3 or tuple(theta.shape) != (size[0], k, k + 1):
        raise ShapeError(
            f"affine_grid: theta has shape {theta.shape} for a result of {tuple(size)}; give ({size[0]}, {k}, {k + 1})"
        )
    if theta.dtype.kind != "f":
        raise DTypeError(f"affine_grid: theta has dtype {theta.dtype}, expected floating point; cast with .float()")
    if min(size) < 1:
        raise ShapeError(f"affine_grid: size is {tuple(size)}; every size must be at least 1")
    spatial = [int(m) for m in size[2:]]
    axes = [_ends(m, bool(align_corners)) for m in spatial]
    mesh = np.meshgrid(*axes, indexing="ij")[::-1]
    points = np.stack([*mesh, np.ones(spatial)], -1).reshape(-1, k + 1).astype(theta.dtype)
    return reshape(matmul(points, transpose(theta, 1, 2)), (size[0], *spatial, k))


def _ends(n: int, corners: bool) -> Array:
    """n points from -1 to 1, or the centres of n equal parts of that stretch."""
    line = np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(1)
    return line if corners or n == 1 else line * (n - 1) / n
