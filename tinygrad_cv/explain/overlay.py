"""Explanations drawn over the images that they explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_cv.explain.recording import as_images
from tinygrad_cv.ops.errors import ShapeError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.grids import images as grid

_HEAT = np.array([(68, 1, 84), (59, 81, 139), (33, 144, 141), (92, 200, 99), (253, 231, 37)], float) / 255
"""Anchors of matplotlib's viridis (public domain), read between linearly."""


def overlay(
    images: Any,
    maps: Mapping[str, Any],
    *,
    strength: float = 0.65,
    columns: int = 4,
    captions: Sequence[str] | None = None,
    title: str = "",
    zoom: int | None = None,
) -> Chart:
    """Draw explanations over images, one panel per explanation, after a panel of the images.

    Parameters
    ----------
    images : (N, C, H, W).
    maps : by name, (N, H, W), or (N, C, H, W) of which the absolute values are added over the channels.
    strength : how opaque the strongest evidence is.
    captions : a word below each image, such as its class.
    columns, title, zoom : as for `viz.images`.
    """
    x = as_images(images)
    low, high = x.min((1, 2, 3), keepdims=True), x.max((1, 2, 3), keepdims=True)
    plain = (x - low) / np.where(high > low, high - low, 1)
    plain = plain if x.shape[1] == 3 else np.repeat(plain.mean(1, keepdims=True), 3, 1)
    panels = {"image": plain}
    for name, values in maps.items():
        heat = np.asarray(values)
        heat = np.abs(heat).sum(1) if heat.ndim == 4 else heat
        if heat.shape != (len(x), *x.shape[2:]):
            raise ShapeError(
                f"overlay: the map {name!r} has shape {heat.shape}; for images {x.shape} give {(len(x), *x.shape[2:])}"
            )
        panels[name] = _blended(plain, unit_range(heat), strength)
    return grid(panels, columns=columns, scale="none", captions=captions, title=title, zoom=zoom)


def unit_range(maps: Array) -> Array:
    """Each map (H, W) stretched from its 1st to its 99th percentile over [0, 1], so that one pixel cannot blind it."""
    low, high = np.percentile(maps, [1, 99], axis=(1, 2), keepdims=True)
    return np.clip((maps - low) / np.where(high > low, high - low, 1), 0, 1)


def _blended(plain: Array, heat: Array, strength: float) -> Array:
    places = np.linspace(0, 1, len(_HEAT))
    colors = np.stack([np.interp(heat, places, anchor) for anchor in _HEAT.T], 1)
    weight = strength * (0.25 + 0.75 * heat[:, None])
    return plain * (1 - weight) + colors * weight
