"""The reverse pass of a drawn graph: a gradient for every value that learns, alone or beside the forward pass.

Every box through which gradients flow gets a partner that says the shape of what arrives there. Arrows between partners
point upwards, against those of the forward pass. Where a value was used more than once, its gradients come in parts,
and a small box adds them. In a joined drawing, dashed arrows lead from the values that the derivative rules keep to the
partners that need them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.viz.sketch import Arrow, Box, Path, Sketch

WAYS = ("no", "joined", "apart")
FRAME = "reverse pass"


@dataclass
class Mirror:
    """What the reverse pass does with a sketch.

    Attributes
    ----------
    lines : for each box through which a gradient flows, from the outputs to the leaves, the words of its partner.
    kept : for a box, whose values its derivative rules keep.
    """

    lines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)


def check_way(way: str | bool) -> str:
    """The word for how the reverse pass is drawn; True means joined."""
    word = {True: "joined", False: "no"}.get(way, way) if isinstance(way, bool) else way
    if word not in WAYS:
        raise ArgumentError(f"draw_graph: backward is {way!r}; give one of {', '.join(WAYS)}")
    return word


def mirrored(sketch: Sketch, mirror: Mirror, way: str) -> Sketch:
    """The sketch with its reverse pass (``joined``), or the reverse pass alone (``apart``)."""
    if way == "no":
        return sketch
    drawn = {box.id: box for box in sketch.boxes}
    partner = {id_: f"∇ {id_}" for id_ in mirror.lines if id_ in drawn}
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    flows = [a for a in sketch.arrows if a.style == "flow" and a.source in partner and a.target in partner]
    parts: dict[str, int] = {}
    for arrow in flows:
        parts[arrow.source] = parts.get(arrow.source, 0) + 1
    for box in sketch.boxes:
        if box.id not in partner or not (box.kind == "output" or box.id in parts):
            continue
        path = (FRAME, *box.path) if way == "joined" else box.path
        lines = mirror.lines[box.id]
        kept = [id_ for id_ in mirror.kept.get(box.id, ()) if id_ in drawn]
        if way == "apart" and kept:
            lines = (*lines, "keeps " + ", ".join(_short(drawn[id_], box) for id_ in kept))
        kind = {"output": "output", "parameter": "parameter", "input": "parameter"}.get(box.kind, "gradient")
        boxes.append(replace(box, id=partner[box.id], lines=lines, kind=kind, path=path, tip=f"gradient of {box.id}"))
        if parts.get(box.id, 0) > 1:
            adds = (f"+ {parts[box.id]} parts",)
            boxes.append(Box(f"+ {box.id}", adds, "note", path, "a value used more than once: its gradients add up"))
            arrows.append(Arrow(f"+ {box.id}", partner[box.id], "", "back"))
        if way == "joined":
            arrows += [Arrow(id_, partner[box.id], "", "saved") for id_ in kept]
            if box.kind == "output":
                arrows.append(Arrow(box.id, partner[box.id]))
    there = {box.id for box in boxes}
    for arrow in flows:
        end = f"+ {arrow.source}" if parts[arrow.source] > 1 else partner[arrow.source]
        if end in there and partner[arrow.target] in there:
            arrows.append(Arrow(partner[arrow.target], end, "", "back"))
    frames = _frames(sketch, way)
    if way == "apart":
        return replace(sketch, boxes=boxes, arrows=arrows, frames=frames, title=f"{sketch.title}: the reverse pass")
    return replace(sketch, boxes=[*sketch.boxes, *boxes], arrows=[*sketch.arrows, *arrows], frames=frames)


def _short(kept: Box, owner: Box) -> str:
    """What a derivative keeps, in a word or two."""
    return "its result" if kept.id == owner.id else kept.lines[0]


def _frames(sketch: Sketch, way: str) -> dict[Path, tuple[str, str]]:
    if way == "apart":
        return dict(sketch.frames)
    return {**sketch.frames, (FRAME,): (FRAME, ""), **{(FRAME, *path): words for path, words in sketch.frames.items()}}
