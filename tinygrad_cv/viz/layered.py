"""Our own layered drawing: a sketch in, the place of every box, arrow and frame out.

Sugiyama's method in four steps, one file each: `ranks` (who stands above whom), `ordering` (who stands left of
whom), `columns` (where exactly), and here the heights and the routes. A few hundred boxes take a fraction of a
second, and no program is needed. `tinygrad_cv.viz.drawing` makes the picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tinygrad_cv.viz.columns import places
from tinygrad_cv.viz.ordering import Layers
from tinygrad_cv.viz.ranks import rank, strengths, without_circles
from tinygrad_cv.viz.sketch import Arrow, Box, Path, Sketch
from tinygrad_cv.viz.svg import text_width

NAME_SIZE, LINE_SIZE, FRAME_SIZE = 12.5, 10.0, 10.5
LINE_HEIGHT, PADDING, GAP, MARGIN, HEADING = 13.5, 12.0, 27.0, 18.0, 18.0
PORT_SPACE, CORNER = 9.0, 13.0

Point = tuple[float, float]
Stroke = tuple[float, float, float]
"""An upright part of an arrow's way: x, top, bottom."""


@dataclass(frozen=True)
class Rect:
    """A box or a frame: its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height

    def overlaps(self, other: Rect) -> bool:
        """Whether the two have an inner point in common."""
        across = self.x < other.right - 1e-6 and other.x < self.right - 1e-6
        return across and self.y < other.bottom - 1e-6 and other.y < self.bottom - 1e-6


@dataclass
class Layout:
    """A sketch with places. A route is a list of strokes from the upper box down; True says that it points up."""

    width: float
    height: float
    boxes: list[tuple[Box, Rect]]
    arrows: list[tuple[Arrow, list[Stroke], bool]]
    frames: list[tuple[Path, Rect]]


def box_size(box: Box) -> Point:
    """How large a box must be for its text."""
    name = text_width(box.lines[0], NAME_SIZE, bold=True) if box.lines else 0.0
    widest = max([name, *(text_width(line, LINE_SIZE) for line in box.lines[1:])])
    return max(58.0, widest + 2 * PADDING), 26.0 + LINE_HEIGHT * max(0, len(box.lines) - 1)


def layout(sketch: Sketch) -> Layout:
    """Place everything: boxes without overlaps, frames around exactly their members, every arrow routed."""
    sketch.check()
    number = {box.id: v for v, box in enumerate(sketch.boxes)}
    ends = [(number[a.source], number[a.target]) for a in sketch.arrows]
    upwards = [a.style == "back" for a in sketch.arrows]
    circles = without_circles(len(number), [(v, u) if up else (u, v) for up, (u, v) in zip(upwards, ends)])
    turned = [up != circle for up, circle in zip(upwards, circles)]  # gradients point up
    loops = [u == v for u, v in ends]
    edges = [(v, u) if back else (u, v) for (u, v), back in zip(ends, turned, strict=True) if u != v]
    sizes = [box_size(box) for box in sketch.boxes]
    paths = [box.path for box in sketch.boxes]
    levels = rank(len(number), edges, paths)
    entrances = {v for v, box in enumerate(sketch.boxes) if box.kind == "input"}
    strong = strengths(len(number), edges, entrances)
    layers = Layers(levels, edges, strong, [w for w, _ in sizes], paths)
    layers.sort(_first_guess(len(number), edges))
    titles = {path: _title_width(sketch, path) for path in layers.borders}
    x = places(layers, titles)
    bands, tops, bottoms, frames = _heights(layers, [h for _, h in sizes], x, sketch)

    boxes = []
    for v, (box, (w, h)) in enumerate(zip(sketch.boxes, sizes, strict=True)):
        middle = (tops[levels[v]] + bottoms[levels[v]]) / 2
        boxes.append((box, Rect(x[v] - w / 2, middle - h / 2, w, h)))
    routes = iter(_routes(layers, x, [rect for _, rect in boxes], bands))
    arrows = []
    for arrow, back, loop, (u, _) in zip(sketch.arrows, turned, loops, ends, strict=True):
        rect = boxes[u][1]
        route = [(rect.right, rect.y + 7, rect.bottom - 7)] if loop else next(routes)
        arrows.append((arrow, route, back))
    return _moved(boxes, arrows, frames)


def _first_guess(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Number the boxes as they are met from the outputs upwards, a node's first input before its second."""
    inputs: list[list[int]] = [[] for _ in range(count)]
    used = set()
    for u, v in edges:
        inputs[v].append(u)
        used.add(u)
    guess, met = [0] * count, [False] * count
    number = 0
    for root in (*(v for v in range(count) if v not in used), *range(count)):
        stack = [root]
        while stack:
            v = stack.pop()
            if not met[v]:
                met[v], guess[v], number = True, number, number + 1
                stack.extend(reversed(inputs[v]))
    return guess


