"""Resizing as two matrix products, one per axis, with the antialiasing that PIL uses.

Shrinking widens the filter by the scale, so that every source pixel takes part; enlarging is plain
interpolation. Both axes are linear and independent, hence y = A x B' with A (OH, H) and B (OW, W): two small
matrices that are computed once per pair of sizes.

Source: the convolution resampling of Pillow (`Image.resize`); filters: bilinear (triangle), bicubic with a =
-1/2 (R. Keys, "Cubic convolution interpolation", IEEE TASSP 29(6), 1981), box and Lanczos-3.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array


class InterpolationMode(StrEnum):
    """How a picture is read between its pixels; plain strings are accepted everywhere too."""

    NEAREST = "nearest"
    BOX = "box"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


def mode(name: Any) -> str:
    """An interpolation by its name, refused with a sentence when unknown."""
    try:
        return InterpolationMode(name).value
    except ValueError:
        known = ", ".join(InterpolationMode)
        raise ArgumentError(f"interpolation: got {name!r}; give one of {known}") from None


def pil_mode(name: str) -> Any:
    """PIL's constant for an interpolation."""
    from PIL import Image

    return Image.Resampling[name.upper()]


def _cubic(t: Array) -> Array:
    a, t = -0.5, np.abs(t)
    near, far = ((a + 2) * t - (a + 3)) * t * t + 1, a * (((t - 5) * t + 8) * t - 4)
    return np.where(t < 1, near, np.where(t < 2, far, 0))


FILTERS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "box": (0.5, lambda t: ((t > -0.5) & (t <= 0.5)).astype(np.float64)),
    "bilinear": (1.0, lambda t: np.maximum(1 - np.abs(t), 0)),
    "bicubic": (2.0, _cubic),
    "lanczos": (3.0, lambda t: np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0)),
}


@lru_cache(maxsize=64)
def weights(size: int, out: int, interpolation: str = "bilinear", antialias: bool = True) -> Array:
    """The matrix (out, size), rows summing to 1, that resamples ``size`` points to ``out``; read-only."""
    if interpolation == "nearest":
        a = np.zeros((out, size))
        a[np.arange(out), ((np.arange(out) + 0.5) * size / out).astype(np.int64)] = 1
    else:
        support, kernel = FILTERS[interpolation]
        scale = size / out
        stretch = max(scale, 1.0) if antialias else 1.0
        centre = (np.arange(out)[:, None] + 0.5) * scale
        pixels = np.arange(size)[None, :] + 0.5
        if antialias:
            a = kernel((pixels - centre) / stretch)
            a[np.abs(pixels - centre) > support * stretch] = 0
        else:
            # without antialiasing the border pixel is repeated, as in torch.nn.functional.interpolate
            reach = np.arange(-int(np.ceil(support)), size + int(np.ceil(support)))
            full = kernel(reach[None, :] + 0.5 - centre)
            a = np.zeros((out, size))
            np.add.at(a.T, np.clip(reach, 0, size - 1), full.T)
        a /= a.sum(axis=1, keepdims=True)
    a = a.astype(np.float32)
    a.flags.writeable = False
    return a


def resize(x: Array, size: tuple[int, int], interpolation: str = "bilinear", antialias: bool = True) -> Array:
    """Resize a batch (N, C, H, W) to ``size`` = (OH, OW).

    uint8 is rounded and clipped to uint8; other integers become float32; float keeps its dtype.
    ``interpolation`` is nearest, box, bilinear, bicubic or lanczos.
    """
    interpolation = mode(interpolation)
    (h, w), (oh, ow) = x.shape[2:], size
    if min(h, w, oh, ow) < 1:
        raise ArgumentError(f"resize: cannot turn {h} x {w} pixels into {oh} x {ow}; give sizes of 1 or more")
    if (h, w) == (oh, ow):
        return x
    n, c = x.shape[:2]
    last = c > 1 and x.strides[1] < x.strides[3]
    if interpolation == "nearest":
        rows = ((np.arange(oh) + 0.5) * h / oh).astype(np.int64)
        columns = ((np.arange(ow) + 0.5) * w / ow).astype(np.int64)
        return (
            np.take(np.take(x, rows, axis=2), columns, axis=3)
            if not last
            else (
                np.take(np.take(x.transpose(0, 2, 3, 1), rows, axis=1), columns, axis=2).transpose(0, 3, 1, 2)
            )
        )
    y = x if x.dtype.kind == "f" else x.astype(np.float32)
    a = weights(h, oh, interpolation, antialias).astype(y.dtype, copy=False)
    b = weights(w, ow, interpolation, antialias).astype(y.dtype, copy=False)
    if last:
        # rows of w * c numbers, then for each row w rows of c: both products run along the memory
        lines = a @ np.ascontiguousarray(y.transpose(0, 2, 3, 1)).reshape(n, h, w * c)
        y = (b @ lines.reshape(n, oh, w, c)).transpose(0, 3, 1, 2)
    else:
        y = a @ (np.ascontiguousarray(y) @ b.T)
    return np.clip(np.rint(y), 0, 255).astype(np.uint8) if x.dtype == np.uint8 else y
