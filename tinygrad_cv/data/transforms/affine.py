"""Rotating, shifting, scaling and shearing: every output pixel reads one place of the input.

Places are in PIL's coordinates: pixel (i, j) covers [j, j+1) x [i, i+1), its middle is (j + 1/2, i + 1/2).
The matrix of an image maps output to input, (x', y') = (a x + b y + c, d x + e y + f); a place outside the
image gives the fill. Nearest takes the pixel that holds the place, bilinear the four around it, the border
repeated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_cv.data.resample import mode, pil_mode
from tinygrad_cv.data.transforms.base import Transform, blank, interval, per_channel, restored
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image


def matrices(
    h: int,
    w: int,
    angle: Array,
    translate: Array,
    scale: Array,
    shear: Array,
    center: Sequence[float] | None = None,
) -> Array:
    """The output-to-input matrices (n, 6) of n affine maps.

    The forward map turns by ``angle`` degrees clockwise after shearing by ``shear`` (n, 2) degrees, scales,
    all about ``center`` (x, y), then shifts by ``translate`` (n, 2) pixels (x, y):

        p -> center + translate + scale R(angle) S_y S_x (p - center)

    with S_x = [[1, -tan sx], [0, 1]] and S_y = [[1, 0], [-tan sy, 1]]; it is inverted in closed form (every
    factor but the scale has determinant 1).
    """
    rot, (sx, sy) = np.deg2rad(angle), np.deg2rad(shear).T
    c, s, tx, ty = np.cos(rot), np.sin(rot), np.tan(sx), np.tan(sy)
    # R S_y S_x, column by column
    a, d = c + s * ty, s - c * ty
    b, e = -s - tx * a, c - tx * d
    inverse = np.stack([e, -b, -d, a], axis=1) / scale[:, None]
    cx, cy = (w / 2, h / 2) if center is None else center
    x0, y0 = cx + translate[:, 0], cy + translate[:, 1]
    m = np.empty((len(rot), 6))
    m[:, [0, 1, 3, 4]] = inverse
    m[:, 2] = cx - inverse[:, 0] * x0 - inverse[:, 1] * y0
    m[:, 5] = cy - inverse[:, 2] * x0 - inverse[:, 3] * y0
    return m


def warp(
    x: Array, m: Array, interpolation: str = "nearest", fill: Any = 0, size: tuple[int, int] | None = None
) -> Array:
    """Read a batch (N, C, H, W) through its matrices (N, 6), into images of ``size``."""
    n, c, h, w = x.shape
    oh, ow = size or (h, w)
    row, column = np.arange(oh)[:, None] + 0.5, np.arange(ow) + 0.5
    # float32 places: exact to 1e-4 of a pixel for images of 1000 pixels, at half the memory traffic
    a, b, tx, d, e, ty = (m[:, k, None, None].astype(np.float32) for k in range(6))
    row, column = row.astype(np.float32), column.astype(np.float32)
    px, py = a * column + b * row + tx, d * column + e * row + ty
    outside = ~((px >= 0) & (px < w) & (py >= 0) & (py < h))
    first = (np.arange(n) * (h * w))[:, None, None]
    pixels = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(n * h * w, c)
    if interpolation == "nearest":
        i, j = np.clip(py, 0, h - 1).astype(np.int64), np.clip(px, 0, w - 1).astype(np.int64)
        y = np.take(pixels, first + i * w + j, axis=0)
    else:
        px, py = np.clip(px, 0, w) - np.float32(0.5), np.clip(py, 0, h) - np.float32(0.5)
        j, i = np.floor(px).astype(np.int64), np.floor(py).astype(np.int64)
        u, v = (px - j)[..., None], (py - i)[..., None]
        i0, i1, j0, j1 = (
            np.maximum(i, 0),
            np.minimum(i + 1, h - 1),
            np.maximum(j, 0),
            np.minimum(j + 1, w - 1),
        )
        top, bottom = first + i0 * w, first + i1 * w
        upper = (1 - u) * np.take(pixels, top + j0, axis=0) + u * np.take(pixels, top + j1, axis=0)
        lower = (1 - u) * np.take(pixels, bottom + j0, axis=0) + u * np.take(pixels, bottom + j1, axis=0)
        y = restored((1 - v) * upper + v * lower, x)
    y[outside] = per_channel(fill, c, x.dtype).reshape(-1)
    result = blank(x, (n, c, oh, ow))
    result[...] = y.transpose(0, 3, 1, 2)
    return result


def warp_pil(
    img: Image, m: Array, interpolation: str, fill: Any, size: tuple[int, int] | None = None
) -> Image:
    """The same for one PIL image, by PIL."""
    from PIL import Image

    if img.mode in ("P", "1"):
        img = img.convert("RGB" if img.mode == "P" else "L")
    colour = np.asarray(fill).reshape(-1).tolist()
    bands = len(img.getbands())
    fillcolor = colour[0] if bands == 1 else tuple(int(v) for v in (colour * bands)[:bands])
    oh, ow = size or (img.height, img.width)
    coefficients = tuple(m[0].tolist())
    return img.transform(
        (ow, oh), Image.Transform.AFFINE, coefficients, pil_mode(interpolation), fillcolor=fillcolor
    )


def _between(name: str, value: Any) -> tuple[float, float]:
    """(-v, v) from a number v, or a pair as it is."""
    if isinstance(value, int | float | np.number):
        if value < 0:
            raise ArgumentError(f"{name}: got {value}; give a number of 0 or more, or (least, greatest)")
        return (-float(value), float(value))
    return interval(name, value)


class _Affine(Transform):
    """Draws matrices and reads images through them."""

    interpolation: str
    fill: Any

    def draw(self, n: int, h: int, w: int) -> Array:
        raise NotImplementedError

    def batch(self, x: Array) -> Array:
        return warp(x, self.draw(len(x), *x.shape[2:]), self.interpolation, self.fill)

    def image(self, img: Image) -> Any:
        return warp_pil(img, self.draw(1, img.height, img.width), self.interpolation, self.fill)


def _reading(interpolation: str) -> str:
    name = mode(interpolation)
    if name not in ("nearest", "bilinear"):
        raise ArgumentError(f"interpolation: got {name!r} for a rotation; give nearest or bilinear")
    return name


class RandomRotation(_Affine):
    """A turn by an angle drawn from ``degrees``, counter-clockwise where positive.

    Parameters
    ----------
    degrees
        A number d for -d .. d, or (least, greatest).
    expand
        Enlarge the image so that all of it stays in view (single images only, as sizes differ).
    center
        (x, y) in pixels; by default the middle.
    fill
        The colour outside, in the image's units.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: str = "nearest",
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Any = 0,
    ) -> None:
        self.degrees = _between("RandomRotation", degrees)
        self.interpolation, self.expand, self.center, self.fill = (
            _reading(interpolation),
            expand,
            center,
            fill,
        )

    @property
    def batched(self) -> bool:  # type: ignore[override]
        return not self.expand

    def draw(self, n: int, h: int, w: int) -> Array:
        angle = -self.rng.uniform(*self.degrees, size=n)
        return matrices(h, w, angle, np.zeros((n, 2)), np.ones(n), np.zeros((n, 2)), self.center)

    @staticmethod
    def _expanded(m: Array, h: int, w: int) -> tuple[Array, tuple[int, int]]:
        # the corners of the image, turned: the forward map is the transpose of the rotation in m
        a, b, d, e = m[0, [0, 1, 3, 4]]
        xs, ys = abs(a) * w + abs(d) * h, abs(b) * w + abs(e) * h
        ow, oh = math.ceil(xs - 1e-6), math.ceil(ys - 1e-6)
        m = m.copy()
        m[0, 2] = w / 2 - a * ow / 2 - b * oh / 2
        m[0, 5] = h / 2 - d * ow / 2 - e * oh / 2
        return m, (oh, ow)

    def batch(self, x: Array) -> Array:
        if not self.expand:
            return super().batch(x)
        if len(x) != 1:
            raise DataError(
                f"RandomRotation: expand=True gives {len(x)} images of different sizes; turn them singly"
            )
        m, size = self._expanded(self.draw(1, *x.shape[2:]), *x.shape[2:])
        return warp(x, m, self.interpolation, self.fill, size)

    def image(self, img: Image) -> Any:
        m = self.draw(1, img.height, img.width)
        size = None
        if self.expand:
            m, size = self._expanded(m, img.height, img.width)
        return warp_pil(img, m, self.interpolation, self.fill, size)


