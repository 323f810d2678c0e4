"""Training curves: loss and accuracy over epochs or steps, one panel per quantity."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.axes import Scale, linear_ticks, log_ticks, spread, tick_labels
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.svg import FAINT, MUTED, PAPER, SERIES, Picture, number, text_width

SPLITS = {"train": 0, "training": 0, "test": 1, "val": 2, "valid": 2, "validation": 2}
PLOT_W, PLOT_H, LEFT, TOP, BOTTOM, GAP = 330, 210, 52, 64, 46, 18
MOST_MARKS, MOST_POINTS = 30, 400


@dataclass
class Line:
    """One series of a panel."""

    name: str
    color: str
    x: Array
    y: Array
    solid: bool


def curves(
    history: Mapping[str, Sequence[float]],
    *,
    x: Mapping[str, Sequence[float]] | Sequence[float] | None = None,
    xlabel: str = "epoch",
    title: str = "",
    log: Collection[str] = (),
    smooth: float = 0.0,
) -> Chart:
    """Draw how quantities changed during training.

    Parameters
    ----------
    history : series by name. A first or last word ``train``, ``test``, ``val`` tells series of one quantity
        apart: ``train_loss`` and ``test_loss`` share the panel ``loss``, ``train_accuracy`` opens a second
        one. Shares (an accuracy, ``acc`` or ``error`` in 0..1) are written in percent. Values that are not
        finite leave a gap and are counted below the panel.
    x : where the values stand: one sequence for all, or one per series; without it 1, 2, 3 ... Then a
        series shorter than the longest of its panel is taken as evenly spaced over the same run.
    xlabel : what x counts.
    title : written above the panels.
    log : names of the quantities to draw on a logarithmic axis.
    smooth : in [0, 1); above 0, the series is drawn pale and its exponential moving average (with this share
        of the past) on top.

    Returns
    -------
    Chart

    Examples
    --------
    >>> chart = curves({"train_loss": [2.3, 0.7, 0.3], "test_loss": [1.9, 0.8, 0.5]}, title="LeNet")
    >>> chart.svg.startswith("<svg")
    True
    """
    if not 0 <= smooth < 1:
        raise ArgumentError(f"curves: smooth is {smooth}, a share of the past; give it a value in [0, 1)")
    panels = _panels(history, x)
    names = {line.name: line for lines in panels.values() for line in lines}
    right = 22 + max((text_width(n, 11) for n in names), default=0) + text_width("0.0000", 11)
    panel_width = LEFT + PLOT_W + right
    top = TOP if title else TOP - 26
    width = max(1, len(panels)) * panel_width + (max(1, len(panels)) - 1) * GAP
    height = top + PLOT_H + BOTTOM
    picture = Picture(width, height, title or "Training curves", _describe(panels, xlabel))
    if title:
        picture.text(LEFT, 24, title, 15, font_weight=600)
    if not panels:
        picture.text(LEFT, top, "nothing recorded yet", 12, fill=MUTED)
    for number_, (quantity, lines) in enumerate(panels.items()):
        _panel(
            picture,
            number_ * (panel_width + GAP) + LEFT,
            top,
            quantity,
            lines,
            xlabel,
            quantity in log,
            smooth,
        )
    return Chart(str(picture))


def split_name(name: str) -> tuple[str, str]:
    """The quantity and the split that a series belongs to.

    >>> split_name("train_loss"), split_name("accuracy/test"), split_name("lr")
    (('loss', 'train'), ('accuracy', 'test'), ('lr', ''))
    """
    words = name.replace("/", " ").replace("_", " ").replace("-", " ").split()
    for place in (0, -1):
        if len(words) > 1 and words[place].lower() in SPLITS:
            split = words.pop(place)
            return " ".join(words), split
    return " ".join(words) or name, ""


def _panels(history: Mapping[str, Sequence[float]], x: object) -> dict[str, list[Line]]:
    grouped: dict[str, list[tuple[str, str, Array]]] = {}
    for name, values in history.items():
        y = np.asarray(values, dtype=float)
        if y.ndim != 1:
            raise ArgumentError(
                f"curves: {name!r} has the shape {y.shape}; give it the shape (n,), a number per point"
            )
        quantity, split = split_name(name)
        if len(y):
            grouped.setdefault(quantity, []).append((name, split, y))
    panels: dict[str, list[Line]] = {}
    for quantity, group in grouped.items():
        longest = max(len(y) for _, _, y in group)
        for place, (name, split, y) in enumerate(group):
            index = SPLITS.get(split.lower(), place + (2 if split else 0)) % len(SERIES)
            line = Line(
                split or quantity,
                SERIES[index],
                _places(name, len(y), longest, x),
                y,
                index != 0 or not split,
            )
            panels.setdefault(quantity, []).append(line)
    return panels


def _places(name: str, count: int, longest: int, x: object) -> Array:
    given = x.get(name) if isinstance(x, Mapping) else x
    if given is None:
        return np.arange(1, count + 1) * (longest / count)
    places = np.asarray(given, dtype=float)
    if places.shape != (count,):
        raise ArgumentError(
            f"curves: {name!r} has {count} values but x has the shape {places.shape}; give it ({count},)"
        )
    return places


def _describe(panels: Mapping[str, Sequence[Line]], xlabel: str) -> str:
    sentences = []
    for quantity, lines in panels.items():
        for line in lines:
            name = f"{quantity} ({line.name})" if line.name != quantity else quantity
            ends = f"from {line.y[0]:.4g} to {line.y[-1]:.4g}"
            sentences.append(f"{name} goes {ends} over {len(line.y)} points; x counts {xlabel}.")
    return " ".join(sentences)


def _panel(
    picture: Picture,
    left: float,
    top: float,
    quantity: str,
    lines: list[Line],
    xlabel: str,
    log: bool,
    smooth: float,
) -> None:
    """One pair of axes with its lines, its legend above and the last values at the lines' ends."""
    values = np.concatenate([line.y for line in lines])
    finite = values[np.isfinite(values) & ((values > 0) | (not log))]
    share = _is_share(quantity, finite)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (1.0, 10.0)
    if log:
        y_ticks = log_ticks(low, high if high > low else low * 2)
    else:
        near_zero = 0 <= low < 0.4 * high
        y_ticks = linear_ticks(0.0 if near_zero else low, high)
        if share:
            y_ticks = [t for t in y_ticks if 0 <= t <= 1.0 + 1e-9]
    y_scale = Scale(y_ticks[0], y_ticks[-1], top + PLOT_H, top, log)
    x_low, x_high = min(line.x.min() for line in lines), max(line.x.max() for line in lines)
    if x_high == x_low:
        x_low, x_high = x_low - 1, x_high + 1
    x_scale = Scale(float(x_low), float(x_high), left, left + PLOT_W)
    x_ticks = [t for t in linear_ticks(float(x_low), float(x_high), 6, whole=True) if x_low <= t <= x_high]

    picture.open(fill=MUTED)
    for tick, label in zip(y_ticks, tick_labels(y_ticks, share, log), strict=True):
        y = y_scale(tick)
        picture.line(left, y, left + PLOT_W, y)
        picture.text(left - 8, y + 3.8, label, 10.5, anchor="end", fill=MUTED)
    base = top + PLOT_H
    picture.line(left, base, left + PLOT_W, base, stroke=FAINT)
    for tick, label in zip(x_ticks, tick_labels(x_ticks), strict=True):
        picture.line(x_scale(tick), base, x_scale(tick), base + 4, stroke=FAINT)
        picture.text(x_scale(tick), base + 17, label, 10.5, anchor="middle", fill=MUTED)
    picture.text(left + PLOT_W, base + 34, xlabel, 11, anchor="end", fill=MUTED)
    bad = values.size - finite.size
    if bad:
        what = "values are not finite" if not log else "values are not finite and positive"
        picture.text(left, base + 34, f"{bad} {what}", 11, fill=SERIES[1])
    picture.close()

    legend = left + PLOT_W
    for line in reversed(lines if len(lines) > 1 else []):
        legend -= text_width(line.name, 11) + 4
        picture.text(legend, top - 13, line.name, 11, fill=MUTED)
        picture.line(legend - 24, top - 17, legend - 6, top - 17, stroke=line.color, stroke_width=2.2)
        if len(line.y) <= MOST_MARKS:
            _mark(picture, legend - 15, top - 17, line)
        legend -= 34
    picture.text(left, top - 13, quantity, 12.5, font_weight=600)
    for line in lines:
        _line(picture, line, x_scale, y_scale, smooth)
    _ends(picture, lines, y_scale, left + PLOT_W + 8, share, smooth)


