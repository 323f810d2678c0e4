"""Cutting out and adding borders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_cv.data.resample import mode, pil_mode, resize
from tinygrad_cv.data.transforms.base import Transform, blank, interval, pair
from tinygrad_cv.data.values import array_to_pil, pil_to_array
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image

_NUMPY = {"edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def borders(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) from one number, (left and right, top and bottom), or all four."""
    sides = [padding] if isinstance(padding, int | np.integer) else list(padding)
    if len(sides) not in (1, 2, 4) or any(int(n) < 0 for n in sides):
        raise ArgumentError(f"padding: got {padding}; give one, two or four numbers of 0 or more")
    left, top, right, bottom = (int(n) for n in (sides * 4)[:4])
    return left, top, right, bottom


def pad(x: Array, sides: tuple[int, int, int, int], fill: Any = 0, padding_mode: str = "constant") -> Array:
    """A batch with borders: of one colour, or continued from the image (edge, reflect, symmetric)."""
    left, top, right, bottom = sides
    n, c, h, w = x.shape
    if padding_mode == "constant":
        y = blank(x, (n, c, h + top + bottom, w + left + right), fill)
        y[:, :, top : top + h, left : left + w] = x
        return y
    if padding_mode not in _NUMPY:
        raise ArgumentError(f"padding_mode: got {padding_mode!r}; give constant, " + ", ".join(_NUMPY))
    if padding_mode == "reflect" and (max(top, bottom) >= h or max(left, right) >= w):
        raise DataError(f"pad: cannot reflect {sides} pixels of an image {h} x {w}; pad less than its size")
    # np.pad fills in C order, so a channels-last batch is padded as (N, H, W, C)
    last = c > 1 and x.strides[1] < x.strides[3]
    width = [(0, 0), (top, bottom), (left, right)]
    if last:
        return np.pad(x.transpose(0, 2, 3, 1), [*width, (0, 0)], padding_mode).transpose(0, 3, 1, 2)  # type: ignore[call-overload]
    return np.pad(x, [(0, 0), *width], padding_mode)  # type: ignore[call-overload]


def windows(x: Array, tops: Array, lefts: Array, h: int, w: int) -> Array:
    """From each image the window of h x w pixels at its own corner."""
    y = blank(x, (*x.shape[:2], h, w))
    for k, (top, left) in enumerate(zip(tops.tolist(), lefts.tolist(), strict=True)):
        y[k] = x[k, :, top : top + h, left : left + w]
    return y


