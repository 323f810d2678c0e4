"""A network as boxes: modules opened down to a depth, the operations between them, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from fnmatch import fnmatchcase

from tinygrad_cv.viz.mirror import Mirror
from tinygrad_cv.viz.sketch import Arrow, Box, Path, Sketch, common
from tinygrad_cv.viz.statistics import Stats, byte_words, stats_of, time_words
from tinygrad_cv.viz.trace import Call, Source, Step, Trace
from tinygrad_cv.viz.words import budget_words, count_words, shape_words, window_words

Signature = tuple[object, ...]
CLOSED = ("module", "layer")
SHOWN = ("time", "bytes", "values", "gradients")


def sketch_modules(
    found: Trace, depth: int, ops: bool, closed: Collection[str] = (), show: Collection[str] = ()
) -> tuple[Sketch, dict[str, Signature], Mirror]:
    """Sketch a traced network.

    Parameters
    ----------
    found : the forward pass.
    depth : how many levels of modules are opened and become frames; a module inside is one box.
    ops : open the innermost modules too, down to single operations and their parameters.
    closed : dotted names of modules, or patterns of them, that are one box whatever the depth.
    show : which measures the boxes say, of `SHOWN`.

    Returns
    -------
    The sketch; for each box what it is without its name (boxes with equal signatures do the same work); and what the
    reverse pass does with it.
    """
    sketch = Sketch(title=type(found.root.module).__name__)
    signatures: dict[str, Signature] = {}
    units: dict[int, str] = {}  # by step
    for place, (name, tensor) in enumerate(found.inputs):
        words = shape_words(tensor.shape, tensor.dtype)
        sketch.boxes.append(Box(f"input {place}", (name, words), "input"))
    runs: dict[str, list[int]] = {}
    frames = {id(call): _frame(call) for call in _calls(found.root)}
    for number, step in enumerate(found.steps):
        units[number] = unit = unit_of(number, step, depth, ops, closed)
        outer = drawn_call(step, depth, ops, closed)
        if outer is None:
            sketch.boxes.append(_step_box(unit, step, frames[id(step.call)], show))
        elif unit not in runs:
            sketch.boxes.append(_call_box(unit, outer, found, frames[id(outer.parent)], show))
        runs.setdefault(unit, []).append(number)
        signatures.setdefault(unit, _signature(step, outer, found))
    leaves = _add_leaves(sketch, found, units, frames, show) if ops else {}
    _add_arrows(sketch, found, units, leaves)
    for place, (source, shape, dtype) in enumerate(found.outputs):
        name = "output" if len(found.outputs) == 1 else f"output {place}"
        sketch.boxes.append(Box(f"result {place}", (name, shape_words(shape, dtype)), "output"))
        start = _start(source, units, leaves)
        if start is not None:
            sketch.arrows.append(Arrow(start, f"result {place}"))
    for call in _calls(found.root):
        path = frames[id(call)]
        if path:
            above, _, local = _name(call).rpartition(".")
            name = local if above and not local[:1].isdigit() else _name(call)  # "downsample", but "layer1.0"
            sketch.frames[path] = (name, type(call.module).__name__)
    _drop_small_frames(sketch)
    parameters = sum(math.prod(p.shape) for _, p in found.parameters)
    costs = budget_words(parameters, sum(step.cost for step in found.steps))
    sketch.description = f"{sketch.title}: {costs or 'no parameters'}, {len(found.steps)} operations."
    return sketch, signatures, _mirror(sketch, found, units, runs, leaves, show)


def _mirror(
    sketch: Sketch,
    found: Trace,
    units: dict[int, str],
    runs: dict[str, list[int]],
    leaves: dict[Source, str],
    show: Collection[str],
) -> Mirror:
    """Through which boxes gradients flow on their way to parameters, and what the derivative of each one keeps."""
    lines: dict[str, tuple[str, ...]] = {}
    kept: dict[str, list[str]] = {}
    for box in sketch.boxes:
        steps = [found.steps[n] for n in runs.get(box.id, ())]
        if any(step.learns for step in steps):
            last = steps[-1]
            second = box.lines[1:2] if box.kind in CLOSED else ()
            took = [time_words(sum(step.back_seconds for step in steps))] if "time" in show else []
            lines[box.id] = (f"∇ {box.lines[0]}", *second, shape_words(last.shape, last.dtype), *took)
            sources = [_start(s, units, leaves) for step in steps if step.learns for s in step.kept]
            kept[box.id] = list(dict.fromkeys(s for s in sources if s is not None))
    for source, leaf in leaves.items():
        if source[0] == "parameter":
            name, tensor = found.parameters[source[1]]
            if tensor.requires_grad:
                stats = [_stats_words("gradient", found.gradients.get(source))]
                lines[leaf] = (f"∇ {name}", shape_words(tensor.shape, tensor.dtype), *filter(None, stats))
    for place, (made, shape, dtype) in enumerate(found.outputs):
        if _start(made, units, leaves) in lines:
            lines[f"result {place}"] = ("∇ output", shape_words(shape, dtype))
    return Mirror(lines, kept)


def parameters_of(call: Call) -> int:
    """How many numbers a module learns, each once."""
    return sum(math.prod(p.shape) for p in call.module.parameters())


def drawn_call(step: Step, depth: int, ops: bool = False, closed: Collection[str] = ()) -> Call | None:
    """The module that is drawn as one box with a step in it; None where the step is a box of its own."""
    return next((call for call in step.call.chain() if not _opened(call, depth, ops, closed)), None)


def unit_of(number: int, step: Step, depth: int, ops: bool = False, closed: Collection[str] = ()) -> str:
    """The name of the box in which a step is drawn."""
    outer = drawn_call(step, depth, ops, closed)
    return f"step {number}" if outer is None else f"call {outer.name} {outer.run}"


def _opened(call: Call, depth: int, ops: bool, closed: Collection[str]) -> bool:
    """Whether a call is drawn as what is in it."""
    if any(fnmatchcase(call.name, pattern) for pattern in closed):
        return False
    if not call.inner:
        return ops and any(True for _ in call.steps) and len(call.chain()) <= depth
    return len(call.chain()) <= depth


def _calls(root: Call) -> list[Call]:
    return [root, *(inner for call in root.inner for inner in _calls(call))]


def _frame(call: Call) -> Path:
    """A name for the frame of each call around this one; a second run gets one of its own."""
    return tuple(_name(c) for c in call.chain())


def _name(call: Call) -> str:
    """The dotted name of a module, with the number of the run after the first."""
    return call.name if call.run == 1 else f"{call.name} (run {call.run})"


def _measured(steps: list[Step], show: Collection[str]) -> list[str]:
    """What was measured of some steps that are drawn as one box."""
    last, lines = steps[-1], []
    times = [time_words(s) for s in (sum(s.seconds for s in steps), sum(s.back_seconds for s in steps)) if s]
    first = [" + ".join(times)] if "time" in show else []
    first += [byte_words(sum(s.nbytes for s in steps))] if "bytes" in show else []
    lines.append(", ".join(filter(None, first)))
    if "values" in show:
        lines.append(_stats_words("values", last.value))
    if "gradients" in show:
        lines.append(_stats_words("gradient", last.gradient))
    return lines


def _stats_words(what: str, stats: Stats | None) -> str:
    return f"{what} {stats}" if stats is not None else ""


def _step_box(unit: str, step: Step, path: Path, show: Collection[str]) -> Box:
    lines = [step.op.name if step.op is not None else type(step.call.module).__name__]
    lines += [shape_words(step.shape, step.dtype), budget_words(0, step.cost), *_measured([step], show)]
    return Box(unit, tuple(filter(None, lines)), "op", path, repr(step.op) if step.op is not None else "")


def _call_box(unit: str, call: Call, found: Trace, path: Path, show: Collection[str]) -> Box:
    steps = [found.steps[s] for s in call.steps]
    last = steps[-1]
    windows = window_words(call.module) or _dropout_words(call.module)
    lines = (
        type(call.module).__name__,
        " · ".join(filter(None, [_name(call), windows])),
        shape_words(last.shape, last.dtype),
        budget_words(parameters_of(call), sum(step.cost for step in steps)),
        *_measured(steps, show),
    )
    kind = "layer" if parameters_of(call) else "module"
    return Box(unit, tuple(filter(None, lines)), kind, path, f"{call.name}: {call.module!r}")


def _dropout_words(module: object) -> str:
    p = getattr(module, "p", None)
    return f"p {p:g}" if isinstance(p, float) else ""


def _signature(step: Step, outer: Call | None, found: Trace) -> Signature:
    if outer is None:
        return repr(step.op), step.shape, str(step.dtype)
    steps = [found.steps[s] for s in outer.steps]
    learned = tuple(p.shape for p in outer.module.parameters())
    return type(outer.module).__name__, learned, *((repr(s.op), s.shape, str(s.dtype)) for s in steps)


def _start(source: Source | None, units: dict[int, str], leaves: dict[Source, str]) -> str | None:
    if source is None:
        return None
    kind, place = source
    if kind == "step":
        return units[place]
    return f"input {place}" if kind == "input" else leaves.get(source)


def _add_arrows(sketch: Sketch, found: Trace, units: dict[int, str], leaves: dict[Source, str]) -> None:
    """Arrows between the boxes. Into a closed module a value leads once, however often it is used there."""
    drawn = set()
    single = {box.id for box in sketch.boxes if box.kind in CLOSED}
    for number, step in enumerate(found.steps):
        unit = units[number]
        for source in step.sources:
            start = _start(source, units, leaves)
            if start is None or start == unit:
                continue
            pair = source, unit
            if pair in drawn and unit in single:
                continue
            drawn.add(pair)
            sketch.arrows.append(Arrow(start, unit))


def _add_leaves(
    sketch: Sketch, found: Trace, units: dict[int, str], frames: dict[int, Path], show: Collection[str]
) -> dict[Source, str]:
    """Boxes for the parameters and buffers, each once, before the first operation that uses it."""
    paths = {box.id: box.path for box in sketch.boxes}
    users: dict[Source, list[str]] = {}
    for number, step in enumerate(found.steps):
        for source in step.sources:
            if source[0] in ("parameter", "buffer"):
                users.setdefault(source, []).append(units[number])
    leaves: dict[Source, str] = {}
    before: dict[str, list[Box]] = {}
    closed = {box.id for box in sketch.boxes if box.kind in CLOSED}
    for source, by in users.items():
        if all(unit in closed for unit in by):
            continue
        kind, place = source
        name, tensor = (found.parameters if kind == "parameter" else found.buffers)[place]
        leaves[source] = leaf = f"{kind} {name}"
        measured = [_stats_words("values", stats_of(tensor._data))] if "values" in show else []
        measured += [_stats_words("gradient", found.gradients.get(source))] if "gradients" in show else []
        words = (name, shape_words(tensor.shape, tensor.dtype), *filter(None, measured))
        tip = f"{count_words(math.prod(tensor.shape))} values"
        before.setdefault(by[0], []).append(Box(leaf, words, kind, common([paths[u] for u in by]), tip))
    sketch.boxes[:] = [one for box in sketch.boxes for one in (*before.get(box.id, ()), box)]
    return leaves


def _drop_small_frames(sketch: Sketch) -> None:
    """Take away frames around a single operation: the box says it all."""
    members: dict[Path, int] = {}
    for box in sketch.boxes:
        if box.kind in ("op", *CLOSED):
            for depth in range(1, len(box.path) + 1):
                members[box.path[:depth]] = members.get(box.path[:depth], 0) + 1

    def keep(path: Path) -> Path:
        return tuple(name for depth, name in enumerate(path, 1) if members.get(path[:depth], 0) > 1)

    renamed = {path: keep(path) for path in sketch.frames}
    sketch.boxes[:] = [replace(box, path=keep(box.path)) for box in sketch.boxes]
    sketch.frames = {renamed[p]: words for p, words in sketch.frames.items() if renamed[p] and renamed[p][-1] == p[-1]}