def _is_share(quantity: str, finite: Array) -> bool:
    named = any(word in quantity.lower() for word in ("acc", "error rate", "top", "recall", "precision"))
    return bool(named and finite.size and finite.min() >= 0 and finite.max() <= 1)


def _line(picture: Picture, line: Line, x_scale: Scale, y_scale: Scale, smooth: float) -> None:
    marks = len(line.y) <= MOST_MARKS
    average = _smoothed(line, smooth)
    drawn = [(line.y, 1.0)] if average is line.y else [(line.y, 0.28), (average, 1.0)]
    for values, opacity in drawn:
        known = np.isfinite(values) & ((values > 0) | (not y_scale.log))
        path, pen = [], "M"
        for i in thinned(values, MOST_POINTS):
            if not known[i]:
                pen = "M"
                continue
            path.append(f"{pen}{number(x_scale(line.x[i]))} {number(y_scale(values[i]))}")
            pen = "L"
        style = {"stroke": line.color, "stroke_width": 2 if opacity == 1 else 1, "stroke_linejoin": "round"}
        faded = opacity if opacity < 1 else None
        picture.add("path", d="".join(path), fill="none", stroke_linecap="round", opacity=faded, **style)
        for i in np.flatnonzero(known) if marks and opacity == 1 else ():
            _mark(picture, x_scale(line.x[i]), y_scale(values[i]), line)


