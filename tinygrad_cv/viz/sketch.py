"""A graph as it is to be drawn: boxes with lines of text, arrows between them, frames around groups.

This is the meeting point of those who know what a graph means (`tinygrad_cv.viz.graph`) and those who draw one
(`tinygrad_cv.viz.layered` by itself, `tinygrad_cv.viz.dot` with Graphviz). It holds no positions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tinygrad_cv.ops.errors import ArgumentError

Path = tuple[str, ...]
"""The frames that something lies in, outermost first."""

KINDS = ("op", "input", "parameter", "buffer", "output", "module", "layer", "saved", "note", "gradient")
STYLES = ("flow", "saved", "back")


@dataclass(frozen=True)
class Box:
    """A node. The first line is its name; the others are set small. ``copies`` above one draws a pile."""

    id: str
    lines: tuple[str, ...]
    kind: str = "op"
    path: Path = ()
    tip: str = ""
    copies: int = 1


@dataclass(frozen=True)
class Arrow:
    """An edge, drawn downwards from its source; ``saved`` is dashed, ``back`` (a gradient) coloured and points up."""

    source: str
    target: str
    label: str = ""
    style: str = "flow"


@dataclass
class Sketch:
    """A whole graph.

    Attributes
    ----------
    boxes, arrows : in the order of the computation; it decides what stands left of what where nothing else does.
    frames : for a path, the words at the top left and at the top right of its frame. A frame that is not named
        here shows the last word of its path.
    title, description : for the reader, and for those who have the picture read to them.
    """

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    frames: dict[Path, tuple[str, str]] = field(default_factory=dict)
    title: str = "Graph"
    description: str = ""

    def check(self) -> Sketch:
        """Return the sketch itself if its boxes are distinct, its arrows tied and its words known."""
        ids = {box.id for box in self.boxes}
        if len(ids) < len(self.boxes):
            twice = next(b.id for i, b in enumerate(self.boxes) if any(b.id == c.id for c in self.boxes[:i]))
            raise ArgumentError(f"Sketch: two boxes have the id {twice!r}; give each its own")
        for arrow in self.arrows:
            loose = next((end for end in (arrow.source, arrow.target) if end not in ids), None)
            if loose is not None:
                raise ArgumentError(f"Sketch: an arrow ends at {loose!r}, but no box has that id; add the box first")
        for word, known in [*((b.kind, KINDS) for b in self.boxes), *((a.style, STYLES) for a in self.arrows)]:
            if word not in known:
                raise ArgumentError(f"Sketch: {word!r} is unknown; give one of {', '.join(known)}")
        return self

    def paths(self) -> list[Path]:
        """Every frame, an outer one before those inside it."""
        found = dict.fromkeys(box.path[:k] for box in self.boxes for k in range(1, len(box.path) + 1))
        return sorted(found, key=len)

    def labels(self, path: Path) -> tuple[str, str]:
        """The words at the left and at the right of a frame's upper edge."""
        return self.frames.get(path, (path[-1], ""))


def common(paths: Iterable[Path]) -> Path:
    """The innermost frame around all.

    >>> common([("a", "b", "c"), ("a", "b"), ("a", "b", "d")])
    ('a', 'b')
    """
    first, *others = paths
    for other in others:
        depth = next((k for k, (a, b) in enumerate(zip(first, other, strict=False)) if a != b), len(other))
        first = first[:depth]
    return first
