"""A forward pass as a program: operations, where each argument comes from, and the numbers that do not change.

It is read from what the engine recorded, not from the modules, so functional calls, modules that run twice and
operations that write in place come out as they ran. The page draws it, explains single values with it, and an exported
page runs it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv.autograd.node import Node
from tinygrad_cv.autograd.observe import Observer, observing
from tinygrad_cv.explain import record
from tinygrad_cv.explain.recording import Recording
from tinygrad_cv.ops.geometry import Window
from tinygrad_cv.typing import Array

Source = tuple[str, int]
"""("image", 0), ("step", k), ("constant", k), ("none", 0) for an argument that is left out, or ("lost", 0) for one that
was made from the image by what leaves no derivative."""

MOVERS = ("Reshape", "Expand", "Clone", "Cast", "Permute")
"""Operations that hand values on as they are; the page does not show their results again."""


@dataclass(eq=False)
class Step:
    """One operation of a program.

    Attributes
    ----------
    name : of the layer, as in `Recording.names`.
    op : the operation's name; ``settings`` what it was made with, as plain values.
    sources : where each argument comes from.
    shape : of the result, with the batch of one.
    node : what was recorded.
    """

    name: str
    op: str
    settings: dict[str, Any]
    sources: list[Source]
    shape: tuple[int, ...]
    node: Node

    @property
    def is_shown(self) -> bool:
        """Whether the result is worth a picture: it is new, and a map or a row of numbers."""
        return self.op not in MOVERS and len(self.shape) in (2, 4) and self.shape[0] == 1


@dataclass(eq=False)
class Program:
    """The steps between an image and the scores, with the recording that they were read from.

    Attributes
    ----------
    recording : the forward pass, with the value of every step.
    steps, constants : the operations in their order; the arrays that they use, parameters and others.
    """

    recording: Recording
    steps: list[Step]
    constants: list[Array]

    def value(self, source: Source) -> Array:
        """The array behind a source."""
        kind, place = source
        if kind == "image":
            return np.asarray(self.recording.input._data)
        return self.constants[place] if kind == "constant" else self.recording.values[self.steps[place].node]

    def work(self, step: Step) -> int:
        """The multiply-adds of a step."""
        shapes = [None if kind in ("none", "lost") else self.value((kind, k)).shape for kind, k in step.sources]
        try:
            return int(step.node.op.cost(step.shape, *shapes))
        except (AssertionError, TypeError, IndexError):  # shapes that an op's formula does not foresee
            return 0

    def description(self) -> dict[str, Any]:
        """All but the numbers, as plain values."""
        return {
            "steps": [
                {
                    "name": s.name, "op": s.op, "settings": s.settings, "sources": s.sources, "shape": s.shape,
                    "shown": s.is_shown,
                }
                for s in self.steps
            ],
            "constants": [{"shape": c.shape} for c in self.constants],
            "image": self.recording.input.shape,
        }  # fmt: skip

    def signature(self) -> str:
        """The same for two runs that took the same way through the network."""
        text = json.dumps([(s.name, s.op, s.sources, s.shape) for s in self.steps])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Listener(Observer):
    """Keeps every call: the op, its arguments and its result."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, tuple[Any, ...], Any]] = []

    def after_forward(self, op: Any, inputs: Sequence[Any], output: Any, seconds: float) -> None:
        self.calls.append((op, tuple(inputs), output))


def read_program(model: Callable[[Any], Any], image: Array) -> Program:
    """Run a network on one image (C, H, W) in evaluation mode and return what it did."""
    listener = _Listener()
    with observing(listener):
        recording = record(model, image, values=True)
    names: dict[Node, str] = {}
    for name, node in recording.names.items():
        names.setdefault(node, name)
    places = {node: k for k, node in enumerate(recording.nodes)}
    steps: list[Step] = []
    constants: list[Array] = []
    known: dict[int, int] = {}  # constants by the identity of their arrays
    tainted = {id(recording.input._data)}  # arrays that depend on the image
    for op, inputs, output in listener.calls:
        node = output.grad_fn
        edges = node.inputs if node is not None else ()
        sources: list[Source | None] = []
        depends = False
        for k, value in enumerate(inputs):
            edge = edges[k] if k < len(edges) else None
            if edge is recording.input:
                sources.append(("image", 0))
            elif isinstance(edge, Node) and edge in places:
                sources.append(("step", places[edge]))
            elif isinstance(value, np.ndarray) and id(value) in tainted:
                sources.append(("lost", 0))
            else:
                sources.append(None)
            depends |= sources[-1] is not None
        if depends:
            tainted.add(id(output._data))
        if node not in places:
            continue
        for k, value in enumerate(inputs):
            if sources[k] is None and value is not None:
                array = np.asarray(value)
                if id(value) not in known:
                    known[id(value)] = len(constants)
                    constants.append(array)
                sources[k] = "constant", known[id(value)]
        settings = {k: plain for k, v in vars(op).items() if (plain := _plain(v)) is not None}
        found = [s if s is not None else ("none", 0) for s in sources]
        steps.append(Step(names.get(node, op.name), op.name, settings, found, node.shape, node))
    return Program(recording, steps, constants)


def _plain(value: Any) -> Any:
    """A setting as JSON has it; None for what it has not."""
    if isinstance(value, Window):
        return {name: _plain(getattr(value, name)) for name in ("kernel", "stride", "padding", "dilation")}
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return "..."
    if isinstance(value, (tuple, list)):
        parts = [_plain(v) for v in value]
        return None if any(p is None for p in parts) else parts
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, (bool, int, float, str)) else None
