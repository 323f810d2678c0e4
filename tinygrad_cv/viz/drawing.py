"""A sketch as an SVG picture: the layered layout in ink."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tinygrad_cv.viz.layered import FRAME_SIZE, LINE_HEIGHT, LINE_SIZE, NAME_SIZE, Rect, Stroke, layout
from tinygrad_cv.viz.sketch import Arrow, Box, Path, Sketch
from tinygrad_cv.viz.svg import INK, MUTED, PAPER, Picture, clean, element, number, text_width

COLORS = {
    "op": ("#ffffff", "#8d99a6"),
    "module": ("#ffffff", "#8d99a6"),
    "layer": ("#fef8ec", "#cf8a1c"),
    "input": ("#e3f0fa", "#2f7fbf"),
    "parameter": ("#fdf1dd", "#cf8a1c"),
    "buffer": ("#f3f0ea", "#a89878"),
    "output": ("#def3eb", "#178f6b"),
    "saved": ("#f6eaf3", "#b0609b"),
    "gradient": ("#fdeee4", "#d55e00"),
    "note": ("#f7f9fb", "#b8c2cc"),
}
"""Fill and outline by kind; told apart with any common colour blindness, and by their lightness in print."""

LINES = {"flow": ("#6b7785", None), "saved": ("#b0609b", "4 3"), "back": ("#d55e00", None)}
FRAME_FILLS = ("#f6f8fa", "#eef2f6", "#e6ebf1")
HEAD, PILE = 7.0, 3.0
HALO: dict[str, Any] = {"stroke_width": 3, "paint_order": "stroke", "stroke_linejoin": "round"}


def draw(sketch: Sketch) -> str:
    """Draw a sketch without the help of any program; the result is a whole SVG document."""
    placed = layout(sketch)
    title = 26.0 if sketch.title else 0.0
    width = max(placed.width, text_width(sketch.title, 14, bold=True) + 40)
    picture = Picture(width, placed.height + title, sketch.title or "Graph", sketch.description)
    if title:
        picture.text(18, 26, sketch.title, 14, font_weight=600)
    picture.open(transform=f"translate({number((width - placed.width) / 2)} {number(title)})")
    for path, rect in placed.frames:
        _frame(picture, path, rect)
    for arrow, route, back in placed.arrows:
        _arrow(picture, arrow, route, back)
    strokes = [stroke for _, route, _ in placed.arrows for stroke in route]
    for path, rect in placed.frames:
        _heading(picture, sketch.labels(path), rect, strokes, _fill(path))
    for box, rect in placed.boxes:
        _box(picture, box, rect)
    for arrow, route, _ in placed.arrows:
        _label(picture, arrow, route)
    picture.close()
    return str(picture)


def _fill(path: Path) -> str:
    """The colour of a frame, darker the deeper it lies."""
    return FRAME_FILLS[min(len(path), len(FRAME_FILLS)) - 1]


def _frame(picture: Picture, path: Path, rect: Rect) -> None:
    fill = _fill(path)
    name = json.dumps(path, ensure_ascii=False)
    picture.rect(rect.x, rect.y, rect.width, rect.height, rx=9, fill=fill, stroke="#d3dbe3", data_frame=name)


def _heading(
    picture: Picture, labels: tuple[str, str], rect: Rect, strokes: Sequence[Stroke], fill: str
) -> None:
    """The words of a frame along its upper edge, beside the arrows that pass there if there is room."""
    y = rect.y + 15.5
    passing = [x for x, top, bottom in strokes if rect.x < x < rect.right and top <= y <= bottom]
    stops = sorted([rect.x + 3, *passing, rect.right - 3])
    gaps = [(a + 7, b - 7) for a, b in zip(stops, stops[1:], strict=False)]
    left, right = labels
    width = text_width(left, FRAME_SIZE, bold=True)
    roomy = [gap for gap in gaps if gap[1] - gap[0] >= width]
    start = (roomy or gaps)[0][0]
    halo = {} if roomy else {"stroke": fill, **HALO}
    if left:
        picture.text(start, y, left, FRAME_SIZE, fill=MUTED, font_weight=600, **halo)
    width = text_width(right, FRAME_SIZE)
    taken = start + text_width(left, FRAME_SIZE, bold=True) + 12
    gaps = [(max(a, taken) if a <= start <= b else a, b) for a, b in gaps]
    roomy = [gap for gap in gaps if gap[1] - gap[0] >= width]
    if right:
        end = (roomy or gaps)[-1][1]
        halo = {} if roomy else {"stroke": fill, **HALO}
        picture.text(end, y, right, FRAME_SIZE, anchor="end", fill=MUTED, **halo)


def _arrow(picture: Picture, arrow: Arrow, route: Sequence[Stroke], back: bool) -> None:
    """A line and its head; the head of an arrow that closes a circle points upwards, that of a loop sideways."""
    color, dashes = LINES[arrow.style]
    x, top, _ = route[0]
    if len(route) == 1:
        path, corners = loop_path(route[0]), [(x + HEAD, top - 3.2), (x, top), (x + HEAD, top + 3.2)]
    else:
        path = route_path(route, back)
        x, y, foot = (x, top, top + HEAD) if back else (route[-1][0], route[-1][2], route[-1][2] - HEAD)
        corners = [(x - 3.2, foot), (x, y), (x + 3.2, foot)]
    head = "M" + "L".join(f"{number(a)} {number(b)}" for a, b in corners) + "Z"
    line = element("path", d=path, fill="none", stroke=color, stroke_width=1.3, stroke_dasharray=dashes)
    picture.add("g", line + element("path", d=head, fill=color), data_from=arrow.source, data_to=arrow.target)


def route_path(route: Sequence[Stroke], back: bool = False) -> str:
    """Vertical strokes joined by curves that start and end upright; the arrow head's length is left out."""
    x, top, bottom = route[0]
    path = [f"M{number(x)} {number(top + (HEAD - 1 if back else 0))}"]
    here = top
    for next_x, next_top, next_bottom in route[1:]:
        if abs(next_x - x) > 0.4:
            if bottom > here:
                path.append(f"V{number(bottom)}")
            last = next_bottom is route[-1][2] and not back
            end = min(next_top, next_bottom - HEAD - 3) if last else next_top
            reach = (end - bottom) * min(0.85, 0.5 + abs(next_x - x) / 900)
            points = (x, bottom + reach, next_x, end - reach, next_x, end)
            path.append("C" + " ".join(map(number, points)))
            here = end
        x, bottom = next_x, next_bottom
    path.append(f"V{number(bottom - (0 if back else HEAD - 1))}")
    return "".join(path)


