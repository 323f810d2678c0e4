"""Fold repeated blocks: of equal blocks in a row only the first is drawn, and says how often it stands there.

A block is a frame with all that is in it, or a single box. Blocks fold where they are alike in everything but their
names (operations, settings, shapes, parameters, inner arrows), and each takes what it needs from the one before
it in the same way. Residual stages of a ResNet and the layers of a dense block are such rows; the first block of
a stage, which changes the shape, is not part of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tinygrad_cv.viz.sketch import Arrow, Box, Path, Sketch

Signature = tuple[object, ...]


@dataclass
class _Block:
    """A frame or a single box, with the places of its boxes in the sketch."""

    path: Path | None
    members: list[int]


def fold(sketch: Sketch, signatures: Mapping[str, Signature]) -> Sketch:
    """Fold what repeats; boxes without a signature (parameters, inputs) are compared by their lines but the first."""
    folded = sketch
    done = 0
    while True:
        run = next(_runs(folded, signatures, done), None)
        if run is None:
            return folded
        depth, blocks = run
        folded, done = _without(folded, blocks), depth


def _runs(sketch: Sketch, signatures: Mapping[str, Signature], depth: int) -> Iterator[tuple[int, list[_Block]]]:
    """Rows of at least two equal blocks, outermost rows first; ``depth`` is where the last one was found."""
    place = {box.id: i for i, box in enumerate(sketch.boxes)}
    arrows = [(place[a.source], place[a.target], a) for a in sketch.arrows]
    deepest = max((len(box.path) for box in sketch.boxes), default=0)
    for level in range(depth, deepest + 1):
        for blocks in _rows(sketch, level):
            described = [_described(sketch, block, arrows, signatures) for block in blocks]
            first = 0
            while first < len(blocks) - 1:
                end = first + 1
                while end < len(blocks) and _follows(blocks[end - 1 : end + 1], described[end - 1 : end + 1], arrows):
                    end += 1
                if end - first > 1:
                    yield level, blocks[first:end]
                first = end


def _rows(sketch: Sketch, level: int) -> list[list[_Block]]:
    """For each frame at a depth, the blocks directly inside it in the order of the boxes."""
    rows: dict[Path, dict[object, _Block]] = defaultdict(dict)
    for i, box in enumerate(sketch.boxes):
        if len(box.path) >= level:
            inner = box.path[: level + 1] if len(box.path) > level else None
            if inner is None and box.kind not in ("op", "module", "layer"):
                continue
            key: object = inner if inner is not None else i
            rows[box.path[:level]].setdefault(key, _Block(inner, [])).members.append(i)
    return [list(row.values()) for row in rows.values() if len(row) > 1]


def _described(
    sketch: Sketch, block: _Block, arrows: Sequence[tuple[int, int, Arrow]], signatures: Mapping[str, Signature]
) -> Signature:
    """All of a block but its names: what its boxes are, how they are framed, and the arrows among them."""
    index = {v: i for i, v in enumerate(block.members)}
    depth = len(block.path or ())
    names: dict[Path, int] = {}
    content = []
    for v in block.members:
        box = sketch.boxes[v]
        inner = box.path[depth:]
        frames = tuple(names.setdefault(inner[:k], len(names)) for k in range(1, len(inner) + 1))
        content.append((box.kind, signatures.get(box.id, box.lines[1:]), frames, box.copies))
    among = tuple((index[u], index[v], a.style) for u, v, a in arrows if u in index and v in index)
    label = sketch.labels(block.path)[1] if block.path else ""
    return tuple(content), among, label, block.path is None


def _follows(
    pair: Sequence[_Block], described: Sequence[Signature], arrows: Sequence[tuple[int, int, Arrow]]
) -> bool:
    """Whether the second block equals the first, and feeds on nothing but it in the way that the first was fed."""
    if described[0] != described[1]:
        return False
    first, second = ({v: i for i, v in enumerate(block.members)} for block in pair)
    entering = [(u, second[v]) for u, v, _ in arrows if v in second and u not in second]
    if not entering or any(u not in first for u, _ in entering):
        return False
    leaving = [v for u, v, _ in arrows if u in first and v not in first]
    if any(v not in second for v in leaving):
        return False
    before = [(u, first[v]) for u, v, _ in arrows if v in first and u not in first]
    # The doors by which values come in must be the same; equal sources must stay equal.
    return _doors(entering) == _doors(before)


def _doors(entering: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Incoming arrows with their sources numbered in the order of their first use."""
    number: dict[int, int] = {}
    return [(number.setdefault(u, len(number)), v) for u, v in sorted(entering, key=lambda e: (e[1], e[0]))]


def _without(sketch: Sketch, blocks: Sequence[_Block]) -> Sketch:
    """Keep the first block for all; what the last one gave is now given by the first."""
    first, last, count = blocks[0], blocks[-1], len(blocks)
    gone = {v for block in blocks[1:] for v in block.members}
    stands_for = {sketch.boxes[v].id: sketch.boxes[w].id for v, w in zip(last.members, first.members, strict=True)}
    removed = {sketch.boxes[v].id for v in gone}
    boxes = [box for i, box in enumerate(sketch.boxes) if i not in gone]
    arrows = []
    for arrow in sketch.arrows:
        if arrow.target in removed:
            continue
        if arrow.source in removed:
            arrow = replace(arrow, source=stands_for[arrow.source])
        arrows.append(arrow)
    frames = dict(sketch.frames)
    if first.path is not None and last.path is not None:
        name, kind = sketch.labels(first.path)
        frames[first.path] = (f"{name} … {sketch.labels(last.path)[0]}", f"{count} × {kind}" if kind else f"{count} ×")
    else:
        names = [sketch.boxes[block.members[0]] for block in (first, last)]
        boxes = [_piled(box, names[1], count) if box.id == names[0].id else box for box in boxes]
    return replace(sketch, boxes=boxes, arrows=arrows, frames=frames)


def _piled(box: Box, last: Box, count: int) -> Box:
    """A box that stands for several in a row: its lines name the first and the last."""
    lines = [f"{count} × {box.lines[0]}"]
    if box.kind != "op" and len(box.lines) > 1 and box.lines[1] != last.lines[1]:
        lines.append(f"{box.lines[1].split(' · ')[0]} … {last.lines[1]}")
    lines += box.lines[len(lines) :]
    if len(lines) > 2 and lines[-1].endswith(("madds", "parameters")):
        lines[-1] += " each"
    return replace(box, lines=tuple(lines), copies=box.copies * count)