def _smoothed(line: Line, smooth: float) -> Array:
    """What the full line shows: the moving average, or the values where each has a mark of its own."""
    return moving_average(line.y, smooth) if smooth and len(line.y) > MOST_MARKS else line.y


def _mark(picture: Picture, x: float, y: float, line: Line) -> None:
    """A dot: filled, or a ring for training, so that the lines differ on a grey print too."""
    fill = line.color if line.solid else PAPER
    picture.add("circle", cx=float(x), cy=float(y), r=2.8, fill=fill, stroke=line.color, stroke_width=1.5)


def _ends(picture: Picture, lines: list[Line], y_scale: Scale, x: float, share: bool, smooth: float) -> None:
    """Name and last value beside the end of each line."""
    last = [
        next((float(v) for v in _smoothed(line, smooth)[::-1] if math.isfinite(v)), math.nan)
        for line in lines
    ]
    shown = [(line, v) for line, v in zip(lines, last, strict=True) if math.isfinite(v)]
    wanted = [y_scale(v) for _, v in shown]
    for (line, value), y in zip(shown, spread(wanted, 14, y_scale.end, y_scale.start), strict=True):
        written = f"{100 * value:.1f} %" if share else f"{value:.3g}"
        name = f"{line.name} " if len(lines) > 1 else ""
        picture.text(x, y + 3.8, f"{name}{written}", 11, fill=line.color, font_weight=600)


def moving_average(values: Array, past: float) -> Array:
    """Exponential moving average, corrected for its start (as in Adam's first moment); gaps stay gaps."""
    result, mean, weight = np.full(len(values), np.nan), 0.0, 0.0
    for i, value in enumerate(values):
        if math.isfinite(value):
            mean, weight = past * mean + (1 - past) * value, past * weight + (1 - past)
            result[i] = mean / weight
    return result


def thinned(values: Array, most: int) -> Array:
    """Indices that keep a long series' look: the ends, and of each stretch the lowest and the highest value.

    >>> thinned(np.array([0, 9, 1, 2, 3, 4, -9, 5]), 4)
    array([0, 1, 6, 7])
    """
    if len(values) <= most:
        return np.arange(len(values))
    kept = {0, len(values) - 1}
    for stretch in np.array_split(np.arange(len(values)), most // 2):
        part = np.where(np.isfinite(values[stretch]), values[stretch], np.nan)
        bad = stretch[np.isnan(part)]
        kept.update(bad[:1].tolist())
        if len(bad) < len(stretch):
            kept.update((int(stretch[np.nanargmin(part)]), int(stretch[np.nanargmax(part)])))
    return np.array(sorted(kept))
