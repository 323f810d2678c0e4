"""Receptive fields as boxes on the image."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_cv.explain.receptive_field import ReceptiveField, ReceptiveFields, Region
from tinygrad_cv.explain.recording import as_images, is_map
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.svg import FAINT, MUTED, PAPER, SERIES, Picture, shorten

SIDE, MARGIN, LEGEND, MOST = 360.0, 16.0, 250.0, 7


def draw_fields(
    fields: ReceptiveFields,
    image: Any = None,
    *,
    layers: Sequence[str] | None = None,
    at: tuple[float, float] = (0.5, 0.5),
    effective: str | None = None,
    title: str = "",
) -> Chart:
    """Draw what one unit of each layer sees, as boxes on the image.

    Full lines are what is left of a field inside the image; a dashed line continues it into the padding.

    Parameters
    ----------
    fields : of `receptive_fields`.
    image : (C, H, W), drawn below the boxes; the image that was recorded if not given.
    layers : names; without them, the layers with maps whose fields differ from those before, seven at most.
    at : where in its map each layer's unit stands: (0, 0) is the upper left corner, (1, 1) the lower right one.
    effective : the name of a layer whose effective field is drawn instead of the image.
    title : written above.
    """
    chosen = [fields[name] for name in layers] if layers is not None else _telling(fields)
    bare = next((f.name for f in chosen if len(f.shape) != 4), None)
    if bare is not None or not chosen:
        raise ArgumentError(f"draw_fields: {bare or 'the network'} has no maps; give layers that have")
    height, width = fields.recording.input.shape[2:]
    zoom = SIDE / max(height, width)
    boxes = [(f, unit := _unit(f, at), f.box(*unit), f.box(*unit, clip=False)) for f in chosen]
    over = [max(0, -min(b.top for *_, b in boxes)), max(0, -min(b.left for *_, b in boxes))]
    beyond = [max(0, max(b.bottom for *_, b in boxes) - height), max(0, max(b.right for *_, b in boxes) - width)]
    reach = [min(n, 0.6 * max(height, width)) * zoom for n in (*over, *beyond)]
    left, top = MARGIN + reach[1], MARGIN + (26 if title else 0) + reach[0]
    right, bottom = left + width * zoom + reach[3], top + height * zoom + reach[2]
    low = max(bottom, top - reach[0] + 34 * len(chosen)) + MARGIN
    told = "; ".join(f"{f.name}: {b.size[0]} x {b.size[1]} pixels" for f, _, b, _ in boxes)
    picture = Picture(right + 24 + LEGEND, low, title or "Receptive fields", told)
    if title:
        picture.text(MARGIN, MARGIN + 8, title, 15, font_weight=600)
    pixels = fields[effective].effective(*_unit(fields[effective], at)) if effective else _pixels(fields, image)
    place = {"x": left, "y": top, "width": width * zoom, "height": height * zoom}
    picture.add("image", **place, href=_png(pixels), style="image-rendering:pixelated", opacity=0.75)
    picture.rect(left, top, width * zoom, height * zoom, fill="none", stroke=FAINT)
    bounds = (left - reach[1], top - reach[0], right, bottom)
    for k, (f, _, inside, full) in reversed(list(enumerate(boxes))):
        color = SERIES[k % len(SERIES)]
        if full != inside:
            _outline(picture, [left, top] * 2, zoom, full, bounds, color)
        tip = f"{f.name}: rows {inside.top} to {inside.bottom - 1}, columns {inside.left} to {inside.right - 1}"
        x, y = left + inside.left * zoom, top + inside.top * zoom
        sides = (x, y, inside.size[1] * zoom, inside.size[0] * zoom)
        picture.rect(*sides, fill="none", stroke=PAPER, stroke_width=4.4, opacity=0.7)  # to show on any image
        picture.rect(*sides, fill_opacity=0, stroke=color, stroke_width=2.4, tip=tip, data_layer=f.name)
    for k, (f, (row, column), inside, _) in enumerate(boxes):
        x, y, color = right + 24, top - reach[0] + 14 + 34 * k, SERIES[k % len(SERIES)]
        picture.rect(x, y - 9, 11, 11, fill="none", stroke=color, stroke_width=2.4)
        seen = f"sees {f.size[0]} x {f.size[1]}"
        cut = "" if inside.size == f.size else f", {inside.size[0]} x {inside.size[1]} in the image"
        picture.text(x + 20, y, shorten(_words(f), LEGEND - 20, 11.5), 11.5, font_weight=600)
        picture.text(x + 20, y + 14, f"unit ({row}, {column}) {seen}{cut}", 10.5, fill=MUTED)
    return Chart(str(picture))


def _telling(fields: ReceptiveFields) -> list[ReceptiveField]:
    """The layers where the field grows; of many, some evenly chosen, with the last."""
    grown: list[ReceptiveField] = []
    for f in fields:
        if is_map(f.node) and (not grown or f.size != grown[-1].size):
            grown.append(f)
    at = np.linspace(0, len(grown) - 1, min(MOST, len(grown))).round().astype(int)
    return [grown[i] for i in at]


def _words(f: ReceptiveField) -> str:
    return f.name if f.kind in f.name else f"{f.name}  {f.kind}"


def _unit(f: ReceptiveField, at: tuple[float, float]) -> tuple[int, int]:
    row, column = (min(int(share * n), n - 1) for share, n in zip(at, f.shape[2:]))
    return row, column


def _pixels(fields: ReceptiveFields, image: Any) -> Array:
    data = as_images(np.asarray(fields.recording.input) if image is None else image)[0]
    return data if data.shape[0] == 3 else data.mean(0)


def _png(pixels: Array) -> str:
    """A picture (H, W) or (3, H, W), stretched to its own range, as a link that carries it."""
    from PIL import Image

    low, high = float(pixels.min()), float(pixels.max())
    scaled = np.round((pixels - low) * (255 / ((high - low) or 1))).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(scaled.transpose(1, 2, 0) if scaled.ndim == 3 else scaled).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _outline(
    picture: Picture, corner: list[float], zoom: float, region: Region, bounds: tuple[float, ...], color: str
) -> None:
    """A dashed rectangle; a side that would lie outside the bounds is left open."""
    wanted = [c + zoom * at for c, at in zip(corner, (region.left, region.top, region.right, region.bottom))]
    x1, y1, x2, y2 = (max(w, b) if k < 2 else min(w, b) for k, (w, b) in enumerate(zip(wanted, bounds)))
    sides = ((x1, y1, x1, y2), (x1, y1, x2, y1), (x2, y1, x2, y2), (x1, y2, x2, y2))
    for k, side in enumerate(sides):
        if abs((x1, y1, x2, y2)[k] - wanted[k]) < 1e-6:
            picture.line(*side, stroke=color, stroke_width=1.2, stroke_dasharray="4 3")