class RandomAffine(_Affine):
    """A turn, a shift, a scale and a shear, all drawn at random, about the middle.

    ``center`` is (x, y) in pixels, the middle if None.

    Parameters
    ----------
    degrees
        A number d for -d .. d, or (least, greatest); clockwise where positive.
    translate
        Greatest shift as fractions (of the width, of the height); by default none. Shifts are whole pixels.
    scale
        (least, greatest) factor.
    shear
        Degrees along x: d for -d .. d, or (least, greatest); four numbers for x and y.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: str = "nearest",
        fill: Any = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        self.degrees = _between("RandomAffine: degrees", degrees)
        if translate is not None and (len(translate) != 2 or not all(0 <= t <= 1 for t in translate)):
            raise ArgumentError(
                f"RandomAffine: got translate={translate}; give two fractions between 0 and 1"
            )
        self.translate = translate
        self.scale = None if scale is None else interval("RandomAffine: scale", scale, 1e-9)
        if shear is None or isinstance(shear, int | float) or len(shear) == 2:
            self.shear = (*_between("RandomAffine: shear", shear or 0.0), 0.0, 0.0)
        elif len(shear) == 4:
            self.shear = (
                *interval("RandomAffine: shear", shear[:2]),
                *interval("RandomAffine: shear", shear[2:]),
            )
        else:
            raise ArgumentError(f"RandomAffine: got {len(shear)} numbers for shear; give one, two or four")
        self.interpolation, self.fill, self.center = _reading(interpolation), fill, center

    def draw(self, n: int, h: int, w: int) -> Array:
        angle = self.rng.uniform(*self.degrees, size=n)
        shift = np.zeros((n, 2))
        if self.translate is not None:
            reach = np.array([self.translate[0] * w, self.translate[1] * h])
            shift = np.rint(self.rng.uniform(-1, 1, size=(n, 2)) * reach)
        scale = np.ones(n) if self.scale is None else self.rng.uniform(*self.scale, size=n)
        low, high = np.array([self.shear[0], self.shear[2]]), np.array([self.shear[1], self.shear[3]])
        shear = self.rng.uniform(low, high, size=(n, 2))
        return matrices(h, w, angle, shift, scale, shear, self.center)
