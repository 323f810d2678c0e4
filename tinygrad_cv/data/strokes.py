"""Digits drawn by a pen that follows written forms, for networks that shall read what somebody draws.

The scans of `Digits` come from 43 writers of one country, nearly all of whom cross their sevens; who draws a plain one
is misread. Here each digit has the forms that are taught in schools, each time warped in another way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_cv.data.resample import resize
from tinygrad_cv.data.vision import ArrayImages, Function, Root
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array

Point = tuple[float, float]
Stroke = list[Point]

GRID, CELLS = 32, 8
"""A drawing is a bitmap of 32 x 32, counted in blocks of 4 x 4 pixels, as the scans of `Digits` were."""


class Strokes(ArrayImages):
    """Pen-drawn digits, ten classes, made anew from a seed: nothing to download.

    Parameters
    ----------
    root
        Not needed; accepted so that the call looks like that of the other data sets.
    train
        Two parts with no drawing in common: both follow `FORMS`, with other warps.
    transform, target_transform
        Applied to each PIL image and label.
    count
        Drawings, the ten digits in turn.
    size
        Side of the images, 8 or more, enlarged from 8 x 8 as those of `Digits` are.

    Attributes
    ----------
    data
        uint8, (count, size, size), 0 is background and 255 full ink.

    Examples
    --------
    >>> Strokes(count=20).data.shape
    (20, 28, 28)
    """

    classes = [str(k) for k in range(10)]

    def __init__(
        self,
        root: Root = None,
        train: bool = True,
        transform: Function = None,
        target_transform: Function = None,
        count: int = 2000,
        size: int = 28,
    ) -> None:
        super().__init__(root, transform, target_transform)
        if not 8 <= size <= 512 or count < 1:
            raise ArgumentError(f"Strokes: got count={count}, size={size}; give at least one, of 8 to 512 pixels")
        self.train = train
        generator = np.random.default_rng((0, int(train)))
        self.targets = np.arange(count, dtype=np.int64) % 10
        small = np.stack([_drawing(int(digit), generator) for digit in self.targets])[:, None]
        self.data = np.rint(np.clip(resize(small, (size, size)), 0, 1) * 255).astype(np.uint8)[:, 0]
        self.check(10)


def _arc(x: float, y: float, width: float, height: float, start: float, end: float) -> Stroke:
    """A piece of an ellipse around (x, y); angles in degrees, clockwise from the right."""
    angles = np.radians(np.linspace(start, end, max(3, round(abs(end - start) / 30) + 1)))
    return [(x + width * float(np.cos(a)), y + height * float(np.sin(a))) for a in angles]


STEM: Stroke = [(0.5, 0), (0.5, 1)]
FORMS: list[list[list[Stroke]]] = [
    [[_arc(0.5, 0.5, 0.36, 0.5, -90, 270)], [_arc(0.5, 0.5, 0.48, 0.5, -70, 290)]],
    [[STEM], [[(0.25, 0.28), (0.5, 0), (0.5, 1)]], [[(0.25, 0.25), (0.5, 0), (0.5, 1)], [(0.25, 1), (0.75, 1)]]],
    [
        [[*_arc(0.5, 0.3, 0.35, 0.3, -170, 30), (0.12, 1), (0.9, 1)]],
        [[*_arc(0.5, 0.28, 0.33, 0.28, -160, 40), *_arc(0.28, 0.86, 0.14, 0.12, 20, 290), (0.6, 0.95), (0.95, 0.92)]],
    ],
    [
        [[*_arc(0.42, 0.25, 0.35, 0.25, -150, 90), *_arc(0.42, 0.75, 0.4, 0.25, -90, 150)]],
        [[(0.12, 0), (0.82, 0), (0.42, 0.42), *_arc(0.42, 0.7, 0.4, 0.3, -80, 150)]],
    ],
    [
        [[(0.3, 0), (0.1, 0.6), (0.95, 0.6)], [(0.7, 0.25), (0.7, 1)]],
        [[(0.65, 1), (0.65, 0), (0.05, 0.68), (0.95, 0.68)]],
        [[(0.15, 0), (0.15, 0.5), (0.8, 0.5)], [(0.8, 0), (0.8, 1)]],
    ],
    [
        [[(0.85, 0), (0.2, 0), (0.15, 0.45), *_arc(0.42, 0.7, 0.42, 0.3, -100, 150)]],
        [[(0.2, 0), (0.15, 0.42), *_arc(0.42, 0.7, 0.42, 0.3, -90, 140)], [(0.2, 0), (0.9, 0.02)]],
    ],
    [
        [[(0.7, 0), (0.3, 0.35), (0.13, 0.68), *_arc(0.48, 0.73, 0.35, 0.27, 180, -180)]],
        [[(0.85, 0.08), (0.5, 0.02), (0.2, 0.3), (0.12, 0.7), *_arc(0.5, 0.73, 0.38, 0.27, 170, -190)]],
    ],
    [
        [[(0.08, 0), (0.9, 0), (0.4, 1)]],
        [[(0.08, 0.02), (0.88, 0), (0.6, 0.4), (0.5, 1)]],
        [[(0.08, 0.2), (0.1, 0), (0.9, 0), (0.45, 1)]],
        [[(0.08, 0), (0.9, 0), (0.4, 1)], [(0.3, 0.5), (0.9, 0.5)]],
    ],
    [
        [_arc(0.5, 0.24, 0.28, 0.24, 90, 450), _arc(0.5, 0.74, 0.36, 0.26, -90, 270)],
        [[*_arc(0.5, 0.26, 0.3, 0.26, -30, -260), *_arc(0.5, 0.76, 0.34, 0.24, -60, 240), (0.78, 0.1)]],
    ],
    [
        [[*_arc(0.45, 0.3, 0.35, 0.3, -20, -380), (0.75, 1)]],
        [[*_arc(0.48, 0.28, 0.36, 0.28, 0, -360), (0.84, 0.6), *_arc(0.5, 0.72, 0.34, 0.28, 0, 140)]],
        [[*_arc(0.45, 0.28, 0.33, 0.28, -10, -370), (0.55, 1)]],
    ],
]
"""For each digit its forms; a form is strokes, a stroke is points (x, y), right and down from the upper left corner."""


def _drawing(digit: int, generator: np.random.Generator) -> Array:
    """One drawing as float32, (8, 8) in [0, 1], which its ink fills in height or in width."""
    forms = FORMS[digit]
    form = forms[generator.integers(len(forms))]
    turn, lean, slim = generator.normal(0, 0.12), generator.normal(0.1, 0.2), np.exp(generator.normal(-0.2, 0.2))
    cos, sin = np.cos(turn), np.sin(turn)
    warp = np.array([[cos, -sin], [sin, cos]]) @ np.array([[slim, -lean], [0, 1]])
    wobble = 0.03
    strokes = [(np.array(stroke) + generator.normal(0, wobble, (len(stroke), 2))) @ warp.T for stroke in form]
    bitmap = _bitmap(strokes, float(generator.uniform(0.05, 0.09)))
    counts = bitmap.reshape(CELLS, GRID // CELLS, CELLS, GRID // CELLS).mean((1, 3), dtype=np.float32)
    return counts / counts.max()


def _bitmap(strokes: Sequence[Array], radius: float) -> Array:
    """What a round pen of ``radius`` (of the larger side) covers of a bitmap that the strokes just fill."""
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    scale = (1 - 2 * radius) / float((high - low).max())
    shift = 0.5 - scale * (low + high) / 2
    starts = np.concatenate([scale * s[:-1] + shift for s in strokes])
    along = np.concatenate([scale * s[1:] + shift for s in strokes]) - starts
    centre = (np.arange(GRID) + 0.5) / GRID
    pixels = np.stack(np.broadcast_arrays(centre, centre[:, None]), -1)[:, :, None]  # (row, column, 1, xy)
    length = np.maximum((along**2).sum(1), 1e-12)
    nearest = np.clip(((pixels - starts) * along).sum(-1) / length, 0, 1)
    distance = ((pixels - starts - nearest[..., None] * along) ** 2).sum(-1).min(-1)
    return distance <= radius**2
