"""Features that people designed before networks learned them: edges, oriented waves, histograms of gradients.

Ordinary functions on arrays: images (H, W), (C, H, W) or (N, C, H, W) of any dtype, results of floating point. Nothing
here is learned and nothing has a gradient.

Examples
--------
>>> import numpy as np
>>> hog(np.zeros((5, 3, 32, 32))).shape
(5, 324)
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array

SOBEL_X: Array = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
"""The difference of the right and the left neighbours, smoothed by 1-2-1: answers to vertical edges."""

SOBEL_Y: Array = SOBEL_X.T.copy()
"""The difference of the lower and the upper neighbours, smoothed by 1-2-1: answers to horizontal edges."""

PREWITT_X: Array = np.array([[-1.0, 0, 1]] * 3)
"""As `SOBEL_X`, smoothed by 1-1-1."""

PREWITT_Y: Array = PREWITT_X.T.copy()
"""As `SOBEL_Y`, smoothed by 1-1-1. Notes that print [1 1 1; 0 0 0; -1 -1 -1] as Sobel's show its negative."""


def correlate(image: Array, kernel: Array) -> Array:
    """Slide a filter (KH, KW) with odd sides over each plane; the edge pixels continue the image, sizes stay.

    y[.., i, j] = sum over p, q of x[.., i + p - KH//2, j + q - KW//2] * kernel[p, q]
    """
    x, w = _floating("correlate", image), np.asarray(kernel)
    if w.ndim != 2 or w.shape[0] % 2 == 0 or w.shape[1] % 2 == 0:
        raise ShapeError(f"correlate: kernel has shape {w.shape}; give two odd sides, for example (3, 3)")
    (kh, kw), (h, width) = w.shape, x.shape[-2:]
    border = [(0, 0)] * (x.ndim - 2) + [(kh // 2, kh // 2), (kw // 2, kw // 2)]
    padded, y = np.pad(x, border, mode="edge"), np.zeros(x.shape, x.dtype)
    for p in range(kh):
        for q in range(kw):
            if w[p, q]:
                y += padded[..., p : p + h, q : q + width] * x.dtype.type(w[p, q])
    return y


def sobel(image: Array) -> Array:
    """Return the length of the gradient by Sobel's filters, sqrt(gx^2 + gy^2), of each plane of an image.

    Source: I. Sobel, G. Feldman, "A 3x3 isotropic gradient operator for image processing", 1968.
    """
    return np.hypot(correlate(image, SOBEL_X), correlate(image, SOBEL_Y))


def prewitt(image: Array) -> Array:
    """Return the length of the gradient by Prewitt's filters, of each plane of an image.

    Source: J. Prewitt, "Object enhancement and extraction", in Picture Processing and Psychopictorics, 1970.
    """
    return np.hypot(correlate(image, PREWITT_X), correlate(image, PREWITT_Y))


def gabor_kernel(
    size: int = 15,
    theta: float = 0.0,
    wavelength: float = 6.0,
    sigma: float | None = None,
    gamma: float = 0.5,
    phase: float = 0.0,
) -> Array:
    """Return a wave under a bell: exp(-(u^2 + gamma^2 v^2) / (2 sigma^2)) cos(2 pi u / wavelength + phase).

    The kernel has ``size`` x ``size`` values. (u, v) are the coordinates (x, y) turned by ``theta``; the wave runs
    along u, so theta = 0 answers to vertical stripes. ``sigma`` is 0.56 wavelengths (one octave wide) if None.

    Source: D. Gabor 1946; in two dimensions J. Daugman, J. Optical Society of America A 2(7), 1985.
    """
    if size < 1 or size % 2 == 0 or wavelength <= 0 or (sigma is not None and sigma <= 0):
        raise ArgumentError(
            f"gabor_kernel: got size={size}, wavelength={wavelength}, sigma={sigma}; give an odd size, and a "
            "wavelength and sigma above zero"
        )
    s = 0.56 * wavelength if sigma is None else sigma
    line = np.arange(size) - size // 2
    y, x = np.meshgrid(line, line, indexing="ij")
    u = x * math.cos(theta) + y * math.sin(theta)
    v = -x * math.sin(theta) + y * math.cos(theta)
    bell = np.exp(-(u**2 + (gamma * v) ** 2) / (2 * s**2))
    return np.asarray(bell * np.cos(2 * math.pi * u / wavelength + phase))


def gabor(
    image: Array, orientations: int = 4, size: int = 15, wavelength: float = 6.0, sigma: float | None = None
) -> Array:
    """Return the energy of Gabor waves in evenly spaced directions: (..., H, W) to (..., orientations, H, W).

    The image is correlated with `gabor_kernel`, which explains ``size``, ``wavelength`` and ``sigma``.

    The energy is the length of the answers to an even and an odd wave, and does not depend on where in its period a
    stripe lies. The even wave is shifted to a sum of zero, so that flat ground gives no answer.
    """
    if orientations < 1:
        raise ArgumentError(f"gabor: orientations is {orientations}; give at least 1")
    answers = []
    for k in range(orientations):
        theta = math.pi * k / orientations
        even = gabor_kernel(size, theta, wavelength, sigma)
        odd = gabor_kernel(size, theta, wavelength, sigma, phase=-math.pi / 2)
        answers.append(np.hypot(correlate(image, even - even.mean()), correlate(image, odd - odd.mean())))
    return np.stack(answers, -3)


def hog(
    image: Array,
    orientations: int = 9,
    cell: int = 8,
    block: int = 2,
    norm: Literal["l2", "l2-hys", "none"] = "l2-hys",
    eps: float = 1e-5,
) -> Array:
    """Return histograms of oriented gradients, one vector for each image.

    Centred differences give each pixel a length and a direction without sign, 0 to 180 degrees; of several channels
    the one with the longest gradient speaks. Each pixel votes with its length, for the two nearest of ``orientations``
    directions in proportion, in the histogram of its cell. Blocks of ``block`` x ``block`` cells, one cell apart, are
    brought to the same length and put one behind the other.

    Parameters
    ----------
    image : (H, W), (C, H, W) or (N, C, H, W); what does not fill a cell at the right and below is left out.
    cell : side of a cell in pixels.
    norm : ``"l2"`` divides a block by sqrt(length^2 + eps^2); ``"l2-hys"`` then cuts at 0.2 and divides again.

    Returns
    -------
    (F,) or (N, F), F = (H/cell - block + 1) (W/cell - block + 1) block^2 orientations; for 32 x 32 images and cells of
    8, 4, 2 pixels: 324, 1764, 8100.

    Source: N. Dalal, B. Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005, section 6.
    """
    x = _floating("hog", image)
    if x.ndim > 4:
        raise ShapeError(f"hog: image has shape {x.shape}; give (H, W), (C, H, W) or (N, C, H, W)")
    if norm not in ("l2", "l2-hys", "none"):
        raise ArgumentError(f"hog: norm is {norm!r}; give 'l2', 'l2-hys' or 'none'")
    if orientations < 1 or cell < 1 or block < 1:
        raise ArgumentError(f"hog: got orientations={orientations}, cell={cell}, block={block}; give at least 1")
    single = x.ndim < 4
    x = x.reshape((1,) * (4 - x.ndim) + x.shape)
    rows, columns = x.shape[2] // cell, x.shape[3] // cell
    if min(rows, columns) < block:
        raise ShapeError(
            f"hog: an image of {x.shape[2]} x {x.shape[3]} has {rows} x {columns} cells of {cell} pixels, a block "
            f"{block} x {block}; give at least {block * cell} pixels a side"
        )
    length, angle = _gradients(x)
    votes = _votes(length, angle, orientations)[:, :, : rows * cell, : columns * cell]
    cells = votes.reshape(len(x), orientations, rows, cell, columns, cell).sum((3, 5)).transpose(0, 2, 3, 1)
    windows = np.lib.stride_tricks.sliding_window_view(cells, (block, block), (1, 2))
    blocks = windows.transpose(0, 1, 2, 4, 5, 3).reshape(len(x), rows - block + 1, columns - block + 1, -1)
    if norm != "none":
        blocks = unit(blocks, eps)
    if norm == "l2-hys":
        blocks = unit(np.minimum(blocks, 0.2), eps)
    y = blocks.reshape(len(x), -1)
    return y[0] if single else y


def _gradients(x: Array) -> tuple[Array, Array]:
    """Return length and direction (N, H, W) of the longest gradient over the channels; 0 <= direction < pi."""
    gx, gy = np.zeros_like(x), np.zeros_like(x)
    gx[..., 1:-1] = x[..., 2:] - x[..., :-2]
    gy[..., 1:-1, :] = x[..., 2:, :] - x[..., :-2, :]
    length = np.hypot(gx, gy)
    best = length.argmax(1)[:, None]
    gx, gy, length = (np.take_along_axis(a, best, 1)[:, 0] for a in (gx, gy, length))
    return length, np.arctan2(gy, gx) % math.pi


def _votes(length: Array, angle: Array, orientations: int) -> Array:
    """Return (N, orientations, H, W): each length shared by the two directions between whose centres it lies."""
    at = angle * (orientations / math.pi) - 0.5
    low = np.floor(at)
    share = at - low
    first = low.astype(np.int64) % orientations
    y = np.zeros((length.shape[0], orientations, *length.shape[1:]), length.dtype)
    for k in range(orientations):
        y[:, k] = np.where(first == k, length * (1 - share), 0)
        y[:, k] += np.where((first + 1) % orientations == k, length * share, 0)
    return y


def unit(x: Array, eps: float) -> Array:
    """Return the rows of x divided by their length, which ``eps`` keeps from being zero."""
    return x / np.sqrt((x * x).sum(-1, keepdims=True) + eps * eps)


def _floating(name: str, image: Array) -> Array:
    x = np.asarray(image)
    if x.ndim < 2:
        raise ShapeError(f"{name}: image has shape {x.shape}; give (H, W), (C, H, W) or (N, C, H, W)")
    return x if x.dtype.kind == "f" else x.astype(np.float32)
