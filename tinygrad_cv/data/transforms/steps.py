"""The steps of AutoAugment and its kin, on batches of bytes; each image at a strength of its own.

Every step takes (images (n, C, H, W) uint8, strengths (n,), interpolation, fill) and gives new images.
Equalize, posterize and solarize give PIL's ``ImageOps`` results bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv.data.transforms.affine import matrices, warp
from tinygrad_cv.data.transforms.colour import brightness, contrast, from_unit, saturation
from tinygrad_cv.data.values import unit_float
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array

Step = Callable[[Array, Array, str, Any], Array]


def in_bytes(x: Array, function: Callable[[Array], Array]) -> Array:
    """Apply a function of bytes to any images: floats in [0, 1] are rounded to 256 levels and scaled back."""
    if x.shape[1] not in (1, 3):
        raise DataError(f"augmentation: the images have {x.shape[1]} channels; give 1 or 3")
    if x.dtype == np.uint8:
        return function(x)
    if x.dtype.kind != "f":
        raise DataError(f"augmentation: got {x.dtype}; give uint8, or floats in [0, 1]")
    y = function(np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8))
    return np.divide(y, 255, dtype=x.dtype)


def _warped(
    angle: float = 0, along_x: float = 0, along_y: float = 0, shear: tuple[float, float] | None = None
) -> Step:
    """A geometric step: what the strength means for the angle, the shift, or the slant about the corner."""

    def step(x: Array, strength: Array, interpolation: str, fill: Any) -> Array:
        n, _, h, w = x.shape
        shift = np.trunc(strength)[:, None] * np.array([along_x, along_y])
        slant = np.zeros((n, 2))
        if shear is not None:
            slant = np.rad2deg(np.arctan(strength))[:, None] * np.array(shear)
        m = matrices(h, w, angle * strength, shift, np.ones(n), slant, (0, 0) if shear else None)
        return warp(x, m, interpolation, fill)

    return step


def _coloured(function: Callable[[Array, Array], Array]) -> Step:
    """A colour step: strength s means the factor 1 + s."""

    def step(x: Array, strength: Array, interpolation: str, fill: Any) -> Array:
        return from_unit(function(unit_float(x), 1 + strength), x)

    return step


def sharpness(x: Array, factor: Array) -> Array:
    """Towards a smoothed image below 1, away from it above; the border stays."""
    smooth = x.copy(order="K")
    h, w = x.shape[2:]
    if h > 2 and w > 2:
        total = np.zeros_like(x[:, :, 1:-1, 1:-1])
        for i in range(3):
            for j in range(3):
                total += x[:, :, i : h - 2 + i, j : w - 2 + j] * np.float32(5 if i == j == 1 else 1)
        smooth[:, :, 1:-1, 1:-1] = total / 13
    f = factor.astype(np.float32).reshape(-1, 1, 1, 1)
    y: Array = np.clip(x * f + smooth * (1 - f), 0, 1)
    return y


def posterize(x: Array, bits: Array, interpolation: str = "", fill: Any = 0) -> Array:
    """Keep the upper ``bits`` of every value."""
    kept = (0xFF << (8 - bits.astype(np.int64))) & 0xFF
    return x & kept.astype(np.uint8).reshape(-1, 1, 1, 1)


def solarize(x: Array, threshold: Array, interpolation: str = "", fill: Any = 0) -> Array:
    """Invert the values at and above the threshold."""
    y: Array = np.where(x >= threshold.reshape(-1, 1, 1, 1), 255 - x, x)
    return y


def invert(x: Array, strength: Array, interpolation: str = "", fill: Any = 0) -> Array:
    """The negative."""
    return 255 - x


def autocontrast(x: Array, strength: Array, interpolation: str = "", fill: Any = 0) -> Array:
    """Stretch each channel so that its darkest value becomes 0 and its brightest 255."""
    low = x.min(axis=(2, 3), keepdims=True).astype(np.float32)
    high = x.max(axis=(2, 3), keepdims=True).astype(np.float32)
    scale = np.divide(255, high - low, where=high > low, out=np.ones_like(low))
    y = np.clip((x - np.where(high > low, low, 0)) * scale, 0, 255)
    # rounding errors must not push a value that is whole below itself before it is truncated
    stretched: Array = (y + np.float32(1e-3)).astype(np.uint8)
    return stretched


def equalize(x: Array, strength: Array, interpolation: str = "", fill: Any = 0) -> Array:
    """Map each channel so that its values become about equally frequent.

    With the histogram h, the step s = (pixels - h of the greatest value) // 255 and the count H(v) of pixels
    below v, v becomes (H(v) + s // 2) // s; a channel of one value, or with s = 0, stays.
    """
    n, c, h, w = x.shape
    planes = np.arange(n * c).reshape(n, c, 1, 1) * 256
    places = (planes + x).reshape(-1)
    histogram = np.bincount(places, minlength=n * c * 256).reshape(n * c, 256)
    last = 255 - np.argmax(histogram[:, ::-1] > 0, axis=1)
    step = ((h * w - histogram[np.arange(n * c), last]) // 255)[:, None]
    below = np.cumsum(histogram, axis=1) - histogram
    table = np.where(step > 0, np.minimum((below + step // 2) // np.maximum(step, 1), 255), np.arange(256))
    y: Array = table.astype(np.uint8).reshape(-1)[places].reshape(x.shape)
    return y


STEPS: dict[str, Step | None] = {
    "Identity": None,
    "ShearX": _warped(shear=(1, 0)),
    "ShearY": _warped(shear=(0, 1)),
    "TranslateX": _warped(along_x=1),
    "TranslateY": _warped(along_y=1),
    "Rotate": _warped(angle=-1),
    "Brightness": _coloured(brightness),
    "Color": _coloured(saturation),
    "Contrast": _coloured(contrast),
    "Sharpness": _coloured(sharpness),
    "Posterize": posterize,
    "Solarize": solarize,
    "AutoContrast": autocontrast,
    "Equalize": equalize,
    "Invert": invert,
}
