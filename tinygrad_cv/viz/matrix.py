"""The confusion matrix: what was there against what the network said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.svg import INK, MUTED, PAPER, Picture, shorten, text_width

RIGHT, WRONG = (0, 90, 156), (190, 72, 0)
MOST_NUMBERS, MOST_PAIRS = 30, 12


def count_confusions(labels: Any, predictions: Any, classes: int | None = None) -> Array:
    """Count how often each class (row) was taken for each class (column).

    ``labels`` and ``predictions`` are class numbers (n,); ``classes`` is how many there are, the largest number + 1 if
    None.

    >>> count_confusions([0, 0, 1], [0, 1, 1])
    array([[1, 1],
           [0, 1]])
    """
    true, said = (
        np.asarray(getattr(v, "_data", v)).reshape(-1).astype(np.int64) for v in (labels, predictions)
    )
    if true.shape != said.shape:
        raise ShapeError(
            f"count_confusions: {len(true)} labels but {len(said)} predictions; give one prediction per label"
        )
    seen = int(max(true.max(initial=-1), said.max(initial=-1))) + 1
    n = seen if classes is None else classes
    if seen > n or min(true.min(initial=0), said.min(initial=0)) < 0:
        raise ArgumentError(
            f"count_confusions: a class lies outside 0..{n - 1}; the largest is {seen - 1}, "
            f"give classes={seen}"
        )
    return np.bincount(true * n + said, minlength=n * n).reshape(n, n)


def confusion(counts: Any, names: Sequence[str] | None = None, *, title: str = "Confusion matrix") -> Chart:
    """Draw a confusion matrix.

    Rows are the true classes, columns the predicted ones. A cell holds its count; its shade is the share of
    its row, blue on the diagonal and orange beside it, where the square root keeps rare confusions visible.
    The margins hold recall (per row) and precision (per column). Above 30 classes the numbers give way to a
    list of the commonest confusions.

    Parameters
    ----------
    counts : (K, K) array of counts, true class by predicted class (see `count_confusions`).
    names : the K names of the classes; without them, their numbers.
    title : written above.

    Returns
    -------
    Chart
    """
    table = np.asarray(getattr(counts, "_data", counts))
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ShapeError(f"confusion: counts has the shape {table.shape}; give a square array, (K, K)")
    k = len(table)
    labels = [str(i) for i in range(k)] if names is None else [str(n) for n in names]
    if len(labels) != k:
        raise ShapeError(f"confusion: counts is {k} x {k} but there are {len(labels)} names; give {k} names")
    rows, columns, right = table.sum(1), table.sum(0), np.diagonal(table)
    total, hits = int(table.sum()), int(right.sum())
    accuracy = (
        f"{100 * hits / total:.2f} % right, {total - hits} of {total} wrong" if total else "no examples"
    )
    pairs = _commonest(table)
    worst = "; ".join(f"{labels[i]} taken for {labels[j]} {table[i, j]} times" for i, j in pairs[:3])
    description = f"{accuracy}. Commonest confusions: {worst or 'none'}."

    dense = k > MOST_NUMBERS
    widest = len(str(int(table.max(initial=0))))
    cell = max(4.0, 620 / max(1, k)) if dense else max(34.0 if k <= 12 else 24.0, 7.0 * widest + 8)
    cell = min(cell, 12.0) if dense else cell
    size = 12.0 if cell >= 34 else 9.5
    label_size = min(11.0, max(5.0, cell - 1.5)) if dense else 11.0
    every = 1 if (names is not None or not dense) else 10
    room = min(150.0, max((text_width(n, label_size) for n in labels), default=0))
    level = not dense and room <= cell + 2  # column names fit side by side, so they need not be turned
    left, top = max(42 + room, 62.0), 74 + (16.0 if level else room + 8)
    side = cell * k
    margin = 60.0 if not dense else 40.0 + (230.0 if pairs else 0.0)
    picture = Picture(
        max(left + side + margin, left + 300), top + side + (44 if not dense else 24), title, description
    )
    picture.text(left, 24, title, 15, font_weight=600)
    picture.text(left, 43, accuracy, 11.5, fill=MUTED)
    picture.text(left + side / 2, 65, "predicted", 11, anchor="middle", fill=MUTED)
    turned = f"rotate(-90 18 {top + side / 2:.1f})"
    picture.text(18, top + side / 2, "true", 11, anchor="middle", fill=MUTED, transform=turned)

    picture.rect(left, top, side, side, fill="#f4f6f8")
    shares = table / np.maximum(rows, 1)[:, None]
    for i in range(k):
        for j in range(k):
            if table[i, j]:
                _cell(
                    picture,
                    left + j * cell,
                    top + i * cell,
                    cell,
                    int(table[i, j]),
                    float(shares[i, j]),
                    i == j,
                    0 if dense else size,
                    f"{labels[i]} → {labels[j]}: {table[i, j]} ({100 * shares[i, j]:.1f} %)",
                )
    for i in range(0, k, every):
        middle = top + (i + 0.5) * cell
        picture.text(
            left - 8,
            middle + label_size * 0.35,
            shorten(labels[i], room, label_size),
            label_size,
            anchor="end",
        )
        x = left + (i + 0.5) * cell
        if level:
            picture.text(x, top - 8, labels[i], label_size, anchor="middle")
        else:
            x += label_size * 0.35
            turned = f"rotate(-90 {x:.1f} {top - 7:.1f})"
            picture.text(x, top - 7, shorten(labels[i], room, label_size), label_size, transform=turned)
    if dense:
        _list(picture, left + side + 28, top, pairs, labels, table)
    else:
        _margins(
            picture,
            left,
            top,
            cell,
            right / np.maximum(rows, 1),
            right / np.maximum(columns, 1),
            rows,
            columns,
        )
    return Chart(str(picture))


def _commonest(table: Array) -> list[tuple[int, int]]:
    """The cells beside the diagonal with the largest counts, largest first."""
    wrong = table * (1 - np.eye(len(table), dtype=table.dtype))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    return [
        (int(i), int(j))
        for i, j in zip(*np.unravel_index(order, table.shape), strict=True)
        if wrong[i, j] > 0
    ]


def _cell(
    picture: Picture,
    x: float,
    y: float,
    cell: float,
    count: int,
    share: float,
    right: bool,
    size: float,
    tip: str,
) -> None:
    strength = share**1.5 * 0.92 + 0.08 if right else min(1.0, 0.1 + 1.3 * share**0.5)
    shade = [round(255 + (c - 255) * strength) for c in (RIGHT if right else WRONG)]
    gap = 0.5 if cell > 8 else 0.0
    color = "#{:02x}{:02x}{:02x}".format(*shade)
    picture.rect(x + gap, y + gap, cell - 2 * gap, cell - 2 * gap, fill=color, tip=tip)
    if size:
        ink = PAPER if strength > 0.55 else INK
        picture.text(x + cell / 2, y + cell / 2 + size * 0.36, str(count), size, anchor="middle", fill=ink)


def _margins(
    picture: Picture,
    left: float,
    top: float,
    cell: float,
    recall: Array,
    precision: Array,
    rows: Array,
    columns: Array,
) -> None:
    """Recall to the right of the rows, precision below the columns."""
    side = cell * len(recall)
    size = 10 if cell >= 30 else 8
    picture.text(left + side + 10, top - 8, "recall", 10.5, fill=MUTED)
    picture.text(left - 8, top + side + 19, "precision", 10.5, anchor="end", fill=MUTED)
    for i, (found, sure) in enumerate(zip(recall, precision, strict=True)):
        across, down = top + (i + 0.5) * cell + 3.8, left + (i + 0.5) * cell
        picture.text(left + side + 10, across, f"{100 * found:.1f}" if rows[i] else "–", 10.5, fill=MUTED)
        picture.text(
            down,
            top + side + 19,
            f"{100 * sure:.1f}" if columns[i] else "–",
            size,
            anchor="middle",
            fill=MUTED,
        )


def _list(
    picture: Picture,
    x: float,
    top: float,
    pairs: Sequence[tuple[int, int]],
    labels: Sequence[str],
    table: Array,
) -> None:
    picture.text(x, top + 10, "Commonest confusions" if pairs else "No confusions", 12, font_weight=600)
    for place, (i, j) in enumerate(pairs):
        y = top + 32 + 19 * place
        picture.text(x + 26, y, str(table[i, j]), 11, anchor="end", font_weight=600, fill="#be4800")
        picture.text(x + 36, y, shorten(f"{labels[i]} → {labels[j]}", 190, 11), 11)
