"""Images on another grid: of another size (`interpolate`), or read at any points (`grid_sample`).

Resizing is linear and separable. Along one axis every new pixel is a weighted sum of old ones, so an axis is one matrix
R (new x old), and an image is resized by multiplying with one matrix per axis:

    nearest    one 1 in each row           bilinear   two neighbours, weights 1 - t and t
    area       the mean of a range         bicubic    four neighbours, the cubic convolution of Keys 1981 (a = -0.75)

The derivative is the product with the transposed matrix, and it comes with the matrix product. Reading at free points
needs derivatives with respect to the points too: `grid_sample` gathers the neighbours and weighs them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..typing import Array, DType, Value
from .errors import ArgumentError, DTypeError, ShapeError
from .geometry import whole
from .index import getitem
from .matrix import matmul
from .shape import permute, reshape

__all__ = [
    "interpolate", "upsample",
]  # fmt: skip

_LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}


def _cubic(t: Array) -> Array:
    """Return the weight of a pixel at distance |t| (Keys 1981, equation 4, with a = -0.75)."""
    a, t = -0.75, np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


def _centres(old: int, new: int, align_corners: bool, scale: float | None) -> Array:
    """Return where the centre of each new pixel lies, counted in old pixels."""
    i = np.arange(new)
    if align_corners:
        return i * ((old - 1) / (new - 1) if new > 1 else 0.0)
    return (i + 0.5) * (old / new if scale is None else 1 / scale) - 0.5


def resize_matrix(mode: str, old: int, new: int, align_corners: bool, scale: float | None, dtype: DType) -> Array:
    """Return the (new x old) matrix that resizes one axis.

    >>> resize_matrix("linear", 2, 4, False, None, np.dtype(float)).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    if mode == "linear" and old == new:  # whatever the scale, as in PyTorch
        return np.eye(new, dtype=dtype)
    rows, r = np.arange(new), np.zeros((new, old))
    at = _centres(old, new, align_corners, scale)
    if mode == "cubic":
        low = np.floor(at)
        for k in (-1, 0, 1, 2):
            np.add.at(r, (rows, (low + k).clip(0, old - 1).astype(int)), _cubic(at - low - k))
    else:
        at = at.clip(0, None)
        low = np.minimum(at.astype(int), old - 1)
        t = (at - low).clip(0, 1)
        np.add.at(r, (rows, low), 1 - t)
        np.add.at(r, (rows, np.minimum(low + 1, old - 1)), t)
    return r.astype(dtype)


def area_matrix(old: int, new: int, dtype: DType) -> Array:
    """Return the (new x old) matrix of means over the ranges floor(i old/new) to ceil((i+1) old/new)."""
    r = np.zeros((new, old))
    for i in range(new):
        a, b = i * old // new, -(-(i + 1) * old // new)
        r[i, a:b] = 1 / (b - a)
    return r.astype(dtype)


def apply_along(x: Value, matrices: Sequence[Array]) -> Value:
    """Multiply the spatial axes of x (N, C, d1, d2, ...) by one matrix each; the result is channels-last in memory."""
    k = x.ndim - 2
    y = permute(x, 0, *range(2, x.ndim), 1)
    for axis, m in enumerate(matrices, 1):
        shape = y.shape
        flat = reshape(y, (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])))
        y = reshape(matmul(m, flat), (*shape[:axis], m.shape[0], *shape[axis + 1 :]))
    return permute(y, 0, k + 1, *range(1, k + 1))


