"""Colours: brightness, contrast, saturation, hue, grey, and AlexNet's noise along the principal axes.

All arithmetic is on float32 in [0, 1]; uint8 images are converted at the border, once per transform.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_cv.data.transforms.base import Transform, blank, interval, probability
from tinygrad_cv.data.values import unit_float
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.typing import Array

# ITU-R BT.601, the weights of PIL's mode L
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def from_unit(y: Array, x: Array) -> Array:
    """Floats in [0, 1], computed from ``x``, back in its dtype."""
    if x.dtype.kind == "f":
        return y.astype(x.dtype, copy=False)
    top = np.iinfo(x.dtype).max
    whole: Array = np.rint(np.clip(y, 0, 1) * top).astype(x.dtype)
    return whole


def grey(x: Array) -> Array:
    """The luminance of float images, (N, 1, H, W)."""
    if x.shape[1] == 1:
        return x
    if x.shape[1] != 3:
        raise DataError(f"grey: the images have {x.shape[1]} channels; give 3 (RGB) or 1")
    y: Array = x[:, :1] * LUMA[0] + x[:, 1:2] * LUMA[1] + x[:, 2:] * LUMA[2]
    return y


def blend(x: Array, other: Array | float, factor: Array) -> Array:
    """factor x + (1 - factor) other, clipped to [0, 1]; one factor per image."""
    f = factor.astype(np.float32).reshape(-1, 1, 1, 1)
    y: Array = np.clip(x * f + other * (1 - f), 0, 1)
    return y


def brightness(x: Array, factor: Array) -> Array:
    """Towards black below 1, brighter above."""
    return blend(x, 0.0, factor)


def contrast(x: Array, factor: Array) -> Array:
    """Towards the image's mean grey below 1, away from it above."""
    return blend(x, grey(x).mean(axis=(1, 2, 3), keepdims=True), factor)


def saturation(x: Array, factor: Array) -> Array:
    """Towards grey below 1, more colour above."""
    return x if x.shape[1] == 1 else blend(x, grey(x), factor)


def hue(x: Array, shift: Array) -> Array:
    """Colours turned around the circle by ``shift`` (1 is all the way round), at equal value and saturation.

    With V the greatest channel and d = V - (the least), the hue h in [0, 6) says which channel is greatest
    and how far the middle one has come; back, each channel is V - d clip(min(k, 4 - k), 0, 1) with k = (n +
    h) mod 6 and n = 5, 3, 1 for R, G, B.

    Source: A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978; the closed form back is derived from
    it.
    """
    if x.shape[1] == 1:
        return x
    r, g, b = x[:, 0], x[:, 1], x[:, 2]
    value = x.max(axis=1)
    d = value - x.min(axis=1)
    safe = np.where(d > 0, d, 1)
    h = np.where(value == r, (g - b) / safe, np.where(value == g, (b - r) / safe + 2, (r - g) / safe + 4))
    h = h + 6 * shift.astype(np.float32).reshape(-1, 1, 1)
    h -= 6 * np.floor(h / 6)
    y = np.empty_like(x)
    for channel, n in enumerate((5, 3, 1)):
        k = n + h
        k = np.where(k >= 6, k - 6, k)
        y[:, channel] = value - d * np.clip(np.minimum(k, 4 - k), 0, 1)
    return y


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    Parameters
    ----------
    brightness, contrast, saturation
        v draws a factor from [max(0, 1 - v), 1 + v]; or (least, greatest).
    hue
        v up to 0.5 draws a shift from [-v, v]; or (least, greatest). 1 would be once around the circle.
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        self.brightness = self._range("brightness", brightness, 1.0, 0.0)
        self.contrast = self._range("contrast", contrast, 1.0, 0.0)
        self.saturation = self._range("saturation", saturation, 1.0, 0.0)
        self.hue = self._range("hue", hue, 0.0, -0.5)
        if self.hue[1] > 0.5:
            raise ArgumentError(f"ColorJitter: got hue={hue}; give up to 0.5, half the circle to either side")

    @staticmethod
    def _range(name: str, value: Any, middle: float, low: float) -> tuple[float, float]:
        if isinstance(value, int | float):
            if value < 0:
                raise ArgumentError(f"ColorJitter: got {name}={value}; give 0 or more, or (least, greatest)")
            value = (max(low, middle - value), middle + value)
        return interval(f"ColorJitter: {name}", value, low)

    def batch(self, x: Array) -> Array:
        y = unit_float(x)
        steps: list[tuple[Callable[[Array, Array], Array], tuple[float, float]]] = [
            (brightness, self.brightness),
            (contrast, self.contrast),
            (saturation, self.saturation),
            (hue, self.hue),
        ]
        order = self.rng.permuted(np.tile(np.arange(4), (len(x), 1)), axis=1)
        factors = np.stack([self.rng.uniform(*limits, size=len(x)) for _, limits in steps])
        active = [limits[0] != limits[1] or limits[0] != (k < 3) for k, (_, limits) in enumerate(steps)]
        if not any(active):
            return x
        # in planes, one channel after the other, where the sums over channels run along the memory
        y = np.array(y, order="C", copy=True)
        for place in range(4):
            for k, (step, _) in enumerate(steps):
                chosen = np.flatnonzero(order[:, place] == k)
                if active[k] and len(chosen):
                    y[chosen] = step(y[chosen], factors[k, chosen])
        result = blank(x, x.shape)
        result[...] = from_unit(y, x)
        return result


