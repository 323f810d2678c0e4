"""Bar charts: numbers by name, lying down, so that the names can be read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.viz.axes import Scale, linear_ticks, tick_labels
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.svg import FAINT, MUTED, SERIES, Picture, shorten, text_width


def bars(
    values: Mapping[str, float] | Mapping[str, Sequence[float]],
    names: Sequence[str] | None = None,
    *,
    title: str = "",
    unit: str = "",
    percent: bool = False,
    highlight: str | None = None,
) -> Chart:
    """Draw numbers as bars.

    Parameters
    ----------
    values : a number per name; or, with ``names``, a sequence per series, drawn side by side for each name.
    names : what the numbers of a series belong to.
    title : written above.
    unit : written after each number, such as ``ms``.
    percent : write shares in 0..1 as percent, on an axis from 0 to 100 %.
    highlight : the name of one bar to draw in full colour; the others are then drawn pale.

    Returns
    -------
    Chart

    Examples
    --------
    >>> chart = bars({"seven": 0.91, "one": 0.08}, percent=True, title="This digit is a")
    >>> several = bars({"ours": [1.2, 3.0], "theirs": [2.4, 3.3]}, ["conv1", "conv2"], unit="ms")
    """
    if names is None:
        labels = list(values)
        series = {"": [float(v) for v in values.values()]}  # type: ignore[arg-type]
    else:
        labels = [str(n) for n in names]
        series = {name: [float(v) for v in row] for name, row in values.items()}  # type: ignore[union-attr]
    for name, row in series.items():
        if len(row) != len(labels):
            raise ArgumentError(
                f"bars: {name!r} has {len(row)} values for {len(labels)} names; give {len(labels)}"
            )
    numbers = [v for row in series.values() for v in row if math.isfinite(v)]
    ticks = linear_ticks(min(0.0, *numbers, 0.0), max([0.0, *numbers]) or 1.0)
    if percent:
        ticks = [t for t in linear_ticks(0, 1) if t <= 1] if max(numbers, default=0) > 0.5 else ticks
    room = min(190.0, max((text_width(n, 11.5) for n in labels), default=0))
    thick = 16.0 if len(series) == 1 else 12.0
    pitch = thick * len(series) + (9 if len(series) == 1 else 14)
    left, top, plot = 16 + room + 10, 20 + (28 if title else 0) + (22 if len(series) > 1 else 0), 380.0
    written = {v: _written(v, percent, unit) for v in [*numbers, math.nan, math.inf, -math.inf]}
    longest = max(text_width(t, 11) for t in written.values())
    height = top + pitch * len(labels) + 34
    largest = (
        max(zip(series[next(iter(series))], labels, strict=True), default=(0.0, "nothing"))
        if series
        else (0.0, "")
    )
    picture = Picture(
        left + plot + longest + 24,
        height,
        title or "Bar chart",
        f"{len(labels)} bars; the largest is {largest[1]}, {_written(largest[0], percent, unit)}.",
    )
    if title:
        picture.text(16, 26, title, 15, font_weight=600)
    scale = Scale(ticks[0], ticks[-1], left, left + plot)
    bottom = top + pitch * len(labels)
    for tick, label in zip(ticks, tick_labels(ticks, percent), strict=True):
        picture.line(scale(tick), top - 2, scale(tick), bottom + 2)
        picture.text(scale(tick), bottom + 18, label, 10.5, anchor="middle", fill=MUTED)
    if len(series) > 1:
        _legend(picture, left, top - 14, list(series))
    for place, name in enumerate(labels):
        y = top + pitch * place + (pitch - thick * len(series)) / 2
        weight = 600 if name == highlight else None
        picture.text(
            left - 10,
            y + thick * len(series) / 2 + 4,
            shorten(name, room, 11.5),
            11.5,
            anchor="end",
            font_weight=weight,
        )
        for index, row in enumerate(series.values()):
            _bar(
                picture,
                scale,
                y + index * thick,
                thick,
                row[place],
                SERIES[index % len(SERIES)],
                highlight is not None and name != highlight,
                _written(row[place], percent, unit),
            )
    picture.line(scale(0), top - 2, scale(0), bottom + 2, stroke=FAINT)
    return Chart(str(picture))


def _written(value: float, percent: bool, unit: str) -> str:
    if percent:
        return f"{100 * value:.1f} %"
    text = (
        f"{value:,.0f}".replace(",", "\u2009")
        if abs(value) >= 1000 and math.isfinite(value)
        else f"{value:.3g}"
    )
    return f"{text} {unit}".rstrip()


def _legend(picture: Picture, x: float, y: float, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        picture.rect(x, y - 9, 11, 11, rx=2, fill=SERIES[index % len(SERIES)])
        picture.text(x + 17, y + 0.5, name, 11, fill=MUTED)
        x += text_width(name, 11) + 40


def _bar(
    picture: Picture, scale: Scale, y: float, thick: float, value: float, color: str, pale: bool, label: str
) -> None:
    end = scale(value) if math.isfinite(value) else scale(0)
    low, high = sorted((scale(0), end))
    picture.rect(
        low, y + 0.5, max(high - low, 0.5), thick - 1, rx=1.5, fill=color, opacity=0.35 if pale else None
    )
    picture.text(max(high, scale(0)) + 6, y + thick / 2 + 4, label, 11, fill=MUTED)
