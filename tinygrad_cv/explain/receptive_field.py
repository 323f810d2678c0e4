"""The receptive field: which pixels of the image a unit of the network can see at all, and which ones it really uses.

The first is a box, found by following one recorded forward pass backwards from the unit (`reach`): through strides,
paddings, dilations and poolings, and through every branch, whose boxes are united where the branches part. The second
is the size of the gradient.

A pooling enlarges the field, like every window: conv 5, pool 2, conv 5, pool 2 see 5, 6, 14 and 16 pixels. A window of
K adds (K - 1) J, where the jump J is the product of all strides *below* it, not the stride of the last layer alone.

>>> from tinygrad_cv import nn
>>> net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.MaxPool2d(2), nn.Conv2d(4, 4, 5), nn.MaxPool2d(2))
>>> [field.size[0] for field in receptive_fields(net, (1, 3, 32, 32))]
[5, 6, 14, 16]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinygrad_cv.autograd import grad
from tinygrad_cv.autograd.node import Node
from tinygrad_cv.explain.reach import Box, hull, sources
from tinygrad_cv.explain.recording import Recording, is_map, record
from tinygrad_cv.ops.errors import ArgumentError, DimError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array


class Region(NamedTuple):
    """Pixels of an image: rows top .. bottom - 1, columns left .. right - 1."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left


def look_back(recording: Recording, node: Node, box: Box, clip: bool = True) -> Box | None:
    """Follow a box of a node's values back to the input; None where no pixel plays a part.

    Without ``clip`` the box may reach into the padding, as if the image went on for ever.
    """
    waiting: dict[Any, Box] = {node: box}
    for step in reversed(recording.nodes):
        asked = waiting.pop(step, None)
        if asked is None:
            continue
        for edge, part in zip(step.inputs, sources(step, asked, clip)):
            if edge is not None and part is not None:
                waiting[edge] = hull(waiting.get(edge), part)
    return waiting.get(recording.input)


@dataclass(eq=False)
class ReceptiveField:
    """What the units of one layer see, in pixels of the image; pairs are (vertical, horizontal).

    Attributes
    ----------
    name, kind, shape : of the layer: its path, its operation, the shape of its result.
    size : how many pixels a unit in the middle sees.
    jump : how far apart the fields of neighbouring units lie; 0 where there is one unit only.
    start : the centre of the first unit's field, counted from the image's corner: 0.5 is the centre of the first
        pixel, and what padding adds lies below zero.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    size: tuple[int, int]
    jump: tuple[float, float]
    start: tuple[float, float]
    recording: Recording = field(repr=False)
    node: Node = field(repr=False)

    def box(self, row: int = 0, column: int = 0, clip: bool = True) -> Region:
        """The pixels that one unit sees; without ``clip`` also those that padding stands for.

        Raises
        ------
        DimError
            There is no such unit.
        """
        found = look_back(self.recording, self.node, self._unit(row, column), clip)
        if found is None:
            return Region(0, 0, 0, 0)
        (top, bottom), (left, right) = found[2], found[3]
        return Region(top, left, bottom, right)

    def effective(self, row: int | None = None, column: int | None = None) -> Array:
        """How much each pixel really counts for a unit (the middle one if none is named): (H, W), the largest 1.

        The mean, over the images of the batch and over channels, of the absolute derivative of the unit's channels,
        summed, with respect to the pixel. Near the middle of the box it is largest, as a random walk is most often
        near its start.

        Source: W. Luo, Y. Li, R. Urtasun, R. Zemel, "Understanding the effective receptive field in deep
        convolutional neural networks", NeurIPS 2016.
        """
        if not is_map(self.node):
            raise ArgumentError(f"effective: {self.name} has the shape {self.shape}; give a layer with maps")
        height, width = self.shape[2:]
        unit = self._unit(height // 2 if row is None else row, width // 2 if column is None else column)
        seed = np.zeros(self.shape, self.node.dtype)
        seed[tuple(slice(*r) for r in unit)] = 1
        handle = Tensor._from_node(np.empty(self.shape, self.node.dtype), self.node)
        (g,) = grad(handle, self.recording.input, Tensor(seed), retain_graph=True)
        seen = np.abs(np.asarray(g)).mean((0, 1))
        return seen / (seen.max() or 1)

    def _unit(self, row: int, column: int) -> Box:
        if len(self.shape) != 4:
            return tuple((0, n) for n in self.shape)
        ranges = [(0, self.shape[0]), (0, self.shape[1])]
        for at, n, word in ((row, self.shape[2], "row"), (column, self.shape[3], "column")):
            if not -n <= at < n:
                raise DimError(f"receptive field: {self.name} has no {word} {at}; give one from 0 to {n - 1}")
            ranges.append((at % n, at % n + 1))
        return tuple(ranges)


class ReceptiveFields:
    """The fields of all layers, in order; by position, or by name: ``fields["features.3"]``. Printing gives a table."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        shown = dict.fromkeys(node for node in recording.names.values() if 0 not in node.shape)
        self._fields = {node: measure(recording, node) for node in shown}

    def __iter__(self) -> Iterator[ReceptiveField]:
        return iter(self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    def __getitem__(self, layer: str | int) -> ReceptiveField:
        if isinstance(layer, int):
            return list(self._fields.values())[layer]
        return self._fields[self.recording.find(layer)]

    def __str__(self) -> str:
        head = ("layer", "operation", "result", "sees", "jump", "start")
        rows = [head] + [
            (f.name, f.kind, "x".join(map(str, f.shape[1:])), _pair(f.size), _pair(f.jump), _pair(f.start))
            for f in self
        ]
        widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
        return "\n".join("  ".join(word.ljust(w) for word, w in zip(row, widths)).rstrip() for row in rows)


def receptive_fields(model: Any, images: Any) -> ReceptiveFields:
    """Return what every layer of a network sees, from one forward pass in evaluation mode.

    Parameters
    ----------
    model : a module, or any function of a tensor.
    images : a batch (N, C, H, W), or its shape. The fields do not depend on the values; effective fields do.
    """
    return ReceptiveFields(record(model, images))


def measure(recording: Recording, node: Node) -> ReceptiveField:
    """Measure the field of a node's units: at the first, a middle and the last one."""
    spatial = node.shape[2:] if len(node.shape) == 4 else (1, 1)
    ends = [(0, n // 2, n - 1) for n in spatial]
    found = ReceptiveField(recording.name(node), node.op.name, node.shape, (0, 0), (0, 0), (0, 0), recording, node)
    first, middle, last = (found.box(row, column, clip=False) for row, column in zip(*ends))
    size, jump, start = [], [], []
    for axis in (0, 1):
        size.append(max(box.size[axis] for box in (first, middle, last)))
        centres = [(box[axis] + box[axis + 2]) / 2 for box in (first, last)]
        jump.append((centres[1] - centres[0]) / max(spatial[axis] - 1, 1))
        start.append(centres[0])
    found.size, found.jump, found.start = (size[0], size[1]), (jump[0], jump[1]), (start[0], start[1])
    return found


def _pair(values: Sequence[float]) -> str:
    a, b = (f"{v:.3g}" for v in values)
    return a if a == b else f"{a}, {b}"