def _sizes(x: Value, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[list[int], list[float | None]]:
    """Return the new size of each axis, and the scale to use for it (None: the quotient of the sizes)."""
    old, scales = x.shape[2:], list[float | None]()
    if (size is None) == (scale_factor is None):
        raise ArgumentError("interpolate: give either size or scale_factor, and not both")
    given = size if size is not None else scale_factor
    each = list(given) if isinstance(given, (Sequence, np.ndarray)) else [given] * len(old)
    if len(each) != len(old):
        raise ArgumentError(
            f"interpolate: {given} for an image of {len(old)} axes {tuple(old)}; give {len(old)} numbers or one"
        )
    if any(isinstance(m, (str, complex)) or m is None or m != m or abs(m) == math.inf for m in each):
        raise ArgumentError(f"interpolate: {given!r} is no size and no factor; give {len(old)} numbers or one")
    if size is not None:
        if not all(map(whole, each)):
            raise ArgumentError(f"interpolate: size is {size!r}; give {len(old)} whole numbers or one")
        if recompute:
            raise ArgumentError(
                "interpolate: recompute_scale_factor is meaningless with size; give scale_factor instead"
            )
        new, scales = [int(n) for n in each], [None for _ in old]
    else:
        new = [math.floor(n * float(s)) for n, s in zip(old, each)]
        scales = [None if recompute or not s > 0 else float(s) for s in each]
    if 0 in x.shape[1:]:
        raise ShapeError(f"interpolate: x has shape {x.shape}; only the batch may be empty")
    if min(new) < 1:
        raise ShapeError(f"interpolate: from {tuple(old)} to {tuple(new)} pixels; every size must be at least 1")
    return new, scales


def interpolate(
    input: Value,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Value:
    """Resize images (N, C, H, W), signals (N, C, L) or volumes (N, C, D, H, W).

    Parameters
    ----------
    size, scale_factor : the new size, or by what to multiply the old one; one of the two.
    mode : 'nearest', 'nearest-exact', 'area', 'linear' (signals), 'bilinear' or 'bicubic' (images),
        'trilinear' (volumes).
    align_corners : for the linear modes and bicubic: let the centres of the corner pixels meet, not their outer edges.
    recompute_scale_factor : derive the scale from the sizes, rounded down, instead of using ``scale_factor``.
    antialias : for 'bilinear' and 'bicubic': widen the filter where the image shrinks, so that no pixel is passed over.

    Notes
    -----
    Derivative: the product with the transposed matrices. Source: Keys 1981 for bicubic.
    """
    if input.ndim not in (3, 4, 5):
        raise ShapeError(f"interpolate: x has shape {input.shape}, expected (N, C, L), (N, C, H, W) or (N, C, D, H, W)")
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ArgumentError(f"interpolate: align_corners has no meaning in mode {mode!r}; leave it out")
    elif mode not in _LINEAR:
        raise ArgumentError(
            f"interpolate: mode is {mode!r}; give nearest, nearest-exact, area, linear, bilinear, bicubic or trilinear"
        )
    elif input.ndim != _LINEAR[mode]:
        raise ShapeError(
            f"interpolate: mode {mode!r} is for {_LINEAR[mode]} dimensions, x has {input.ndim} {input.shape}; "
            "choose another mode"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ArgumentError(
            f"interpolate: antialias has no meaning in mode {mode!r}; it belongs to 'bilinear' and 'bicubic'"
        )
    new, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    old = input.shape[2:]
    if mode.startswith("nearest"):
        if input.dtype.kind != "f" and input.dtype != np.uint8:
            raise DTypeError(f"interpolate: x has dtype {input.dtype}, expected floating point or uint8; cast it")
        y, shift = input, 0.5 if mode == "nearest-exact" else 0.0
        for d, (n, m, s) in enumerate(zip(old, new, scales), 2):
            step = n / m if s is None else 1 / s
            at = np.minimum(np.floor((np.arange(m) + shift) * step).astype(int), n - 1)
            if not shift and input.ndim == 4 and m in (n, 2 * n):  # PyTorch copies, or doubles, whatever the scale
                at = np.arange(m) * n // m
            y = y if m == n and (at == np.arange(n)).all() else getitem(y, (slice(None),) * d + (at,))
        return y
    if input.dtype.kind != "f":
        raise DTypeError(
            f"interpolate: x has dtype {input.dtype}, of which mode {mode!r} can make no mixtures; cast with .float()"
        )
    if mode == "area":
        return apply_along(input, [area_matrix(n, m, input.dtype) for n, m in zip(old, new)])
    kind, corners = ("cubic" if mode == "bicubic" else "linear"), bool(align_corners)
    if antialias:
        return apply_along(
            input, [_smooth_matrix(kind, n, m, corners, s, input.dtype) for n, m, s in zip(old, new, scales)]
        )
    return apply_along(input, [resize_matrix(kind, n, m, corners, s, input.dtype) for n, m, s in zip(old, new, scales)])


def _smooth_matrix(mode: str, old: int, new: int, align_corners: bool, scale: float | None, dtype: DType) -> Array:
    """Return the matrix of a filter as wide as the step where the image shrinks; rows add up to 1."""
    if old == new:
        return np.eye(new, dtype=dtype)
    if align_corners:
        step = (old - 1) / (new - 1) if new > 1 else 0.0
    else:
        step = old / new if scale is None else 1 / scale
    wide = max(step, 1.0)
    centre = step * (np.arange(new) + 0.5)[:, None]
    half = (2.0 if mode == "cubic" else 1.0) * wide
    pixel = np.arange(old)[None, :]
    low, high = (np.trunc(centre - half + 0.5)).clip(0), np.trunc(centre + half + 0.5).clip(None, old)
    t = (pixel - centre + 0.5) / wide
    r = _cubic_smooth(t) if mode == "cubic" else (1 - np.abs(t)).clip(0)
    r = np.where((pixel >= low) & (pixel < high), r, 0.0)
    return (r / r.sum(1, keepdims=True)).astype(dtype)


def _cubic_smooth(t: Array) -> Array:
    """Return the cubic weights with a = -0.5, which PyTorch (after Pillow) uses where it smooths."""
    a, t = -0.5, np.abs(t)
    return np.where(
        t < 1, ((a + 2) * t - (a + 3)) * t * t + 1, np.where(t < 2, ((a * t - 5 * a) * t + 8 * a) * t - 4 * a, 0.0)
    )


def upsample(
    input: Value, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Value:
    """Resize: the older name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)
