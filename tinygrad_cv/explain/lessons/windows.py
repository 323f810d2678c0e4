"""A filter slides over an image: plainly, with padding, with a stride, with dilation."""

from __future__ import annotations

import numpy as np

from tinygrad_cv import functional as F
from tinygrad_cv.explain.lessons.film import Film, Scene
from tinygrad_cv.explain.lessons.grids import CELL, MADE, SEEN, cell, empty, factor, grid, place, words
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.svg import INK, MUTED

KERNEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32)
LEFT, TOP = 24.0, 66.0


def image(size: int) -> Array:
    """The picture that the lessons look at: small whole numbers, always the same."""
    return np.random.default_rng(3).integers(0, 6, (size, size)).astype(np.float32)


def film(size: int = 5, padding: int = 0, stride: int = 1, dilation: int = 1) -> Film:
    """A 3 x 3 filter over a square image; every number comes from ``conv2d`` and ``unfold``."""
    x, w = image(size), KERNEL
    given, weight = Tensor(x[None, None]), Tensor(w[None, None])
    y = np.asarray(F.conv2d(given, weight, None, stride, padding, dilation)._data)[0, 0]
    windows = np.asarray(F.unfold(given, 3, dilation, padding, stride)._data)[0].T  # one row for each window
    side = size + 2 * padding
    middle, right = LEFT + side * CELL + 44, LEFT + side * CELL + 44 + 3 * CELL + 44
    width = max(right + y.shape[1] * CELL, LEFT + 600) + 24
    below = TOP + max(side, y.shape[0], 3) * CELL + 34
    settings = [f"padding {padding}"] * (padding > 0) + [f"stride {stride}"] * (stride > 1)
    settings += [f"dilation {dilation}"] * (dilation > 1)
    title = "A filter slides over an image" + (": " + ", ".join(settings) if settings else "")
    base = Scene()
    base.text(LEFT, 28, title, 16, INK, bold=True)
    grid(base, LEFT, TOP, x, f"image {size}×{size}" + (", with zeros around" if padding else ""), padding)
    grid(base, middle, TOP, w, "filter 3×3")
    empty(base, right, TOP, (y.shape[0], y.shape[1]), f"result {y.shape[0]}×{y.shape[1]}")
    span = dilation * 2 + 1
    rule = f"({size} + 2·{padding} - {span}) // {stride} + 1 = {y.shape[0]}"
    base.text(LEFT, below + 52, f"size of the result: {rule}", 12, MUTED)
    frames = []
    for k, window in enumerate(windows):
        row, column = divmod(k, y.shape[1])
        scene = Scene()
        corner = place(LEFT, TOP, row * stride, column * stride)
        for i in range(3):
            for j in range(3):
                at = row * stride + i * dilation, column * stride + j * dilation
                cell(scene, LEFT, TOP, *at, float(window[3 * i + j]), *SEEN)
        scene.rect(*corner, span * CELL, span * CELL, stroke=SEEN[1], thick=2.6)
        for before in range(k + 1):
            r, c = divmod(before, y.shape[1])
            now = before == k
            cell(scene, right, TOP, r, c, float(y[r, c]), *MADE, 2.6 if now else 1.0)
        terms = " + ".join(f"{words(float(a))}·{factor(float(b))}" for a, b in zip(window, w.ravel()))
        scene.text(LEFT, below, f"{terms} = {words(float(y[row, column]))}", 13.5)
        where = f"row {row}, column {column} of the result looks at rows {row * stride - padding} to "
        where += f"{row * stride - padding + span - 1} of the image"
        scene.text(LEFT, below + 26, where, 12, MUTED)
        frames.append(scene)
    said = "Each number of the result is the sum of nine products: the numbers in the window times those of the filter."
    return Film(title, said, width, below + 74, base, frames, 0.8)
