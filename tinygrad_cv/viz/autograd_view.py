"""The graph that a backward pass will walk: operations, the leaves they started from, and what they saved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tinygrad_cv.autograd.node import Node
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.viz.mirror import Mirror
from tinygrad_cv.viz.sketch import Arrow, Box, Path, Sketch, common
from tinygrad_cv.viz.statistics import stats_of
from tinygrad_cv.viz.words import budget_words, count_words, shape_words


def named(tensors: Any, word: str) -> dict[str, Tensor]:
    """Tensors by name, from one tensor, a sequence or a mapping."""
    if isinstance(tensors, Mapping):
        return {str(name): tensor for name, tensor in tensors.items()}
    if isinstance(tensors, Sequence):
        return {f"{word} {i}": tensor for i, tensor in enumerate(tensors)}
    return {str(getattr(tensors, "name", None) or word): tensors}


def sketch_autograd(
    outputs: Mapping[str, Tensor], params: Mapping[str, Tensor], show_saved: bool, values: bool = False
) -> Sketch:
    """Sketch everything that the outputs were recorded from; every node and every leaf once."""
    nodes = _reachable([t.grad_fn for t in outputs.values() if t.grad_fn is not None])
    names = {id(tensor): name for name, tensor in params.items()}
    frames = _frames(nodes)
    sketch = Sketch(title="Computation graph")
    leaves, drawn = _leaf_ids(nodes), set()
    users: dict[int, list[Path]] = {}
    for node in nodes:
        for source in node.inputs:
            if isinstance(source, Tensor):
                users.setdefault(id(source), []).append(frames[id(node)])
    total, results = 0, _known_results(nodes, outputs) if values else {}
    for node in nodes:
        cost = multiply_adds(node)
        total += cost
        for source in node.inputs:
            if isinstance(source, Tensor) and id(source) not in drawn:
                drawn.add(id(source))
                sketch.boxes.append(_leaf(leaves[id(source)], source, names, common(users[id(source)]), values))
        constants = _constants(node)
        for name, value in constants.values():
            if id(value) not in drawn:
                drawn.add(id(value))
                words = (value.name or name, shape_words(value.shape, value.dtype), *_numbers(value, values))
                sketch.boxes.append(Box(leaves[id(value)], words, "input", (), "needs no gradient"))
        lines = (node.op.name, shape_words(node.shape, node.dtype), *filter(None, [budget_words(0, cost)]))
        lines = (*lines, *_numbers(results.get(id(node)), values))
        tip = f"{node.op!r}\n{node.dtype}" + (f"\nin {node.module}" if node.module else "")
        sketch.boxes.append(Box(f"node {node.number}", lines, "op", frames[id(node)], tip))
        for place, source in enumerate(node.inputs):
            if source is None and place in constants:
                source = constants[place][1]
            if source is not None:
                start = f"node {source.number}" if isinstance(source, Node) else leaves[id(source)]
                sketch.arrows.append(Arrow(start, f"node {node.number}"))
        if show_saved:
            _add_saved(sketch, node, frames[id(node)])
    for place, (name, tensor) in enumerate(outputs.items()):
        made = tensor.grad_fn
        sketch.boxes.append(Box(f"output {place}", (name, shape_words(tensor.shape, tensor.dtype)), "output"))
        if made is not None:
            sketch.arrows.append(Arrow(f"node {made.number}", f"output {place}"))
        elif id(tensor) in leaves:
            sketch.arrows.append(Arrow(leaves[id(tensor)], f"output {place}"))
    wanted = {id(s): math.prod(s.shape) for n in nodes for s in n.inputs if isinstance(s, Tensor)}
    sketch.description = (
        f"{len(nodes)} operations and {len(wanted)} leaves with {sum(wanted.values()):,} values to learn; "
        f"{count_words(total)} multiply-adds."
    )
    for path in sketch.paths():
        sketch.frames[path] = (path[-1], "")
    return sketch


def mirror_autograd(outputs: Mapping[str, Tensor], sketch: Sketch) -> Mirror:
    """What a reverse pass does with a sketch of `sketch_autograd`: every node and every leaf in it gets a gradient."""
    nodes = _reachable([t.grad_fn for t in outputs.values() if t.grad_fn is not None])
    words = {box.id: box.lines for box in sketch.boxes}
    leaf_ids = _leaf_ids(nodes)
    mirror = Mirror()
    for node in nodes:
        id_ = f"node {node.number}"
        mirror.lines[id_] = (f"∇ {node.op.name}", shape_words(node.shape, node.dtype))
        kept = []
        for place in node.plan.saves:
            source = node.inputs[place] if place < len(node.inputs) else None
            if isinstance(source, Node):
                kept.append(f"node {source.number}")
            else:
                held = source if source is not None or node.freed or place >= len(node.saved) else node.saved[place]
                kept += [leaf_ids[id(held)]] if id(held) in leaf_ids else []
        if node.plan.saves_y or node.plan.saves_extra:
            kept.append(id_)
        mirror.kept[id_] = list(dict.fromkeys(kept))
        for source in node.inputs:
            if isinstance(source, Tensor):
                leaf = leaf_ids[id(source)]
                told = [line for line in words[leaf][2:] if line.startswith("gradient")]
                mirror.lines[leaf] = (f"∇ {words[leaf][0]}", words[leaf][1], *told)
    for place, tensor in enumerate(outputs.values()):
        if tensor.grad_fn is not None:
            mirror.lines[f"output {place}"] = ("∇ " + words[f"output {place}"][0], *words[f"output {place}"][1:])
    return mirror


def multiply_adds(node: Node) -> int:
    """What the operation says it costs; 0 where it says nothing, or cannot from the shapes that are still known."""
    shapes = []
    for place, source in enumerate(node.inputs):
        value = node.saved[place] if place < len(node.saved) and node.saved[place] is not None else source
        shapes.append(getattr(value, "shape", None))
    try:
        return int(node.op.cost(node.shape, *shapes))
    except (AssertionError, TypeError, IndexError):
        return 0


def _leaf_ids(nodes: Sequence[Node]) -> dict[int, str]:
    """A name for every leaf and every known constant, by identity, in the order in which they are first used."""
    ids: dict[int, str] = {}
    for node in nodes:
        constants = [value for _, value in _constants(node).values()]
        for leaf in [*(s for s in node.inputs if isinstance(s, Tensor)), *constants]:
            ids.setdefault(id(leaf), f"leaf {len(ids)}")
    return ids


def _constants(node: Node) -> dict[int, tuple[str, Tensor]]:
    """Arguments, by place, that need no gradient themselves but are known, since another's derivative needs them."""
    known = enumerate(zip(node.argument_names(), node.inputs, node.saved, strict=False))
    return {i: (name, v) for i, (name, source, v) in known if source is None and isinstance(v, Tensor) and v.ndim}


