"""Pooling, forward and back: which numbers win, and where their gradients go."""

from __future__ import annotations

import numpy as np

from tinygrad_cv import functional as F
from tinygrad_cv.autograd import enable_grad, grad
from tinygrad_cv.explain.lessons.film import Film, Scene
from tinygrad_cv.explain.lessons.grids import CELL, MADE, SEEN, WON, cell, empty, grid, place, words
from tinygrad_cv.explain.lessons.windows import LEFT, TOP
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.viz.svg import INK, MUTED

IMAGE = np.array([[1, 4, 0, 2, 3], [5, 2, 3, 1, 0], [9, 0, 3, 4, 1], [3, 1, 2, 0, 6], [0, 7, 1, 5, 2]], np.float32)
ARRIVES = np.array([[1, 2], [3, 4]], np.float32)


def film(average: bool = False) -> Film:
    """Windows of 3 x 3 two pixels apart, so that they overlap; gradients are those of the library's reverse pass."""
    with enable_grad():
        x = Tensor(IMAGE[None, None].copy(), requires_grad=True)
        y = F.avg_pool2d(x, 3, 2) if average else F.max_pool2d(x, 3, 2)
    result = np.asarray(y._data)[0, 0]
    kind = "Average pooling" if average else "Max pooling"
    middle = LEFT + 5 * CELL + 60
    right = middle + 2 * CELL + 60
    below = TOP + 5 * CELL + 34
    base = Scene()
    base.text(LEFT, 28, f"{kind}, forward and back", 16, INK, bold=True)
    grid(base, LEFT, TOP, IMAGE, "image 5×5")
    empty(base, middle, TOP, (2, 2), "result 2×2")
    frames = []
    for k in range(4):
        r, c = divmod(k, 2)
        scene = Scene()
        part = IMAGE[2 * r : 2 * r + 3, 2 * c : 2 * c + 3]
        for i, j in np.ndindex(3, 3):
            wins = not average and part[i, j] == result[r, c]
            colors = WON if wins else SEEN
            cell(scene, LEFT, TOP, 2 * r + i, 2 * c + j, float(part[i, j]), *colors)
        scene.rect(*place(LEFT, TOP, 2 * r, 2 * c), 3 * CELL, 3 * CELL, stroke=SEEN[1], thick=2.6)
        for before in range(k + 1):
            cell(scene, middle, TOP, *divmod(before, 2), float(result.flat[before]), *MADE)
        numbers = ", ".join(words(float(v)) for v in part.ravel())
        what = "the mean" if average else "the largest"
        scene.text(LEFT, below, f"forward: {what} of {numbers} is {words(float(result[r, c]))}", 13)
        frames.append(scene)
    held = np.zeros_like(IMAGE)
    for k in range(4):
        r, c = divmod(k, 2)
        seed = np.zeros_like(ARRIVES)
        seed.flat[: k + 1] = ARRIVES.flat[: k + 1]
        (g,) = grad(y, x, Tensor(seed[None, None]), retain_graph=True)
        gx = np.asarray(g._data)[0, 0]
        scene = Scene()
        for (i, j), value in np.ndenumerate(result):
            cell(scene, middle, TOP, i, j, float(value), *MADE)
        scene.text(middle, TOP + 2 * CELL + 30, "its gradient", 12, MUTED, bold=True)
        for (i, j), value in np.ndenumerate(ARRIVES):
            now = (i, j) == (r, c)
            cell(scene, middle, TOP + 2 * CELL + 39, i, j, float(value), *MADE, 2.6 if now else 1.0)
        scene.text(right, TOP - 9, "gradient of the image", 12, MUTED, bold=True)
        for (i, j), value in np.ndenumerate(gx):
            changed = value != held[i, j]
            fill, line = WON if changed else SEEN if value else ("#ffffff", "#b8c2cc")
            cell(scene, right, TOP, i, j, float(value), fill, line, 2.6 if changed else 1.0)
        scene.rect(*place(right, TOP, 2 * r, 2 * c), 3 * CELL, 3 * CELL, stroke=WON[1], thick=2.0, dashed=True)
        amount = words(float(ARRIVES[r, c]))
        goes = f"a ninth of {amount} goes to every pixel" if average else f"{amount} goes to the pixel that won"
        shared = int(((gx != held) & (held != 0)).sum())
        adds = f"; {shared} of them had some already, and it adds up" if shared > 1 else ""
        adds = "; it had some already, and it adds up" if shared == 1 else adds
        scene.text(LEFT, below, f"back: {goes}{adds}", 13)
        frames.append(scene)
        held = gx
    said = "Forward, each window gives one number. Back, a window's gradient goes to the pixels that made the number."
    return Film(f"{kind}, forward and back", said, right + 5 * CELL + 24, below + 28, base, frames, 1.2)