def _title_width(sketch: Sketch, path: Path) -> float:
    left, right = sketch.labels(path)
    both = text_width(left, FRAME_SIZE, bold=True) + text_width(right, FRAME_SIZE)
    return both + 2 * 9 + (14 if left and right else 0)


def _heights(
    layers: Layers, heights: Sequence[float], x: Sequence[float], sketch: Sketch
) -> tuple[list[Point], list[float], list[float], list[tuple[Path, Rect]]]:
    """For each layer its band with the edges of frames, its upper and lower edge without; and the frames."""
    count = len(layers.rows)
    opening: list[dict[Path, float]] = [{} for _ in range(count)]  # how far above the layer each frame begins
    closing: list[dict[Path, float]] = [{} for _ in range(count)]
    for path, pairs in reversed(layers.borders.items()):  # an inner frame before those around it
        first, last = layers.level[pairs[0][0]], layers.level[pairs[-1][0]]
        inner_top = max((d for p, d in opening[first].items() if p[: len(path)] == path), default=0.0)
        inner_low = max((d for p, d in closing[last].items() if p[: len(path)] == path), default=0.0)
        heading = HEADING if any(sketch.labels(path)) else 0.0
        opening[first][path] = inner_top + heading + (8.0 if inner_top else 10.0)
        closing[last][path] = inner_low + 10.0
    reach = [0.0] * count
    labelled = [False] * count
    for a, b, _ in layers.links:
        reach[layers.level[a]] = max(reach[layers.level[a]], abs(x[a] - x[b]))
    for chain, arrow in zip(layers.chains, (a for a in sketch.arrows if a.source != a.target), strict=True):
        labelled[layers.level[chain[0]]] |= bool(arrow.label)
    bands, tops, bottoms, y = [], [], [], 0.0
    for r, row in enumerate(layers.rows):
        band = y
        y += max(opening[r].values(), default=0.0)
        tops.append(y)
        y += max((heights[v] for v in row if v < layers.count), default=20.0)
        bottoms.append(y)
        y += max(closing[r].values(), default=0.0)
        bands.append((band, y))
        y += GAP + min(46.0, reach[r] / 12) + (12.0 if labelled[r] else 0.0)
    frames = []
    for path, pairs in layers.borders.items():
        first, last = layers.level[pairs[0][0]], layers.level[pairs[-1][0]]
        left, right = x[pairs[0][0]], x[pairs[0][1]]
        top, bottom = tops[first] - opening[first][path], bottoms[last] + closing[last][path]
        frames.append((path, Rect(left, top, right - left, bottom - top)))
    return bands, tops, bottoms, frames


def _routes(
    layers: Layers, x: Sequence[float], boxes: Sequence[Rect], bands: Sequence[Point]
) -> list[list[Stroke]]:
    """The vertical strokes of each edge: out of its box, through the layers it passes, into its other box."""
    leaving: dict[int, list[tuple[float, int]]] = defaultdict(list)
    arriving: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for e, chain in enumerate(layers.chains):
        upper, lower = _port(chain[0], chain[1], x, boxes), _port(chain[-1], chain[-2], x, boxes)
        leaving[chain[0]].append((upper, e))
        arriving[chain[-1]].append((lower, e))
    starts = _spread_ports(leaving, boxes, x, layers, 1)
    stops = _spread_ports(arriving, boxes, x, layers, -2)
    routes = []
    for e, chain in enumerate(layers.chains):
        first, last = boxes[chain[0]], boxes[chain[-1]]
        passing = [(x[v], *bands[layers.level[v]]) for v in chain[1:-1]]
        down = (starts[e], first.bottom, bands[layers.level[chain[0]]][1])
        into = (stops[e], bands[layers.level[chain[-1]]][0], last.y)
        routes.append([down, *passing, into])
    return routes