class Grayscale(Transform):
    """Luminance alone, in one channel or repeated in three.

    ``num_output_channels`` is 1 or 3.
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ArgumentError(f"Grayscale: got num_output_channels={num_output_channels}; give 1 or 3")
        self.num_output_channels = num_output_channels

    def batch(self, x: Array) -> Array:
        y = blank(x, (len(x), self.num_output_channels, *x.shape[2:]))
        y[...] = from_unit(grey(unit_float(x)), x)
        return y


class RandomGrayscale(Transform):
    """Grey with probability ``p``, in as many channels as before."""

    def __init__(self, p: float = 0.1) -> None:
        self.p = probability("RandomGrayscale", p)

    def batch(self, x: Array) -> Array:
        chosen = np.flatnonzero(self.rng.random(len(x)) < self.p)
        if x.shape[1] == 1 or not len(chosen):
            return x
        y = x.copy(order="K")
        y[chosen] = from_unit(grey(unit_float(x[chosen])), x)
        return y


class PCAColorNoise(Transform):
    """AlexNet's colour augmentation: noise along the principal axes of the training set's colours.

    Each image gets one vector added to all its pixels: P (a * l), with the eigenvectors P and eigenvalues l
    of the covariance of RGB values and a drawn from N(0, std^2) for each axis.

    Parameters
    ----------
    std
        0.1 in the paper.
    eigenvalues, eigenvectors
        (3,) and (3, 3) with an eigenvector in each column, for pixels in [0, 1]; by default those of ImageNet
        in common use. ``PCAColorNoise.fit(images)`` takes them from your data.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural
    networks", NIPS 2012, section 4.1.
    """

    def __init__(
        self,
        std: float = 0.1,
        eigenvalues: Sequence[float] = (0.2175, 0.0188, 0.0045),
        eigenvectors: Any = (
            (-0.5675, 0.7192, 0.4009),
            (-0.5808, -0.0045, -0.8140),
            (-0.5836, -0.6948, 0.4203),
        ),
    ) -> None:
        self.std = float(std)
        self.eigenvalues = np.asarray(eigenvalues, dtype=np.float32)
        self.eigenvectors = np.asarray(eigenvectors, dtype=np.float32)
        if std < 0 or self.eigenvalues.shape != (3,) or self.eigenvectors.shape != (3, 3):
            raise ArgumentError(
                f"PCAColorNoise: got std={std}, eigenvalues {self.eigenvalues.shape}, eigenvectors "
                f"{self.eigenvectors.shape}; give std >= 0, (3,) and (3, 3)"
            )

    @classmethod
    def fit(cls, images: Array, std: float = 0.1) -> PCAColorNoise:
        """The axes of images (N, 3, H, W) or (N, H, W, 3), uint8 or floats in [0, 1]."""
        x = np.moveaxis(images, 1, -1) if images.shape[-1] != 3 else images
        values, vectors = np.linalg.eigh(np.cov(unit_float(x).reshape(-1, 3).T))
        return cls(std, values[::-1].tolist(), vectors[:, ::-1])

    def batch(self, x: Array) -> Array:
        if x.shape[1] != 3:
            raise DataError(f"PCAColorNoise: the images have {x.shape[1]} channels; give RGB")
        a = self.rng.normal(0, self.std, size=(len(x), 3)).astype(np.float32)
        noise = (a * self.eigenvalues) @ self.eigenvectors.T
        y = unit_float(x) + noise[:, :, None, None]
        return from_unit(y, x)
