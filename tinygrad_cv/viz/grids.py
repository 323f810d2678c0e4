"""Pictures made of pixels: images, filters and feature maps in grids."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.svg import INK, MUTED, PAPER, Picture, shorten

# Anchors of matplotlib's viridis (public domain), equally spaced, read between linearly; and of a scale
# through white.
_COLORS = {
    "gray": [(0, 0, 0), (255, 255, 255)],
    "viridis": [(68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129),
                (92, 200, 99), (170, 220, 50), (253, 231, 37)],
    "signed": [(5, 65, 120), (67, 147, 195), (247, 247, 247), (230, 130, 60), (150, 55, 0)],
}  # fmt: skip
SPACE, BETWEEN, MARGIN = 5, 36, 16


def images(
    panels: Any,
    *,
    columns: int = 8,
    scale: str = "each",
    colors: str = "gray",
    zoom: int | None = None,
    captions: Sequence[str] | None = None,
    title: str = "",
) -> Chart:
    """Draw images in a grid, or in several grids side by side.

    Parameters
    ----------
    panels : (N, C, H, W) or (N, H, W) images, or a mapping from headings to such arrays. One channel is drawn
        by ``colors``, three are red, green and blue; with any other number each channel becomes a picture.
    columns : pictures in a row.
    scale : how values become brightness. ``"each"`` stretches every picture over [0, 1] by itself,
        ``"all"`` all pictures of all panels together, so that they can be compared; ``"none"`` takes values
        in [0, 1] (or 0..255 in integers) as they are.
    colors : ``"gray"``, ``"viridis"``, or ``"signed"`` (blue below zero, white at zero, orange above).
    zoom : how many pixels wide and high one value is drawn; chosen from the size without it.
    captions : a word below each picture.
    title : written above.

    Returns
    -------
    Chart
        It can be saved as ``.svg`` and as ``.png``.
    """
    named = dict(panels) if isinstance(panels, Mapping) else {"": panels}
    stacks = {str(name): _stack(values) for name, values in named.items()}
    if scale not in ("each", "all", "none") or colors not in _COLORS:
        raise ArgumentError(
            f"images: scale {scale!r} with colors {colors!r} is unknown; give scale each, all or none, "
            f"and colors {', '.join(_COLORS)}"
        )
    if columns < 1 or (zoom is not None and zoom < 1):
        raise ArgumentError(f"images: columns is {columns} and zoom {zoom}; both count from 1")
    pixels = _brightness(stacks, scale, signed=colors == "signed")
    largest = max((max(p.shape[2:]) for p in pixels.values()), default=1)
    many = max((len(p) for p in pixels.values()), default=1) > 12
    zoom = zoom or max(1, round((60 if many else 80) / max(1, largest)))
    grids = {
        name: _tile(_paint(p, colors), columns, zoom, 13 if captions else 0) for name, p in pixels.items()
    }
    shapes = ", ".join(
        f"{name + ': ' if name else ''}{len(s)} pictures of {s.shape[3]} x {s.shape[2]}"
        for name, s in stacks.items()
    )
    how = {
        "each": "each stretched to its own range",
        "all": "all on one scale",
        "none": "values as they are",
    }[scale]
    words = [] if captions is None else [str(c) for c in captions]
    svg = _document(grids, pixels, columns, zoom, words, title, f"{shapes}; {how}.")
    return Chart(svg, _sheet(grids, title))


def filters(
    before: Any, after: Any = None, *, columns: int = 8, scale: str = "each", **options: Any
) -> Chart:
    """Draw the filters of a first layer, (OC, C, KH, KW), or those before and after training side by side.

    Filters of three channels are coloured. ``scale`` is ``"each"`` (every filter over its own range, to see
    its shape) or ``"all"`` (one range for all, to see which ones grew). Further options are those of
    `images`.
    """
    if after is None:
        return images(before, columns=columns, scale=scale, **options)
    return images(
        {"before training": before, "after training": after}, columns=columns, scale=scale, **options
    )


def feature_maps(
    maps: Any, *, columns: int = 8, scale: str = "each", colors: str = "viridis", **options: Any
) -> Chart:
    """Draw what every channel of a layer sees in one image: maps of shape (C, H, W) or (1, C, H, W).

    ``columns``, ``scale``, ``colors`` and the ``options`` are those of `images`.
    """
    values = _array(maps)
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim != 3:
        raise ShapeError(
            f"feature_maps: maps has the shape {values.shape}; give those of one image, (C, H, W)"
        )
    return images(values, columns=columns, scale=scale, colors=colors, **options)


def painted(pictures: Any, scale: str = "each", colors: str = "gray") -> Array:
    """Pictures as bytes (N, H, W, 3), brightened and coloured as by `images`."""
    stack = _stack(pictures)
    return _paint(_brightness({"": stack}, scale, signed=colors == "signed")[""], colors)


def _array(values: Any) -> Array:
    return np.asarray(getattr(values, "_data", values))


def _stack(values: Any) -> Array:
    """(N, C, H, W) with C of 1 or 3; the other numbers of channels are spread over N."""
    stack = _array(values)
    if stack.ndim == 3:
        stack = stack[:, None]
    if stack.ndim != 4 or 0 in stack.shape[1:]:
        raise ShapeError(f"images: an array has the shape {stack.shape}; give (N, C, H, W) or (N, H, W)")
    return stack if stack.shape[1] in (1, 3) else stack.reshape(-1, 1, *stack.shape[2:])


def _brightness(stacks: Mapping[str, Array], scale: str, signed: bool) -> dict[str, Array]:
    """Values stretched to [0, 1]; with ``signed``, zero lands on one half. What is not finite is dark."""
    floats = {name: s.astype(np.float64) for name, s in stacks.items()}
    if scale == "none":
        return {
            n: np.clip(np.nan_to_num(f) / (255 if stacks[n].dtype.kind in "iu" else 1), 0, 1)
            for n, f in floats.items()
        }
    known = {name: np.where(np.isfinite(f), f, np.nan) for name, f in floats.items()}
    everything = np.concatenate([np.zeros(0), *(k.ravel() for k in known.values())])
    result = {}
    for name, k in known.items():
        flat = k.reshape(len(k), math.prod(k.shape[1:])) if scale == "each" else everything[None]
        low = np.min(flat, axis=1, initial=np.inf, where=np.isfinite(flat))[:, None, None, None]
        high = np.max(flat, axis=1, initial=-np.inf, where=np.isfinite(flat))[:, None, None, None]
        low, high = np.where(np.isfinite(low), low, 0), np.where(np.isfinite(high), high, 0)
        if signed:
            high = np.maximum(abs(low), abs(high))
            low = -high
        middle = np.where(high > low, 0.0, 0.5)  # a picture of one value is neither dark nor bright
        result[name] = np.nan_to_num((k - low) / np.where(high > low, high - low, 1) + middle, nan=0.0)
    return result


def _paint(pixels: Array, colors: str) -> Array:
    """Brightness (N, C, H, W) as bytes (N, H, W, 3)."""
    if pixels.shape[1] == 3:
        return np.round(255 * pixels.transpose(0, 2, 3, 1)).astype(np.uint8)
    anchors = np.array(_COLORS[colors], dtype=float)
    places = np.linspace(0, 1, len(anchors))
    return np.stack([np.round(np.interp(pixels[:, 0], places, a)) for a in anchors.T], axis=-1).astype(
        np.uint8
    )


def _tile(painted: Array, columns: int, zoom: int, below: int) -> Array:
    """All pictures of a panel on one white sheet, magnified by whole pixels."""
    count, h, w = painted.shape[:3]
    across, down = max(1, min(columns, count)), max(1, math.ceil(count / columns))
    pitch_h, pitch_w = h * zoom + SPACE + below, w * zoom + SPACE
    sheet = np.full((down * pitch_h - SPACE, across * pitch_w - SPACE, 3), 255, dtype=np.uint8)
    for i, picture in enumerate(painted):
        y, x = i // columns * pitch_h, i % columns * pitch_w
        sheet[y : y + h * zoom, x : x + w * zoom] = picture.repeat(zoom, 0).repeat(zoom, 1)
    return sheet


def _document(
    grids: Mapping[str, Array],
    pixels: Mapping[str, Array],
    columns: int,
    zoom: int,
    words: Sequence[str],
    title: str,
    told: str,
) -> str:
    from PIL import Image

    top = MARGIN + (24 if title else 0) + (20 if any(grids) else 0)
    width = 2 * MARGIN + sum(g.shape[1] for g in grids.values()) + BETWEEN * max(0, len(grids) - 1)
    height = top + max((g.shape[0] for g in grids.values()), default=0) + MARGIN
    picture = Picture(max(width, 200), height, title or "Images", told)
    if title:
        picture.text(
            MARGIN, MARGIN + 11, shorten(title, max(width, 200) - 2 * MARGIN, 15), 15, font_weight=600
        )
    x = MARGIN
    for name, grid in grids.items():
        if name:
            picture.text(x, top - 9, shorten(name, grid.shape[1], 11.5), 11.5, fill=MUTED)
        buffer = io.BytesIO()
        Image.fromarray(grid).save(buffer, "PNG", optimize=True)
        link = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
        place = {"x": x, "y": top, "width": grid.shape[1], "height": grid.shape[0]}
        picture.add("image", **place, href=link, style="image-rendering:pixelated")
        h, w = (n * zoom for n in pixels[name].shape[2:])
        for i, word in enumerate(words[: len(pixels[name])]):
            middle = x + i % columns * (w + SPACE) + w / 2
            low = top + i // columns * (h + SPACE + 13) + h + 10.5
            picture.text(middle, low, shorten(word, w, 9.5), 9.5, anchor="middle", fill=INK)
        x += grid.shape[1] + BETWEEN
    return str(picture)


def _sheet(grids: Mapping[str, Array], title: str) -> Any:
    """The panels and their headings as one PIL image."""
    from PIL import Image, ImageDraw, ImageFont

    top = MARGIN + (20 if any(grids) else 0) + (24 if title else 0)
    width = 2 * MARGIN + sum(g.shape[1] for g in grids.values()) + BETWEEN * max(0, len(grids) - 1)
    height = top + max((g.shape[0] for g in grids.values()), default=0) + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((MARGIN, MARGIN - 2), title, INK, font=ImageFont.load_default(16))
    x = MARGIN
    for name, grid in grids.items():
        draw.text((x, top - 19), name, MUTED, font=ImageFont.load_default(12))
        sheet.paste(Image.fromarray(grid), (x, top))
        x += grid.shape[1] + BETWEEN
    return sheet
