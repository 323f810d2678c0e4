"""Draw a computation: what was recorded (`make_dot`), or a network by its modules (`draw_graph`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError, DTypeError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.viz.autograd_view import mirror_autograd, named, sketch_autograd
from tinygrad_cv.viz.fold import fold as folded
from tinygrad_cv.viz.mirror import Mirror, check_way, mirrored
from tinygrad_cv.viz.module_view import SHOWN, sketch_modules
from tinygrad_cv.viz.sketch import Sketch
from tinygrad_cv.viz.statistics import time_words
from tinygrad_cv.viz.trace import Call, Trace, trace

if TYPE_CHECKING:
    from tinygrad_cv.viz.dot import GraphDrawing

SMALL, LARGE = 40, 64


def make_dot(
    tensor: Any,
    params: Mapping[str, Any] | None = None,
    show_saved: bool = False,
    *,
    values: bool = False,
    backward: str | bool = False,
    title: str | None = None,
) -> GraphDrawing:
    """Draw the graph that ``tensor.backward()`` would walk.

    Parameters
    ----------
    tensor : a tensor that was computed from others, or several of them in a sequence or by name.
    params : leaves by name, usually ``dict(model.named_parameters())``; leaves that it does not name count as
        inputs. Every leaf is drawn once, however often it is used.
    show_saved : also draw the values that the operations keep for their derivatives, with dashed arrows.
    values : say what the numbers are like, as far as they are still there: those of leaves and their gradients, and
        those of results that a derivative keeps.
    backward : the reverse pass as a drawing: ``"joined"`` (or True) beside the forward pass, with dashed arrows from
        what its rules keep; ``"apart"`` alone.
    title : written above.

    Returns
    -------
    GraphDrawing
        A ``graphviz.Digraph`` that needs no Graphviz: ``.svg``, ``.source``, ``.render(path)``; a notebook shows it.

    Examples
    --------
    >>> import tinygrad_cv as torch
    >>> w = torch.ones(3, requires_grad=True)
    >>> drawing = make_dot((w * w).sum(), params={"w": w})
    >>> [line for line in drawing.source.splitlines() if "->" in line][0].split("[")[0].strip()
    'n0 -> n1'
    """
    from tinygrad_cv.viz.dot import GraphDrawing

    outputs = named(tensor, "output")
    stranger = next((t for t in [*outputs.values(), *(params or {}).values()] if not isinstance(t, Tensor)), None)
    if stranger is not None:
        raise DTypeError(f"make_dot: got a {type(stranger).__name__}; give Tensors, and leaves by name")
    way = check_way(backward)
    sketch = sketch_autograd(outputs, params or {}, show_saved, values)
    if way != "no":
        sketch = mirrored(sketch, mirror_autograd(outputs, sketch), way)
    sketch.title = sketch.title if title is None else title
    return GraphDrawing(sketch)


def draw_graph(
    model: Any,
    *inputs: Any,
    depth: int | None = None,
    ops: bool = False,
    fold: bool | None = None,
    closed: Collection[str] | str = (),
    show: Collection[str] | str = (),
    backward: str | bool = False,
    loss: Callable[..., Any] | None = None,
    title: str | None = None,
) -> GraphDrawing:
    """Draw a network by its modules, after running it once on an input.

    Modules with modules inside become frames, down to ``depth``; deeper and innermost ones become boxes that say
    what comes out, how many parameters they learn and how many multiply-adds they take. Operations that a forward
    method calls by itself stand between them. A module that runs twice is drawn twice; parameters are counted once.
    The network is run in evaluation mode and stays as it was.

    Parameters
    ----------
    model : a module; or a tensor, which is drawn as by `make_dot`.
    inputs : what the network is called with: tensors or arrays; or the shape of one input as a tuple of numbers.
    depth : how many levels of modules to open, from 0 (the modules directly in the network); chosen by the size of
        the drawing if not given.
    ops : open the innermost modules too, with the operations and the parameters as boxes.
    fold : draw equal blocks in a row once; if not given, in networks of more than 40 operations. What was measured is
        then said of the first block.
    closed : modules that are one box whatever the depth, by dotted names or patterns: ``("layer1", "layer2.*")``.
    show : what to measure and say in the boxes, one or several of ``"time"`` (of a second run; with the reverse pass
        after a plus), ``"bytes"`` of results, ``"values"`` and ``"gradients"`` (mean ± deviation in least … greatest);
        or ``"all"``.
    backward : draw the reverse pass too: ``"joined"`` (or True) beside the forward pass, with dashed arrows from what
        its rules keep; ``"apart"`` alone. A module's gradient box stands for that of its result.
    loss : a function of what the network returns, from whose result gradients and their times are measured; the sum of
        all outputs if not given.
    title : written above; the network's class and its cost if not given.

    Returns
    -------
    GraphDrawing

    Examples
    --------
    >>> from tinygrad_cv import models
    >>> drawing = draw_graph(models.get_model("lenet5"), (1, 1, 28, 28))
    >>> drawing.sketch.description
    'LeNet5: 61,706 parameters, 416,520 madds, 12 operations.'
    """
    from tinygrad_cv.viz.dot import GraphDrawing

    if isinstance(model, Tensor):
        if inputs:
            raise ArgumentError(f"draw_graph: got a tensor and {len(inputs)} inputs; give the tensor alone")
        return make_dot(model, title=title)
    if not hasattr(model, "named_modules"):
        raise DTypeError(f"draw_graph: got a {type(model).__name__}; give a network (a Module) or a tensor")
    way, wanted = check_way(backward), _shown(show)
    goes_back = way != "no" or "gradients" in wanted
    measured = {"values": "values" in wanted or "gradients" in wanted, "warm": "time" in wanted}
    found = trace(model, _named_inputs(model, inputs), backward=goes_back, loss=loss, **measured)
    closed = (closed,) if isinstance(closed, str) else tuple(closed)
    sketch, mirror = _chosen(found, depth, ops, fold, closed, wanted)
    if title is None:
        name, rest = sketch.description.removesuffix(".").split(": ", 1)
        title = f"{name}: {rest.rsplit(', ', 1)[0]}"
        if "time" in wanted:
            back = sum(step.back_seconds for step in found.steps)
            title += f", {time_words(sum(step.seconds for step in found.steps))} forward"
            title += f", {time_words(back)} back" if back else ""
    sketch.title = title
    return GraphDrawing(mirrored(sketch, mirror, way))


def _shown(show: Collection[str] | str) -> frozenset[str]:
    """The measures that were asked for, each a known one."""
    words = SHOWN if show == "all" else (show,) if isinstance(show, str) else tuple(show)
    unknown = next((word for word in words if word not in SHOWN), None)
    if unknown is not None:
        raise ArgumentError(f"draw_graph: show has {unknown!r}; give some of {', '.join(SHOWN)}, or all")
    return frozenset(words)


def _chosen(
    found: Trace, depth: int | None, ops: bool, fold: bool | None, closed: Collection[str], show: Collection[str]
) -> tuple[Sketch, Mirror]:
    """The deepest drawing that is not too large; folded where the network is not small."""
    deepest = _depth(found.root)
    for level in range(deepest, -1, -1) if depth is None else (depth,):
        sketch, signatures, mirror = sketch_modules(found, level, ops, closed, show)
        if fold or (fold is None and len(found.steps) > SMALL):
            sketch = folded(sketch, signatures)
        if depth is not None or level == 0 or len(sketch.boxes) <= LARGE:
            break
    return sketch, mirror


def _depth(call: Call) -> int:
    """How many levels of modules below a call."""
    return max((1 + _depth(inner) for inner in call.inner), default=0)


def _named_inputs(model: Any, inputs: tuple[Any, ...]) -> list[tuple[str, Any]]:
    """The inputs with the names of the parameters of ``forward``."""
    if not inputs:
        raise ArgumentError("draw_graph: got no input to run the network on; give one, or its shape as (1, 3, 32, 32)")
    names: list[str] = []
    for parameter in inspect.signature(model.forward).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    named_ = []
    for place, value in enumerate(inputs):
        if isinstance(value, (tuple, list)) and value and all(isinstance(size, int) for size in value):
            value = np.zeros(value, dtype=np.float32)
        named_.append((names[place] if place < len(names) else f"input {place}", value))
    return named_
