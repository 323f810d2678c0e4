"""Which elements of an operation's arguments an element of its result was made from, as boxes.

A box is a range (low, high) for each dimension. Boxes are never too small. They are the smallest possible ones for
windows, poolings, shifts, joints, reorderings and products with constant matrices (resizing), as long as no gap (a
dilation, a stride wider than the window) lies where another layer's window ends; and they are the whole argument where
an operation looks where its data tell it to, or is not known here.

A window of K pixels, D apart, that moves by S over an image padded by P reads for result i the pixels

    i * S - P + k * D,  k = 0 .. K - 1

(Dumoulin and Visin 2016, relationship 14, read from the result's side.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv.autograd.node import Node
from tinygrad_cv.ops.geometry import Window

Range = tuple[int, int]
Box = tuple[Range, ...]
Part = tuple[Any, ...]
"""A box in the making: for each dimension a range, or positions with gaps between them."""
Parts = list[Part | None]


def whole(shape: tuple[int, ...]) -> Box:
    """Everything."""
    return tuple((0, n) for n in shape)


def _settled(part: Part, shape: tuple[int, ...], clip: bool) -> Box | None:
    """The smallest box around a part; with ``clip``, around what of it lies inside. None around nothing."""
    ranges: list[Range] = []
    for at, n in zip(part, shape):
        if isinstance(at, np.ndarray):
            at = at[(at >= 0) & (at < n)] if clip else at
            ranges.append((int(at.min()), int(at.max()) + 1) if at.size else (0, 0))
        else:
            ranges.append((max(at[0], 0), min(at[1], n)) if clip else at)
    return None if any(low >= high for low, high in ranges) else tuple(ranges)


def hull(a: Box | None, b: Box) -> Box:
    """The smallest box around two, or around one."""
    if a is None:
        return b
    return tuple((min(p[0], q[0]), max(p[1], q[1])) for p, q in zip(a, b))


def sources(node: Node, box: Box, clip: bool = True) -> list[Box | None]:
    """For each argument of a node, the box that the results in ``box`` were made from; None where nothing was.

    Without ``clip`` a box may reach beyond the argument, into the padding.
    """
    rule = _RULES.get(node.op.name)
    home = type(node.op).__module__.rpartition(".")[2]
    if rule is not None:
        parts = rule(node, box)
    elif home in ("arithmetic", "elementwise") or node.op.name in ("Cast", "Clone", "FrozenBatchNorm"):
        parts = [box if _shape(edge) == node.shape else whole(_shape(edge)) for edge in node.inputs]
    else:
        parts = [whole(_shape(edge)) for edge in node.inputs]
    return [None if p is None else _settled(p, _shape(edge), clip) for p, edge in zip(parts, node.inputs)]


def _shape(edge: Any) -> tuple[int, ...]:
    return () if edge is None else tuple(edge.shape)


def _slide(window: Window, box: Box) -> list[Any]:
    """The rows and columns that a window reads."""
    positions = []
    for axis, (low, high) in enumerate(box):
        taps = np.arange(window.kernel[axis]) * window.dilation[axis] - window.padding[2 * axis]
        positions.append((np.arange(low, high)[:, None] * window.stride[axis] + taps).ravel())
    return positions


def _channels(op: Any, drawn: Range, outside: int, inside: int) -> Range:
    """The channels that the filters of the groups in question read."""
    low, high = drawn[0] * op.groups // outside, (drawn[1] - 1) * op.groups // outside + 1
    return low * inside // op.groups, high * inside // op.groups


def _conv(node: Node, box: Box) -> Parts:
    op: Any = node.op
    shape = _shape(node.inputs[0])
    read = (box[0], _channels(op, box[1], node.shape[1], shape[1]), *_slide(op.window, box[2:])) if shape else None
    return [read, *(whole(_shape(edge)) for edge in node.inputs[1:])]


def _transposed(node: Node, box: Box) -> Parts:
    """The pixels whose windows cover a result: i with i*S + p*D - P in the range for some p."""
    op: Any = node.op
    shape = _shape(node.inputs[0])
    rest: Parts = [whole(_shape(edge)) for edge in node.inputs[1:]]
    if not shape:
        return [None, *rest]
    ranges = []
    for axis, (low, high) in enumerate(box[2:]):
        w: Window = op.window
        taps = np.arange(w.kernel[axis]) * w.dilation[axis]
        at = np.arange(low, high)[:, None] + w.padding[2 * axis] - taps
        ranges.append(at[at % w.stride[axis] == 0] // w.stride[axis])
    return [(box[0], _channels(op, box[1], node.shape[1], shape[1]), *ranges), *rest]


def _pool(node: Node, box: Box) -> Parts:
    op: Any = node.op
    return [(*box[:2], *_slide(op.window, box[2:]))]


def _adaptive(node: Node, box: Box) -> Parts:
    """Part i of O covers floor(i N / O) to ceil((i + 1) N / O)."""
    op: Any = node.op
    parts = [(low * n // o, -(-high * n // o)) for (low, high), n, o in zip(box[2:], op.size, op.out)]
    return [(*box[:2], *parts)]


def _unfold(node: Node, box: Box) -> Parts:
    op: Any = node.op
    columns = op.window.output(op.size, "unfold")[1]
    first, last = divmod(box[2][0], columns), divmod(box[2][1] - 1, columns)
    across = (first[1], last[1] + 1) if first[0] == last[0] else (0, columns)
    channels = (0, _shape(node.inputs[0])[1])
    return [(box[0], channels, *_slide(op.window, ((first[0], last[0] + 1), across)))]


def _reduce(node: Node, box: Box) -> Parts:
    op: Any = node.op
    kept = iter(box)
    shape = _shape(node.inputs[0])
    ranges = []
    for d, n in enumerate(shape):
        there = (0, 1) if d in op.dims and not op.keepdim else next(kept)
        ranges.append((0, n) if d in op.dims else there)
    return [tuple(ranges)]


def _along(node: Node, box: Box) -> Parts:
    """One dimension is mixed, the others pass through."""
    op: Any = node.op
    d = op.dim % len(node.shape)
    source = _shape(node.inputs[0])
    return [tuple((0, source[i]) if i == d else r for i, r in enumerate(box)), *(None for _ in node.inputs[1:])]


def _linear(node: Node, box: Box) -> Parts:
    x = _shape(node.inputs[0])
    return [(*box[:-1], (0, x[-1])) if x else None, *(whole(_shape(edge)) for edge in node.inputs[1:])]


def _matmul(node: Node, box: Box) -> Parts:
    """Rows of a, columns of b; of b only the rows where a constant matrix a is not zero."""
    a, b = map(_shape, node.inputs)
    m = node.saved[0] if node.saved else None
    inner = (0, b[-2]) if b else (0, 0)
    if isinstance(m, np.ndarray):
        used = np.flatnonzero(np.any(m[..., slice(*box[-2]), :] != 0, axis=tuple(range(m.ndim - 1))))
        inner = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 0)
    left = (*_leading(a, box), box[-2], (0, a[-1])) if a else None
    right = (*_leading(b, box), inner, box[-1]) if b and inner[1] > inner[0] else None
    return [left, right]


def _leading(shape: tuple[int, ...], box: Box) -> Box:
    return tuple((0, 1) if n == 1 else r for n, r in zip(shape[:-2], box[:-2]))


def _pad(node: Node, box: Box) -> Parts:
    op: Any = node.op
    return [tuple((low - b, high - b) for (low, high), b in zip(box, op.before))]


def _crop(node: Node, box: Box) -> Parts:
    op: Any = node.op
    return [tuple((low + b, high + b) for (low, high), b in zip(box, op.before))]


def _flip(node: Node, box: Box) -> Parts:
    op: Any = node.op
    return [tuple((n - h, n - lo) if d in op.dims else (lo, h) for d, ((lo, h), n) in enumerate(zip(box, node.shape)))]


def _cat(node: Node, box: Box) -> Parts:
    op: Any = node.op
    parts: Parts = []
    start = 0
    for size in op.sizes:
        low, high = max(box[op.dim][0] - start, 0), min(box[op.dim][1] - start, size)
        parts.append(tuple((low, high) if d == op.dim else r for d, r in enumerate(box)) if low < high else None)
        start += size
    return parts


def _permute(node: Node, box: Box) -> Parts:
    op: Any = node.op
    return [tuple(r for _, r in sorted(zip(op.dims, box)))]


def _expand(node: Node, box: Box) -> Parts:
    shape = _shape(node.inputs[0])
    fitting = box[len(box) - len(shape) :]
    return [tuple((0, 1) if n == 1 else r for n, r in zip(shape, fitting))]


def _reshape(node: Node, box: Box) -> Parts:
    """Dimensions are matched in groups of equal size; inside a group, positions are counted through."""
    source, result = _shape(node.inputs[0]), node.shape
    ranges: list[Range] = []
    i = j = 0
    while i < len(source) or j < len(result):
        a, b = i, j
        size, wanted = 1, 1
        while True:
            if i < len(source) and (size < wanted or i == a):
                size, i = size * source[i], i + 1
            elif j < len(result) and (wanted < size or j == b):
                wanted, j = wanted * result[j], j + 1
            if size == wanted and (i > a or i == len(source)) and (j > b or j == len(result)):
                break
        ranges += _regrouped(source[a:i], result[b:j], box[b:j])
    return [tuple(ranges)]


def _regrouped(source: tuple[int, ...], result: tuple[int, ...], box: Box) -> list[Range]:
    wide = [n for n in result if n > 1]
    if len(wide) <= 1 and [n for n in source if n > 1] == wide:  # the same dimension, perhaps with ones around
        passed = next((r for r, n in zip(box, result) if n > 1), (0, 1))
        return [passed if n > 1 else (0, 1) for n in source]
    inside = _settled(box, result, True) or whole(result)
    first = int(np.ravel_multi_index([r[0] for r in inside], result))
    last = int(np.ravel_multi_index([r[1] - 1 for r in inside], result))
    ranges: list[Range] = []
    for k, n in enumerate(source):
        step = math.prod(source[k + 1 :])
        low, high = first // step, last // step
        ranges.append((low % n, high % n + 1) if low // n == high // n else (0, n))
    return ranges


def _positions(shape: tuple[int, ...], select: Callable[[Any], Any]) -> list[Any]:
    """For each dimension, where in it every selected element stands."""
    return [select(np.broadcast_to(at, shape)) for at in np.ix_(*(np.arange(n) for n in shape))]


def _take(node: Node, box: Box) -> Parts:
    inside = _settled(box, node.shape, True)
    if inside is None:
        return [None]
    part = tuple(slice(*r) for r in inside)
    at = [p[part] for p in _positions(_shape(node.inputs[0]), node.op.forward)]
    return [tuple((int(p.min()), int(p.max()) + 1) for p in at)]


def _replace(node: Node, box: Box) -> Parts:
    """What was overwritten no longer matters; what was written in its place does."""
    op: Any = node.op
    at = _positions(node.shape, op.select.forward)
    asked = np.zeros(node.shape, bool)
    asked[tuple(slice(max(low, 0), high) for low, high in box)] = True
    written = np.nonzero(asked[tuple(at)])
    asked[tuple(at)] = False
    return [tuple(np.nonzero(asked)), tuple(written)]


_RULES: dict[str, Callable[[Node, Box], Parts]] = {
    "Conv2d": _conv, "Conv2dGradX": _transposed, "Unfold": _unfold,
    "MaxPool2d": _pool, "AvgPool2d": _pool, "AdaptiveMaxPool2d": _adaptive, "AdaptiveAvgPool2d": _adaptive,
    "Sum": _reduce, "ExtremeOf": _reduce, "Softmax": _along, "LogSoftmax": _along, "CumSum": _along, "Gather": _along,
    "Linear": _linear, "MatMul": _matmul, "Pad": _pad, "Crop": _crop, "Flip": _flip, "Cat": _cat,
    "Permute": _permute, "Expand": _expand, "Reshape": _reshape, "Take": _take, "Replace": _replace,
}  # fmt: skip
