"""How far each layer is indifferent to a shift of the image, and how far it follows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv.explain.receptive_field import ReceptiveField, measure
from tinygrad_cv.explain.recording import as_images, is_map, record
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.axes import Scale, linear_ticks, spread, tick_labels
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.svg import MUTED, SERIES, Picture, number, shorten


@dataclass(frozen=True)
class ShiftResponse:
    """How one layer answers when the image moves to the right by 0, 1, 2 ... pixels.

    Attributes
    ----------
    layer : its name.
    jump : by how many pixels the image must move for the layer's map to move by one unit.
    shifts : in pixels.
    changed : how much the layer's values differ from those of the unmoved image, relative to their size; 0 would be
        invariance.
    followed : how much they differ from the unmoved values moved along, 0 being equivariance; NaN where the shift is no
        whole number of jumps, or where no unit sees only pixels that both images have.
    """

    layer: str
    jump: float
    shifts: tuple[int, ...]
    changed: tuple[float, ...]
    followed: tuple[float, ...]


def shift_response(
    model: Callable[[Any], Any],
    images: Any,
    shifts: Sequence[int] = tuple(range(9)),
    layers: Sequence[str] | None = None,
) -> dict[str, ShiftResponse]:
    """Measure, layer by layer, what a shift of the image to the right does; the pixels pushed out re-enter at the left.

    A convolution is not invariant to shifts but equivariant: its map moves along. Only what forgets places (a global
    pooling, and a local one for as long as the same maximum stays in the window) becomes indifferent.

    Parameters
    ----------
    images : (N, C, H, W).
    shifts : in pixels, not negative.
    layers : names; all named layers if not given.

    Examples
    --------
    >>> from tinygrad_cv import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1))
    >>> response = shift_response(net, (1, 1, 12, 12), shifts=(0, 1, 2))
    >>> [round(v, 3) for v in response["0"].followed]
    [0.0, 0.0, 0.0]
    """
    x = as_images(images)
    if min(shifts, default=0) < 0 or max(shifts, default=0) >= x.shape[3]:
        raise ArgumentError(f"shift_response: shifts are {tuple(shifts)}; give them from 0 to {x.shape[3] - 1}")
    first = record(model, x, values=True)
    chosen = [n for n in first.names if 0 not in first.names[n].shape] if layers is None else list(layers)
    fields = {name: measure(first, first.find(name)) for name in chosen}
    before = {name: first.values[first.find(name)] for name in chosen}
    changed: dict[str, list[float]] = {name: [] for name in chosen}
    followed: dict[str, list[float]] = {name: [] for name in chosen}
    for shift in shifts:
        moved = record(model, np.roll(x, shift, 3), values=True)
        for name in chosen:
            values = moved.values[moved.find(name)]
            changed[name].append(_difference(values, before[name]))
            followed[name].append(_followed(fields[name], values, before[name], shift))
    return {
        name: ShiftResponse(name, fields[name].jump[1], tuple(shifts), tuple(changed[name]), tuple(followed[name]))
        for name in chosen
    }


def shift_curves(responses: dict[str, ShiftResponse], title: str = "What a shift changes") -> Chart:
    """Draw how much the values of each layer change with the shift, all on one scale.

    ``responses`` are those of `shift_response`; ``title`` is written above.
    """
    if not responses:
        raise ArgumentError("shift_curves: there are no responses; give those of shift_response")
    lines = list(responses.values())
    xs = linear_ticks(0, max(max(r.shifts) for r in lines), whole=True)
    ys = linear_ticks(0, max(max(r.changed) for r in lines))
    x, y = Scale(xs[0], xs[-1], 52, 412), Scale(ys[0], ys[-1], 276, 62)
    picture = Picture(640, 326, title, "; ".join(f"{r.layer}: {max(r.changed):.2g} at most" for r in lines))
    picture.text(52, 24, title, 15, font_weight=600)
    picture.text(52, 46, "difference of the layer's values, relative to their size", 11, fill=MUTED)
    for tick, label in zip(ys, tick_labels(ys)):
        picture.line(x.start, y(tick), x.end, y(tick))
        picture.text(44, y(tick) + 4, label, 10.5, anchor="end", fill=MUTED)
    for tick, label in zip(xs, tick_labels(xs)):
        picture.text(x(tick), y.start + 17, label, 10.5, anchor="middle", fill=MUTED)
    picture.text(x.end, y.start + 36, "pixels to the right", 11, anchor="end", fill=MUTED)
    heights = spread([y(r.changed[-1]) for r in lines], 14, y.end - 8, y.start + 40)
    for k, (r, height) in enumerate(zip(lines, heights)):
        color, dash = SERIES[k % len(SERIES)], None if k < len(SERIES) else "5 3"
        way = "L".join(f"{number(x(s))} {number(y(v))}" for s, v in zip(r.shifts, r.changed))
        picture.add("path", d=f"M{way}", fill="none", stroke=color, stroke_width=2, stroke_dasharray=dash)
        words = shorten(f"{r.layer}  {r.changed[-1]:.2f}", 205, 11)
        picture.text(x(r.shifts[-1]) + 10, height + 4, words, 11, fill=color, font_weight=600)
    return Chart(str(picture))


def _followed(field: ReceptiveField, values: Array, before: Array, shift: int) -> float:
    """Compare unit i of the moved image with unit i - shift / jump, where both see the same pixels of the image."""
    if not is_map(field.node) or not field.jump[1] or shift % field.jump[1]:
        return math.nan
    units, width = round(shift / field.jump[1]), field.recording.input.shape[3]
    kept = []
    for i in range(units, values.shape[3]):
        seen, old = (field.box(values.shape[2] // 2, j, clip=False) for j in (i, i - units))
        if seen.left >= shift and seen.right <= width and old.left >= 0:
            kept.append(i)
    if not kept:
        return math.nan
    now = np.array(kept)
    return _difference(values[..., now], before[..., now - units])


def _difference(a: Array, b: Array) -> float:
    """|a - b| / sqrt(|a| |b|), 0 for equal zeros."""
    gap = float(np.linalg.norm(a - b))
    return gap / (math.sqrt(float(np.linalg.norm(a)) * float(np.linalg.norm(b))) or 1.0) if gap else 0.0
