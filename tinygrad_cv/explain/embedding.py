"""Where a network puts images: the values below its last layer, seen from the side on which they differ most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_cv.explain.recording import Recording, as_images, record
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.svg import FAINT, MUTED, PAPER, SERIES, Picture, shorten

COLORS = (*SERIES[:5], "#7b3f00", "#4a90c2", "#e377c2", "#7f7f7f", "#8c9a00")
SIDE, LEFT, TOP = 420.0, 24.0, 52.0


def embed(model: Callable[[Any], Any], images: Any, layer: str | None = None, batch: int = 256) -> Array:
    """What a layer makes of many images, one row each: (N, F).

    Parameters
    ----------
    model : a network; it runs in evaluation mode and stays as it was.
    images : (N, C, H, W).
    layer : a name from ``record(...).names``; without one, what the last linear layer is given.
    batch : images at a time.
    """
    x = as_images(images)
    rows = []
    for start in range(0, len(x), batch):
        found = record(model, x[start : start + batch], values=True)
        node = found.find(layer) if layer is not None else _below_the_last(found)
        rows.append(found.values[node].reshape(len(found.input), -1))
    return np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)


def _below_the_last(found: Recording) -> Any:
    last = next((n for n in reversed(found.nodes) if n.op.name in ("Linear", "MatMul")), None)
    node = None if last is None else last.inputs[0]
    if node not in found.values:
        raise ArgumentError("embed: no linear layer with something below it was found; name a layer")
    return node


def principal_components(rows: Any, count: int = 2) -> tuple[Array, Array]:
    """Project rows (N, F) on the directions in which they differ most.

    X - mean = U S V^T; the projections are the first columns of U S. Each column's sign is chosen so that its largest
    number is positive.

    Parameters
    ----------
    rows : (N, F), at least two.
    count : how many directions.

    Returns
    -------
    The projections (N, count), and the share of the variance along each direction.

    Source: K. Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
    """
    x = np.asarray(getattr(rows, "_data", rows), np.float64)
    if x.ndim != 2 or min(x.shape) < 1 or len(x) < 2 or not 1 <= count <= min(x.shape):
        raise ShapeError(f"principal_components: rows are {x.shape} for {count} directions; give more rows (N, F)")
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    found = u[:, :count] * s[:count]
    ends = found[np.abs(found).argmax(0), np.arange(count)]
    total = float((s * s).sum()) or 1.0
    return found * np.where(ends < 0, -1, 1), s[:count] ** 2 / total


def draw_embedding(
    rows: Any, labels: Any, *, names: Sequence[str] | None = None, title: str = "Where the network puts images"
) -> Chart:
    """Draw the rows of `embed` as points, by their two principal components, coloured by class.

    Parameters
    ----------
    rows : (N, F).
    labels : the class of each row, whole numbers.
    names : a word for each class.
    title : written above.
    """
    points, shares = principal_components(rows)
    classes = np.asarray(getattr(labels, "_data", labels)).astype(int)
    if classes.shape != (len(points),):
        raise ShapeError(f"draw_embedding: {len(points)} rows have labels of shape {classes.shape}; give one for each")
    known = sorted(set(classes.tolist()))
    picture = Picture(LEFT + SIDE + 150, TOP + SIDE + 42, title, f"{len(points)} images of {len(known)} classes.")
    picture.text(LEFT, 24, title, 15, font_weight=600)
    held = f"they hold {shares[0]:.0%} and {shares[1]:.0%} of the variance"
    picture.text(LEFT, 42, f"two directions of {np.asarray(rows).shape[1]}; {held}", 11, fill=MUTED)
    picture.rect(LEFT, TOP, SIDE, SIDE, fill="none", stroke=FAINT)
    low, high = points.min(0), points.max(0)
    reach = float((high - low).max()) or 1.0
    places = (points - (low + high) / 2) * (0.94 / reach) * (1, -1) + 0.5
    places = (LEFT, TOP) + SIDE * places
    for (x, y), label in zip(places, classes):
        color = COLORS[known.index(label) % len(COLORS)]
        picture.add("circle", cx=float(x), cy=float(y), r=2.8, fill=color, fill_opacity=0.75)
    for k, label in enumerate(known):
        name = str(names[label]) if names is not None and label < len(names) else str(label)
        here = places[classes == label]
        x, y = here.mean(0)
        color = COLORS[k % len(COLORS)]
        halo = {"stroke": PAPER, "stroke_width": 4, "paint_order": "stroke"}
        style = {"anchor": "middle", "fill": color, "font_weight": 700, **halo}
        picture.text(x, y + 5, shorten(name, 70, 14), 14, **style)
        picture.add("circle", cx=LEFT + SIDE + 22, cy=TOP + 8 + 19.0 * k, r=5, fill=color)
        picture.text(LEFT + SIDE + 34, TOP + 12 + 19 * k, shorten(f"{name}  ({len(here)})", 110, 11.5), 11.5)
    return Chart(str(picture))
