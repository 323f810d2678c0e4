"""Making a picture from anywhere look like the pictures that a network was trained on, and saying what was done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_cv.data.images import pil_loader, to_rgb
from tinygrad_cv.data.resample import resize
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image

INK = {"digits": (8, 8), "drawings": (8, 8), "mnist": (20, 28), "fashion-mnist": (27, 28)}
"""Pixels that the drawn thing fills, of how many; the digits are enlarged images of 8 x 8 pixels."""
FAINT = 0.2


def frame(path: str | os.PathLike[str], data: str, size: Sequence[int]) -> tuple[Array, list[str]]:
    """Return a picture file as (C, H, W) in [0, 1] in the style of a data set, and the list of what was done.

    Grey sets show bright ink on black in the middle of the image: the picture is made grey, inverted if its rim is
    bright, freed of its background, cut to the ink and fitted as in the set. Colour pictures are resized and
    cropped to the middle.

    Raises
    ------
    DataError
        The file is missing, no picture, or shows nothing.
    """
    image, steps = _open(path)
    c, h, w = size
    pixels = np.asarray(image, dtype=np.float32).transpose(2, 0, 1)[None] / np.float32(255)
    if c == 3:
        return _cropped(pixels, h, w, steps), steps
    grey = pixels[0].T @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    if np.ptp(pixels, axis=1).max() > 0.02:
        steps.append("made grey")
    framed = _drawn(grey.T, os.fspath(path), data, h, w, steps)
    return np.repeat(framed, c, axis=1)[0], steps


def _open(path: str | os.PathLike[str]) -> tuple[Image, list[str]]:
    """The picture in RGB, upright, on white where it is transparent."""
    pil_loader(path)  # refuses what is no picture
    from PIL import Image, ImageOps

    with Image.open(path) as raw:
        steps = [f"{raw.width} x {raw.height} {raw.mode}"]
        image = ImageOps.exif_transpose(raw)
        if image.size != raw.size:
            steps.append("turned upright")
        if "A" in image.getbands() or "transparency" in image.info:
            clear = image.convert("RGBA")
            steps.append("laid on white")
            return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB"), steps
        return to_rgb(image), steps


def _cropped(pixels: Array, h: int, w: int, steps: list[str]) -> Array:
    rows, columns = pixels.shape[2:]
    if (rows, columns) != (h, w):
        scale = max(h / rows, w / columns)
        shape = max(h, round(rows * scale)), max(w, round(columns * scale))
        pixels = resize(pixels, shape)
        top, left = (shape[0] - h) // 2, (shape[1] - w) // 2
        pixels = np.clip(pixels[:, :, top : top + h, left : left + w], 0, 1)
        steps.append(f"resized to {shape[1]} x {shape[0]}")
        if shape != (h, w):
            steps.append(f"cropped to the middle {w} x {h}")
    return np.ascontiguousarray(pixels[0])


def _drawn(grey: Array, name: str, data: str, h: int, w: int, steps: list[str]) -> Array:
    """A drawing (H, W) as bright ink on black, (1, 1, h, w)."""
    rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(rim))
    if background > 0.5:
        steps.append("inverted, for it is dark on light")
        grey, background = 1 - grey, 1 - background
    elif grey.shape == (h, w):
        steps.append("taken as it is")
        return grey[None, None]
    ink = np.clip(grey - background, 0, None)
    strongest = float(ink.max())
    if strongest < 0.05:
        raise DataError(f"predict: {name} shows nothing, for it has one brightness all over; give another picture")
    ink /= strongest
    rows, columns = np.flatnonzero((ink > FAINT).any(1)), np.flatnonzero((ink > FAINT).any(0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inner, outer = INK.get(data, (h, h))
    # MNIST's own rule: the centre of mass of the ink comes to the centre of the image
    centre = _mass(cut) if data == "mnist" else (cut.shape[0] / 2, cut.shape[1] / 2)
    sheet = _on_sheet(cut, max(cut.shape) * outer / inner, centre)
    framed = np.clip(resize(sheet[None, None], (outer, outer)), 0, 1)
    framed /= framed.max()  # thin lines fade as they shrink; the ink of the data is full
    steps.append(f"cut to the ink, {cut.shape[1]} x {cut.shape[0]}, and shrunk or grown to {inner} pixels of {outer}")
    if outer != h:
        steps.append(f"enlarged to {w} x {h}, as the {data} are")
    return np.clip(resize(framed, (h, w)), 0, 1)


def _mass(x: Array) -> tuple[float, float]:
    """The centre of mass."""
    total = float(x.sum())
    down = float((x.sum(1) * (np.arange(x.shape[0]) + 0.5)).sum()) / total
    across = float((x.sum(0) * (np.arange(x.shape[1]) + 0.5)).sum()) / total
    return down, across


def _on_sheet(x: Array, side: float, centre: tuple[float, float]) -> Array:
    """The drawing on an empty square sheet, its ``centre`` in the middle as far as it fits."""
    n = max(round(side), *x.shape)
    sheet = np.zeros((n, n), np.float32)
    top = min(max(0, round(n / 2 - centre[0])), n - x.shape[0])
    left = min(max(0, round(n / 2 - centre[1])), n - x.shape[1])
    sheet[top : top + x.shape[0], left : left + x.shape[1]] = x
    return sheet