def loop_path(stroke: Stroke) -> str:
    """From a box's right edge back to it."""
    x, top, bottom = stroke
    points = (x + 26, bottom, x + 26, top, x + HEAD - 1, top)
    return f"M{number(x)} {number(bottom)}C" + " ".join(map(number, points))


def _box(picture: Picture, box: Box, rect: Rect) -> None:
    fill, stroke = COLORS[box.kind]
    picture.open(data_node=box.id, data_kind=box.kind)
    if box.tip:
        picture.add("title", clean(box.tip))
    style = {"fill": fill, "stroke": stroke, "stroke_width": 1.2}
    for pile in (2, 1) if box.copies > 1 else ():
        shift = pile * PILE
        picture.rect(rect.x + shift, rect.y + shift, rect.width, rect.height, rx=7, **style)
    picture.rect(rect.x, rect.y, rect.width, rect.height, rx=7, **style)
    middle, y = rect.x + rect.width / 2, rect.y + 17.2
    weight = 400 if box.kind in ("parameter", "buffer", "saved", "note") else 600
    for i, line in enumerate(box.lines):
        size, fill = (NAME_SIZE, INK) if i == 0 else (LINE_SIZE, MUTED)
        bold = weight if i == 0 else None
        picture.text(middle, y, line, size, anchor="middle", fill=fill, font_weight=bold)
        y += LINE_HEIGHT if i else LINE_HEIGHT + 0.8
    picture.close()


def _label(picture: Picture, arrow: Arrow, route: Sequence[Stroke]) -> None:
    if not arrow.label or len(route) < 2:
        return
    (x, _, bottom), (next_x, top, _) = route[0], route[1]
    picture.text((x + next_x) / 2 + 5, (bottom + top) / 2 + 3, arrow.label, 9.5, fill=MUTED, stroke=PAPER, **HALO)