def _reachable(roots: Sequence[Node]) -> list[Node]:
    """All nodes, in the order of their creation."""
    found = {id(node): node for node in roots}
    stack = list(found.values())
    while stack:
        for source in stack.pop().inputs:
            if isinstance(source, Node) and id(source) not in found:
                found[id(source)] = source
                stack.append(source)
    return sorted(found.values(), key=lambda node: node.number)


def _frames(nodes: Sequence[Node]) -> dict[int, Path]:
    """The frame of each node: the modules it ran in, as far as they hold more than one operation.

    Paths are known where an observer was on during the forward pass, else there are no frames.
    """
    full = {id(node): tuple((node.module or "").split(".")) if node.module else () for node in nodes}
    counts: dict[Path, int] = {}
    for path in full.values():
        for depth in range(1, len(path) + 1):
            counts[path[:depth]] = counts.get(path[:depth], 0) + 1
    frames = {}
    for key, path in full.items():
        depth = len(path)
        while depth and counts[path[:depth]] < 2:
            depth -= 1
        frames[key] = path[:depth]
    return frames


def _known_results(nodes: Sequence[Node], outputs: Mapping[str, Tensor]) -> dict[int, Any]:
    """What nodes computed, as far as somebody still keeps it unchanged."""
    known: dict[int, Any] = {id(t.grad_fn): t for t in outputs.values() if t.grad_fn is not None}
    for node in nodes:
        if node.y is not None and not (node.y_version is not None and node.y_version.count):
            known[id(node)] = node.y
        for source, value, version in zip(node.inputs, node.saved, node.versions or (), strict=False):
            if isinstance(source, Node) and isinstance(value, Tensor):
                held = value._version
                if held is None or held.count == version:
                    known[id(source)] = value
    return known


def _numbers(value: Any, wanted: bool) -> list[str]:
    """What the numbers of a tensor or an array are like, and those of its gradient."""
    if not wanted or value is None:
        return []
    lines = [f"values {stats_of(getattr(value, '_data', value))}"]
    gradient = value.grad if isinstance(value, Tensor) and value.is_leaf else None
    return lines if gradient is None else [*lines, f"gradient {stats_of(gradient._data)}"]


def _leaf(id_: str, tensor: Tensor, names: Mapping[int, str], path: Path, values: bool) -> Box:
    kind = "parameter" if id(tensor) in names or not names else "input"
    name = names.get(id(tensor)) or tensor.name or ("leaf" if kind == "parameter" else "input")
    count = math.prod(tensor.shape)
    tip = f"{name}\n{count:,} values of {tensor.dtype}"
    return Box(id_, (name, shape_words(tensor.shape, tensor.dtype), *_numbers(tensor, values)), kind, path, tip)


def _add_saved(sketch: Sketch, node: Node, path: Path) -> None:
    """A box for each value that the rules of a node wait for with."""
    kept = [(name, v) for name, v in zip(node.argument_names(), node.saved, strict=False) if v is not None]
    if node.y is not None:
        kept.append(("output", node.y))
    for name, value in kept:
        if hasattr(value, "shape"):
            id_ = f"saved {name} of node {node.number}"
            lines = (f"saved {name}", shape_words(value.shape, value.dtype))
            sketch.boxes.append(Box(id_, lines, "saved", path, f"{value.nbytes:,} bytes"))
            sketch.arrows.append(Arrow(id_, f"node {node.number}", "", "saved"))