class Pad(Transform):
    """Borders on all sides.

    Parameters
    ----------
    padding
        One number, (left and right, top and bottom), or (left, top, right, bottom).
    fill
        The colour, one number or one per channel, in the image's units.
    padding_mode
        ``constant``, or the image continued: ``edge``, ``reflect`` (without repeating the border),
        ``symmetric``.
    """

    def __init__(self, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> None:
        self.padding, self.fill, self.padding_mode = borders(padding), fill, padding_mode
        pad(np.zeros((1, 1, 2, 2)), (0, 0, 0, 0), 0, padding_mode)

    def batch(self, x: Array) -> Array:
        return pad(x, self.padding, self.fill, self.padding_mode)


class CenterCrop(Transform):
    """The middle; an image that is too small gets black borders first.

    ``size`` is (height, width), or one number for both.
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair("CenterCrop", size)

    def batch(self, x: Array) -> Array:
        h, w = self.size
        short_h, short_w = max(h - x.shape[2], 0), max(w - x.shape[3], 0)
        if short_h or short_w:
            x = pad(x, (short_w // 2, short_h // 2, -(-short_w // 2), -(-short_h // 2)))
        top, left = round((x.shape[2] - h) / 2), round((x.shape[3] - w) / 2)
        return x[:, :, top : top + h, left : left + w]

    def image(self, img: Image) -> Any:
        h, w = self.size
        if img.height < h or img.width < w:
            return super().image(img)
        top, left = round((img.height - h) / 2), round((img.width - w) / 2)
        return img.crop((left, top, left + w, top + h))


class RandomCrop(Transform):
    """A window at random.

    Parameters
    ----------
    size
        Of the window, an int or (height, width).
    padding
        Borders added first, as in :class:`Pad`; ``RandomCrop(32, padding=4)`` is the usual augmentation for
        CIFAR.
    pad_if_needed
        Add borders to images smaller than the window, instead of refusing them.
    fill, padding_mode
        As in :class:`Pad`.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = pair("RandomCrop", size)
        self.padding = None if padding is None else borders(padding)
        self.pad_if_needed, self.fill, self.padding_mode = pad_if_needed, fill, padding_mode
        pad(np.zeros((1, 1, 2, 2)), (0, 0, 0, 0), 0, padding_mode)

    def batch(self, x: Array) -> Array:
        h, w = self.size
        if self.padding is not None:
            x = pad(x, self.padding, self.fill, self.padding_mode)
        short_h, short_w = max(h - x.shape[2], 0), max(w - x.shape[3], 0)
        if short_h or short_w:
            if not self.pad_if_needed:
                raise DataError(
                    f"RandomCrop: the window {h} x {w} exceeds the image {x.shape[2]} x {x.shape[3]}; "
                    "give padding or pad_if_needed=True, or resize first"
                )
            x = pad(x, (short_w, short_h, short_w, short_h), self.fill, self.padding_mode)
        tops = self.rng.integers(x.shape[2] - h + 1, size=len(x))
        lefts = self.rng.integers(x.shape[3] - w + 1, size=len(x))
        return windows(x, tops, lefts, h, w)

    def image(self, img: Image) -> Any:
        h, w = self.size
        if self.padding is not None or img.height < h or img.width < w:
            return super().image(img)
        top = int(self.rng.integers(img.height - h + 1, size=1)[0])
        left = int(self.rng.integers(img.width - w + 1, size=1)[0])
        return img.crop((left, top, left + w, top + h))


class RandomResizedCrop(Transform):
    """A window of random area and shape, resized: the usual augmentation for photographs.

    ``antialias`` as in `Resize`.

    Parameters
    ----------
    size
        Of the result.
    scale
        Least and greatest share of the image's area.
    ratio
        Least and greatest width / height, drawn evenly in its logarithm.

    Source: C. Szegedy et al., "Going deeper with convolutions", CVPR 2015, section 6.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: str = "bilinear",
        antialias: bool = True,
    ) -> None:
        self.size = pair("RandomResizedCrop", size)
        self.scale = interval("RandomResizedCrop: scale", scale, 1e-9)
        self.ratio = interval("RandomResizedCrop: ratio", ratio, 1e-9)
        self.interpolation, self.antialias = mode(interpolation), antialias

    def draw(self, n: int, h: int, w: int) -> Array:
        """For n images of h x w the windows (top, left, height, width), (n, 4)."""
        boxes = np.empty((n, 4), np.int64)
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        for k in range(n):
            for _ in range(10):
                area = h * w * self.rng.uniform(*self.scale)
                ratio = math.exp(self.rng.uniform(low, high))
                bw, bh = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
                if 0 < bw <= w and 0 < bh <= h:
                    boxes[k] = self.rng.integers(h - bh + 1), self.rng.integers(w - bw + 1), bh, bw
                    break
            else:  # none fits: the largest window with an allowed shape, in the middle
                ratio = min(max(w / h, self.ratio[0]), self.ratio[1])
                bh, bw = min(h, max(1, round(w / ratio))), min(w, max(1, round(h * ratio)))
                boxes[k] = (h - bh) // 2, (w - bw) // 2, bh, bw
        return boxes

    def batch(self, x: Array) -> Array:
        y = blank(x, (*x.shape[:2], *self.size))
        for k, (top, left, bh, bw) in enumerate(self.draw(len(x), x.shape[2], x.shape[3]).tolist()):
            window = x[k : k + 1, :, top : top + bh, left : left + bw]
            y[k] = resize(window, self.size, self.interpolation, self.antialias)[0]
        return y

    def image(self, img: Image) -> Any:
        top, left, bh, bw = self.draw(1, img.height, img.width)[0].tolist()
        part = img.crop((left, top, left + bw, top + bh))
        return part.resize(self.size[::-1], pil_mode(self.interpolation))


class FiveCrop(Transform):
    """The four corners and the middle, as a tuple of five images (or batches).

    ``size`` of each is (height, width), or one number for both.
    """

    batched = False

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair("FiveCrop", size)

    def __call__(self, img: Any) -> Any:
        parts = [_Corner(self.size, corner) for corner in range(4)]
        return (*(part(img) for part in parts), CenterCrop(self.size)(img))


class _Corner(Transform):
    def __init__(self, size: tuple[int, int], corner: int) -> None:
        self.size, self.corner = size, corner

    def batch(self, x: Array) -> Array:
        h, w = self.size
        if h > x.shape[2] or w > x.shape[3]:
            raise DataError(
                f"FiveCrop: the window {h} x {w} exceeds the image {x.shape[2]} x {x.shape[3]}; resize first"
            )
        rows = slice(0, h) if self.corner < 2 else slice(x.shape[2] - h, None)
        columns = slice(0, w) if self.corner % 2 == 0 else slice(x.shape[3] - w, None)
        return x[:, :, rows, columns]


class Resize(Transform):
    """Another size.

    Parameters
    ----------
    size
        (height, width), or an int: the shorter side becomes that long and the proportions stay.
    max_size
        With an int: a limit for the longer side.
    interpolation
        nearest, box, bilinear, bicubic or lanczos.
    antialias
        When shrinking, average over all pixels (as PIL always does).
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: str = "bilinear",
        max_size: int | None = None,
        antialias: bool = True,
    ) -> None:
        single = isinstance(size, int | np.integer) or len(size) == 1
        self.size = pair("Resize", size)[:1] if single else pair("Resize", size)
        if max_size is not None and (not single or max_size < self.size[0]):
            raise ArgumentError(
                f"Resize: got max_size={max_size} with size={size}; give an int size up to max_size"
            )
        self.interpolation, self.max_size, self.antialias = mode(interpolation), max_size, antialias

    def target(self, h: int, w: int) -> tuple[int, int]:
        """What (h, w) becomes."""
        if len(self.size) == 2:
            return self.size
        short, long = self.size[0], int(self.size[0] * max(h, w) / min(h, w))
        if self.max_size is not None and long > self.max_size:
            short, long = max(1, int(self.max_size * short / long)), self.max_size
        return (short, long) if h <= w else (long, short)

    def batch(self, x: Array) -> Array:
        return resize(x, self.target(*x.shape[2:]), self.interpolation, self.antialias)

    def image(self, img: Image) -> Any:
        h, w = self.target(img.height, img.width)
        if img.mode in ("P", "1"):
            return array_to_pil(self.batch(pil_to_array(img)[None])[0])
        return img.resize((w, h), pil_mode(self.interpolation))
