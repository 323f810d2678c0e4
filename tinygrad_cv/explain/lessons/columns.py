"""im2col: windows become columns of a matrix, and the convolution a matrix product."""

from __future__ import annotations

import numpy as np

from tinygrad_cv import functional as F
from tinygrad_cv.explain.lessons.film import Film, Scene
from tinygrad_cv.explain.lessons.grids import CELL, MADE, SEEN, cell, empty, factor, grid, place, words
from tinygrad_cv.explain.lessons.windows import LEFT, TOP, image
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.svg import INK, MUTED

KERNEL = np.array([[1, -1], [2, 0]], np.float32)


def film() -> Film:
    """A 2 x 2 filter over a 4 x 4 image: ``unfold``, then a product with the filter as a row."""
    x, w = image(4), KERNEL
    columns = F.unfold(Tensor(x[None, None]), 2)[0]
    row = Tensor(w.reshape(1, 4))
    product = np.asarray((row @ columns)._data)[0]
    y = np.asarray(F.conv2d(Tensor(x[None, None]), Tensor(w[None, None]))._data)[0, 0]
    made = np.asarray(columns._data)
    count = made.shape[1]
    right = LEFT + 4 * CELL + 60 + 4 * CELL + 36
    low = TOP + 5 * CELL + 36
    base = Scene()
    base.text(LEFT, 28, "im2col: a convolution as one matrix product", 16, INK, bold=True)
    grid(base, LEFT, TOP, x, "image 4×4")
    grid(base, LEFT, low, w, "filter 2×2")
    grid(base, right - 4 * CELL - 20, low, w.reshape(1, 4), "the filter as a row")
    empty(base, right, TOP, (4, count), f"the windows as columns, 4×{count}")
    empty(base, right, low, (1, count), "row times columns")
    said = low + 3 * CELL + 10
    frames = []
    for k in range(count):
        scene = Scene()
        r, c = divmod(k, y.shape[1])
        for i, j in np.ndindex(2, 2):
            cell(scene, LEFT, TOP, r + i, c + j, float(x[r + i, c + j]), *SEEN)
        scene.rect(*place(LEFT, TOP, r, c), 2 * CELL, 2 * CELL, stroke=SEEN[1], thick=2.6)
        _columns(scene, right, made, k + 1, k)
        scene.text(LEFT, said, f"window {k + 1} of {count}: its four numbers become column {k + 1}", 13)
        frames.append(scene)
    for k in range(count):
        scene = Scene()
        _columns(scene, right, made, count, k)
        for before in range(k + 1):
            cell(scene, right, low, 0, before, float(product[before]), *MADE, 2.6 if before == k else 1.0)
        terms = " + ".join(f"{factor(float(a))}·{words(float(b))}" for a, b in zip(w.ravel(), made[:, k]))
        scene.text(LEFT, said, f"{terms} = {words(float(product[k]))}", 13)
        frames.append(scene)
    scene = Scene()
    _columns(scene, right, made, count, -1)
    for k in range(count):
        cell(scene, right, low, 0, k, float(product[k]), *MADE)
    for (r, c), value in np.ndenumerate(y):
        cell(scene, right + (count + 1) * CELL, TOP, r, c, float(value), *MADE)
    scene.text(right + (count + 1) * CELL, TOP - 9, "as an image", 12, MUTED, bold=True)
    words_ = f"the image has 16 numbers, the columns {made.size}: memory is the price of the one large product"
    scene.text(LEFT, said, words_, 13)
    frames.append(scene)
    explained = "Windows overlap, so most numbers are copied several times; then one fast product does all the work."
    title = "im2col: a convolution as one matrix product"
    return Film(title, explained, right + (count + 5) * CELL, said + 24, base, frames, 0.8)


def _columns(scene: Scene, x: float, made: Array, count: int, now: int) -> None:
    for column in range(count):
        for row in range(len(made)):
            cell(scene, x, TOP, row, column, float(made[row, column]), *SEEN, 2.6 if column == now else 1.0)
