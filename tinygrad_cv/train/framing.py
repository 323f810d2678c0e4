"""Making a picture from anywhere look like the pictures that a network was trained on, and saying what was done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_cv.data.images import pil_loader, to_rgb
from tinygrad_cv.data.resample import resize
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image

INK = {"digits": 8, "mnist": 20, "fashion-mnist": 26}
"""Side of the square that the drawn thing fills in the images of a data set; the digits are 8 x 8, enlarged."""
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
        raise DataError(f"predict: {name} shows nothing, all of it has the same brightness; give a picture of something")
    ink /= strongest
    rows, columns = np.flatnonzero((ink > FAINT).any(1)), np.flatnonzero((ink > FAINT).any(0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = INK.get(data, h)
    scale = side / max(cut.shape)
    shape = tuple(max(1, round(n * scale)) for n in cut.shape)
    small = np.clip(resize(cut[None, None], (shape[0], shape[1])), 0, 1)
    steps.append(f"cut to the ink, {cut.shape[1]} x {cut.shape[0]}, and fitted into {side} x {side}")
    if side < 10:
        canvas = _placed(small, side, side, _middle(small))
        steps.append(f"enlarged to {w} x {h}, as the digits are")
        return np.clip(resize(canvas, (h, w)), 0, 1)
    # MNIST's own rule: the centre of mass of the ink comes to the centre of the image
    centre = _mass(small) if data == "mnist" else _middle(small)
    steps.append(f"centred in {w} x {h}")
    return _placed(small, h, w, centre)


def _middle(x: Array) -> tuple[float, float]:
    return x.shape[2] / 2, x.shape[3] / 2


def _mass(x: Array) -> tuple[float, float]:
    total = float(x.sum())
    down = float((x[0, 0].sum(1) * (np.arange(x.shape[2]) + 0.5)).sum()) / total
    across = float((x[0, 0].sum(0) * (np.arange(x.shape[3]) + 0.5)).sum()) / total
    return down, across


def _placed(x: Array, h: int, w: int, centre: tuple[float, float]) -> Array:
    """The small drawing on an empty image, its ``centre`` in the middle as far as it fits."""
    canvas: Any = np.zeros((1, 1, h, w), np.float32)
    top = min(max(0, round(h / 2 - centre[0])), h - x.shape[2])
    left = min(max(0, round(w / 2 - centre[1])), w - x.shape[3])
    canvas[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x
    return canvas  # type: ignore[no-any-return]