def _port(v: int, other: int, x: Sequence[float], boxes: Sequence[Rect]) -> float:
    """Where an edge to ``other`` should touch box ``v``: straight above or below it if the two allow that."""
    low, high = boxes[v].x + CORNER, boxes[v].right - CORNER
    if other < len(boxes):
        both = max(low, boxes[other].x + CORNER), min(high, boxes[other].right - CORNER)
        if both[0] <= both[1]:
            return min(max((x[v] + x[other]) / 2, both[0]), both[1])
        quarter = boxes[v].width / 4
        low, high = x[v] - quarter, x[v] + quarter
    return min(max(x[other], low), high)


def _spread_ports(
    ports: dict[int, list[tuple[float, int]]], boxes: Sequence[Rect], x: Sequence[float], layers: Layers, side: int
) -> dict[int, float]:
    """Keep the edges at a side of a box in the order of where they go, and a little apart where there is room."""
    result = {}
    for v, wanted in ports.items():
        wanted.sort(key=lambda port: (x[layers.chains[port[1]][side]], port[0], port[1]))
        low, high = boxes[v].x + CORNER, boxes[v].right - CORNER
        space = min(PORT_SPACE, (high - low) / max(1, len(wanted) - 1))
        straight = [abs(x[layers.chains[e][side]] - x[v]) < 0.5 for _, e in wanted]
        at = [w for w, _ in wanted]
        if len(at) == 1 and abs(at[0] - x[layers.chains[wanted[0][1]][side]]) > 0.5:
            at = [x[v]]  # a lone arrow that must bend anyway touches the middle
        pivot = straight.index(True) if any(straight) else None
        if pivot is None:
            for i in range(1, len(at)):
                at[i] = max(at[i], at[i - 1] + space)
            over = max(0.0, at[-1] - high)
            at = [a - over for a in at]
            for i in range(len(at) - 2, -1, -1):
                at[i] = min(at[i], at[i + 1] - space)
        else:  # the straight edge stays in the middle and the others make way
            for i in range(pivot + 1, len(at)):
                at[i] = max(at[i], at[i - 1] + space)
            for i in range(pivot - 1, -1, -1):
                at[i] = min(at[i], at[i + 1] - space)
        for a, (_, e) in zip(at, wanted, strict=True):
            result[e] = min(max(a, boxes[v].x + 4), boxes[v].right - 4)
    return result


def _moved(
    boxes: list[tuple[Box, Rect]],
    arrows: list[tuple[Arrow, list[Stroke], bool]],
    frames: list[tuple[Path, Rect]],
) -> Layout:
    """Everything shifted so that the drawing starts at the margin, and the size of it all."""
    rects = [rect for _, rect in boxes] + [rect for _, rect in frames]
    xs = [stroke[0] for _, route, _ in arrows for stroke in route]
    left = min([r.x for r in rects] + xs, default=0.0) - MARGIN
    top = min((r.y for r in rects), default=0.0) - MARGIN
    right = max([r.right for r in rects] + xs, default=0.0) + MARGIN
    bottom = max((r.bottom for r in rects), default=0.0) + MARGIN

    def moved(rect: Rect) -> Rect:
        return Rect(rect.x - left, rect.y - top, rect.width, rect.height)

    return Layout(
        right - left,
        bottom - top,
        [(box, moved(rect)) for box, rect in boxes],
        [(a, [(x - left, y - top, z - top) for x, y, z in route], back) for a, route, back in arrows],
        [(path, moved(rect)) for path, rect in frames],
    )

