"""Feature maps by depth: what every layer makes of one image, from the pixels to the scores."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_cv.explain.receptive_field import measure
from tinygrad_cv.explain.recording import as_images, is_map, record
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.grids import painted
from tinygrad_cv.viz.svg import MUTED, Picture, shorten

TILE, GAP, LEFT, TOP, NAMES = 62.0, 6.0, 18.0, 50.0, 170.0


def feature_pyramid(
    model: Callable[[Any], Any],
    image: Any,
    *,
    layers: Sequence[str] | None = None,
    channels: int = 8,
    title: str = "What each layer makes of an image",
) -> Chart:
    """Draw the strongest feature maps of each layer, one row a layer, all tiles of one size.

    Deeper maps have fewer pixels, of which each sees more of the image: the words beside a row say how many.

    Parameters
    ----------
    model : a network; it runs in evaluation mode and stays as it was.
    image : (C, H, W).
    layers : names from ``record(...).names``; all that have maps if not given (of more than twelve, some).
    channels : how many maps of each; those with the largest mean squares, in their order.
    title : written above.
    """
    x = as_images(image)[:1]
    found = record(model, x, values=True)
    names = list(layers) if layers is not None else [n for n, node in found.names.items() if is_map(node)]
    if layers is None and len(names) > 12:
        names = [names[i] for i in np.linspace(0, len(names) - 1, 12).round().astype(int)]
    flat = next((n for n in names if not is_map(found.find(n))), None)
    if flat is not None or not names or channels < 1:
        raise ArgumentError(f"feature_pyramid: {flat or 'the network'} has no maps; give layers that have some")
    width = LEFT + NAMES + channels * (TILE + GAP) + 12
    told = ", ".join(f"{n}: {'x'.join(map(str, found.find(n).shape[1:]))}" for n in names)
    picture = Picture(width, TOP + (len(names) + 1) * (TILE + GAP) + 8, title, told)
    picture.text(LEFT, 28, title, 15, font_weight=600)
    _row(picture, 0, "image", f"{x.shape[2]} × {x.shape[3]} pixels", "", x[0] if x.shape[1] == 3 else x[0, :1], "gray")
    for k, name in enumerate(names, 1):
        node = found.find(name)
        maps = found.values[node][0]
        strongest = np.sort(np.argsort(-(maps.astype(np.float64) ** 2).mean((1, 2)), kind="stable")[:channels])
        size = measure(found, node).size
        sees = f"each value sees {size[0]} × {size[1]}"
        shape = f"{maps.shape[0]} maps of {maps.shape[1]} × {maps.shape[2]}"
        _row(picture, k, shorten(name, NAMES - 12, 12), shape, sees, maps[strongest], "viridis")
    return Chart(str(picture))


def _row(picture: Picture, k: int, name: str, shape: str, sees: str, maps: Array, colors: str) -> None:
    y = TOP + k * (TILE + GAP)
    picture.text(LEFT, y + 22, name, 12, font_weight=600)
    picture.text(LEFT, y + 38, shape, 10.5, fill=MUTED)
    picture.text(LEFT, y + 53, sees, 10.5, fill=MUTED)
    tiles = maps[None] if maps.shape[0] == 3 and colors == "gray" else maps[:, None]
    for i, tile in enumerate(tiles):
        place = {"x": LEFT + NAMES + i * (TILE + GAP), "y": y, "width": TILE, "height": TILE}
        picture.add("image", **place, href=_png(tile, colors), style="image-rendering:pixelated")


def _png(tile: Array, colors: str) -> str:
    """One map, stretched to its own range, as a link that carries it."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(painted(tile[None], "each", colors)[0]).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
