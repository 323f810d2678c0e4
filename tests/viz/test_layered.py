"""The layered drawing: nothing overlaps, every arrow is drawn where it belongs, all words arrive unharmed."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.viz.drawing import draw
from tinygrad_cv.viz.layered import Layout, Rect, layout
from tinygrad_cv.viz.ranks import rank, strengths, without_circles
from tinygrad_cv.viz.sketch import Arrow, Box, Sketch

SVG = "{http://www.w3.org/2000/svg}"
ODD = st.sampled_from(["<b>", "a&b", '"', "\\N", "]]>", "conv2d"])
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | ODD
KINDS = st.sampled_from(["op", "input", "parameter", "output", "module"])


@st.composite
def sketches(draw_from: st.DrawFn, most: int = 25, circles: bool = False) -> Sketch:
    """Graphs of named boxes in nested frames, without circles unless they are asked for."""
    n = draw_from(st.integers(1, most))
    paths = st.lists(st.sampled_from("ab"), max_size=2).map(tuple)
    near = draw_from(st.lists(paths, min_size=1, max_size=6))
    boxes = [
        Box(f"id {i} <&>", (draw_from(WORDS), draw_from(WORDS)), draw_from(KINDS), near[i * len(near) // n])
        for i in range(n)
    ]
    ends = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    if not circles:
        ends = ends.filter(lambda e: e[0] != e[1]).map(lambda e: (min(e), max(e))) if n > 1 else st.nothing()
    edges = draw_from(st.lists(ends, max_size=2 * n)) if n > 1 or circles else []
    return Sketch(boxes, [Arrow(boxes[u].id, boxes[v].id, draw_from(WORDS)) for u, v in edges], title=draw_from(WORDS))


@st.composite
def graphs(draw_from: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n = draw_from(st.integers(1, 20))
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    return n, draw_from(st.lists(pairs, max_size=40))


def test_a_frame_is_found_by_its_label_and_named_by_its_path() -> None:
    sketch = Sketch([Box("a", ("x",), path=("m", "n"))], frames={("m",): ("left", "right")})
    assert sketch.paths() == [("m",), ("m", "n")]
    assert sketch.labels(("m",)) == ("left", "right") and sketch.labels(("m", "n")) == ("n", "")


@given(graphs())
def test_turning_the_marked_edges_leaves_no_circle(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = graph
    marks = without_circles(n, edges)
    turned = [(v, u) if back else (u, v) for (u, v), back in zip(edges, marks, strict=True) if u != v]
    levels = rank(n, turned)
    assert all(levels[u] < levels[v] for u, v in turned)
    acyclic = [(min(e), max(e)) for e in edges if e[0] != e[1]]
    assert not any(without_circles(n, acyclic))


def test_parameters_stand_right_above_their_operation() -> None:
    chain = [(i, i + 1) for i in range(9)]
    assert rank(11, [*chain, (10, 9)])[10] == 8
    assert rank(12, [*chain, (10, 11), (11, 9)])[10:] == [7, 8]  # a transposed weight too


def test_parameters_in_a_frame_stand_below_what_leads_into_it() -> None:
    edges, paths = [(0, 1), (2, 1), (1, 3), (4, 3)], [(), ("a",), ("a",), ("b",), ("b",)]
    levels = rank(5, edges, paths)
    assert levels[0] < levels[2] < levels[1] < levels[4] < levels[3]


def test_the_longest_way_is_the_straight_one() -> None:
    #  0 -> 1 -> 2 -> 3 with a shortcut 0 -> 3 and a parameter 4 -> 2
    strong = strengths(5, [(0, 1), (1, 2), (2, 3), (0, 3), (4, 2)], {0})
    assert strong[0] == strong[1] == strong[2] > strong[3] > strong[4]


@given(sketches(circles=True))
def test_boxes_never_overlap_and_lie_in_their_frames_alone(sketch: Sketch) -> None:
    placed = layout(sketch)
    rects = [rect for _, rect in placed.boxes]
    for i, rect in enumerate(rects):
        assert rect.x >= 0 and rect.y >= 0 and rect.right <= placed.width and rect.bottom <= placed.height
        assert not any(rect.overlaps(other) for other in rects[:i])
    for path, frame in placed.frames:
        for box, rect in placed.boxes:
            inside = frame.x < rect.x and rect.right < frame.right and frame.y < rect.y and rect.bottom < frame.bottom
            assert inside if box.path[: len(path)] == path else not frame.overlaps(rect)


@given(sketches(circles=True))
def test_frames_are_nested_or_apart(sketch: Sketch) -> None:
    frames = layout(sketch).frames
    assert {path for path, _ in frames} == set(sketch.paths())
    for path, rect in frames:
        for other, inner in frames:
            if other != path and other[: len(path)] == path:
                assert rect.x < inner.x and inner.right < rect.right
                assert rect.y < inner.y and inner.bottom < rect.bottom
            elif path[: len(other)] != other:
                assert not rect.overlaps(inner)


def touches(rect: Rect, x: float, y: float) -> bool:
    on_edge = min(abs(y - rect.y), abs(y - rect.bottom)) < 1e-6 or abs(x - rect.right) < 1e-6
    return rect.x - 1e-6 <= x <= rect.right + 1e-6 and on_edge


@given(sketches(circles=True))
def test_every_arrow_joins_its_boxes_and_crosses_no_other(sketch: Sketch) -> None:
    placed = layout(sketch)
    place = {box.id: rect for box, rect in placed.boxes}
    assert [arrow for arrow, _, _ in placed.arrows] == sketch.arrows
    for arrow, route, back in placed.arrows:
        first, last = (arrow.target, arrow.source) if back else (arrow.source, arrow.target)
        assert touches(place[first], route[0][0], route[0][1])
        assert touches(place[last], route[-1][0], route[-1][2] if len(route) > 1 else route[-1][1])
        for x, top, bottom in route if len(route) > 1 else []:
            assert top <= bottom + 1e-6
            for box, rect in placed.boxes:
                if box.id not in (arrow.source, arrow.target):
                    assert not (rect.x < x < rect.right and top < rect.bottom - 1e-6 and rect.y + 1e-6 < bottom)
        assert all(a[2] <= b[1] + 1e-6 for a, b in zip(route, route[1:], strict=False))


@given(sketches(circles=True))
def test_the_picture_holds_every_box_arrow_frame_and_word(sketch: Sketch) -> None:
    root = ElementTree.fromstring(draw(sketch))
    nodes = {g.get("data-node"): g for g in root.iter(SVG + "g") if g.get("data-node") is not None}
    assert list(nodes) == [box.id for box in sketch.boxes]
    for box in sketch.boxes:
        shown = [text.text or "" for text in nodes[box.id].iter(SVG + "text")]
        assert shown == list(box.lines) and nodes[box.id].get("data-kind") == box.kind
    arrows = [g for g in root.iter(SVG + "g") if g.get("data-from") is not None]
    assert [(g.get("data-from"), g.get("data-to")) for g in arrows] == [(a.source, a.target) for a in sketch.arrows]
    assert all(len(list(g.iter(SVG + "path"))) == 2 for g in arrows)
    frames = [tuple(json.loads(r.get("data-frame", ""))) for r in root.iter(SVG + "rect") if r.get("data-frame")]
    assert frames == sketch.paths()
    assert not re.search(r"nan|inf", " ".join(p.get("d", "") for p in root.iter(SVG + "path")))


def spine(n: int) -> Sketch:
    """A chain with two parameters at each step, each step in a frame, and a shortcut around every third."""
    boxes, arrows = [Box("0", ("input",), "input")], []
    for i in range(1, n):
        boxes.append(Box(f"w{i}", ("weight", "64×64×3×3"), "parameter", (f"f{i}",)))
        boxes.append(Box(f"b{i}", ("bias",), "parameter", (f"f{i}",)))
        boxes.append(Box(str(i), ("op", "1×64×32×32"), "op", (f"f{i}",)))
        arrows += [Arrow(str(i - 1), str(i)), Arrow(f"w{i}", str(i)), Arrow(f"b{i}", str(i))]
        if i % 3 == 0:
            arrows.append(Arrow(str(i - 3), str(i)))
    return Sketch(boxes, arrows)


def middles(placed: Layout, ids: list[str]) -> list[float]:
    place = {box.id: rect.x + rect.width / 2 for box, rect in placed.boxes}
    return [place[i] for i in ids]


def test_the_spine_of_a_network_is_a_straight_line() -> None:
    xs = middles(layout(spine(12)), [str(i) for i in range(12)])
    assert max(xs) - min(xs) < 0.01


def test_two_equal_branches_stand_either_side_of_their_sum() -> None:
    boxes = [Box(i, (i,)) for i in ("x", "left", "right", "sum")]
    arrows = [Arrow("x", "left"), Arrow("x", "right"), Arrow("left", "sum"), Arrow("right", "sum")]
    x, left, right, total = middles(layout(Sketch(boxes, arrows)), [b.id for b in boxes])
    assert x == pytest.approx(total, abs=0.5) and (left + right) / 2 == pytest.approx(x, abs=0.5)
    assert left < x < right


def test_a_long_chain_stays_linear_and_a_single_box_works() -> None:
    boxes = [Box(str(i), ("op",)) for i in range(2000)]
    placed = layout(Sketch(boxes, [Arrow(str(i), str(i + 1)) for i in range(1999)]))
    assert placed.width < 200 and len(placed.arrows) == 1999
    assert layout(Sketch([Box("one", ("one",))])).frames == []
    assert "<svg" in draw(Sketch())


def test_the_same_sketch_gives_the_same_picture() -> None:
    assert draw(spine(8)) == draw(spine(8))


@pytest.mark.parametrize(
    ("sketch", "message"),
    [
        (Sketch([Box("a", ("a",)), Box("a", ("b",))]), "two boxes have the id 'a'"),
        (Sketch([Box("a", ("a",))], [Arrow("a", "b")]), "an arrow ends at 'b'"),
        (Sketch([Box("a", ("a",), "star")]), "'star' is unknown; give one of op, input"),
    ],
)
def test_a_sketch_that_is_not_a_graph_is_refused(sketch: Sketch, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        layout(sketch)
