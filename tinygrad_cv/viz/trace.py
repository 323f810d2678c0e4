"""Watch one forward pass of a network: which module called which operation on whose result.

The network is run in evaluation mode and without a trace of the visit: its mode is put back, and nothing that
training would change (running statistics, random numbers) is touched. Inputs ask for gradients while it runs, since
the recorded nodes then tell who made what even where memory is written in place; where nothing is recorded, the
identity of the arrays tells it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_cv.autograd import enable_grad
from tinygrad_cv.autograd.node import Node
from tinygrad_cv.autograd.observe import Observer, observing
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.viz.statistics import Stats, stats_of


@dataclass(eq=False)
class Call:
    """One run of a module's forward. ``name`` is its dotted path; a second run of the same module has ``run`` 2."""

    module: Any
    name: str
    parent: Call | None
    run: int = 1
    steps: list[int] = field(default_factory=list)
    inner: list[Call] = field(default_factory=list)

    def chain(self) -> list[Call]:
        """The calls around this one below the network itself, outermost first, this one last."""
        return [] if self.parent is None else [*self.parent.chain(), self]


Source = tuple[str, int]
"""Where a value comes from: ("step", place), ("input", place), ("parameter", place) or ("buffer", place)."""


@dataclass(eq=False)
class Step:
    """One operation, or (without an ``op``) a module that hands on what it was given.

    ``kept`` says which values its derivative rules keep (its own result counts as one), ``learns`` whether a gradient
    for a parameter passes through it. What was measured is there where it was asked for: the seconds of the forward
    and of the reverse pass, and statistics of the result and of its gradient.
    """

    op: Any
    call: Call
    sources: list[Source]
    shape: tuple[int, ...]
    dtype: Any
    cost: int = 0
    nbytes: int = 0
    kept: list[Source] = field(default_factory=list)
    learns: bool = False
    seconds: float = 0.0
    back_seconds: float = 0.0
    value: Stats | None = None
    gradient: Stats | None = None


@dataclass
class Trace:
    """A forward pass.

    Attributes
    ----------
    root : the call of the network itself.
    steps : the operations in their order.
    inputs, parameters, buffers : names and tensors, which the sources count through.
    outputs : for each result, where it comes from and its shape and dtype.
    gradients : statistics of the gradients of parameters and inputs, by their sources, where they were asked for.
    """

    root: Call
    steps: list[Step] = field(default_factory=list)
    inputs: list[tuple[str, Tensor]] = field(default_factory=list)
    parameters: list[tuple[str, Tensor]] = field(default_factory=list)
    buffers: list[tuple[str, Tensor]] = field(default_factory=list)
    outputs: list[tuple[Source | None, tuple[int, ...], Any]] = field(default_factory=list)
    gradients: dict[Source, Stats] = field(default_factory=dict)


class Watcher(Observer):
    """Collects the steps of one thread; with ``values``, statistics of every result and gradient too."""

    def __init__(self, trace: Trace, values: bool = False) -> None:
        self.trace, self.call, self.values = trace, trace.root, values
        self.thread = threading.get_ident()
        self.makers: dict[int, Source] = {}  # by the identity of nodes, leaf tensors and arrays
        self.alive: list[Any] = []  # what is kept cannot lend its identity to something new
        self.runs: dict[int, int] = {}
        self.sums: dict[Source, Any] = {}
        for kind, table in (("input", trace.inputs), ("parameter", trace.parameters), ("buffer", trace.buffers)):
            for place, (_, tensor) in enumerate(table):
                self.makers[id(tensor)] = self.makers[id(tensor._data)] = kind, place
                self.alive.append(tensor._data)

    def after_forward(self, op: Any, inputs: Sequence[Any], output: Any, seconds: float) -> None:
        """Note the operation and where its arguments came from."""
        if threading.get_ident() != self.thread:
            return
        node: Node | None = output.grad_fn
        edges = node.inputs if node is not None else [None] * len(inputs)
        found: list[Source | None] = []
        for value, edge in zip(inputs, edges, strict=False):
            source = self.makers.get(id(edge)) if edge is not None else None
            if source is None and isinstance(value, np.ndarray):
                source = self.makers.get(id(value))
            found.append(source)
        sources = [source for source in found if source is not None]
        shapes = [getattr(v, "shape", None) for v in inputs]
        try:
            cost = int(op.cost(output.shape, *shapes))
        except (AssertionError, TypeError, IndexError):
            cost = 0
        step = Step(op, self.call, sources, output.shape, output.dtype, cost, output._data.nbytes, seconds=seconds)
        if node is not None:
            step.learns = any(self._learns(source) for source in sources)
            kept = [found[place] for place in node.plan.saves if place < len(found)]
            step.kept = [source for source in kept if source is not None]
            if node.plan.saves_y or node.plan.saves_extra:
                step.kept.append(("step", len(self.trace.steps)))
        if self.values:
            step.value = self._stats("value", ("step", len(self.trace.steps)), output._data)
        self._add(step, output)

    def after_backward(self, node: Node, gradient: Any, gradients: Sequence[Any], seconds: float) -> None:
        """Note the gradient that came, what it took to hand it on, and what reached the leaves."""
        if threading.get_ident() != self.thread or id(node) not in self.makers:
            return
        step = self.trace.steps[self.makers[id(node)][1]]
        step.back_seconds += seconds
        if self.values:
            step.gradient = self._stats("gradient", self.makers[id(node)], gradient)
            for edge, part in zip(node.inputs, gradients, strict=False):
                source = None if edge is None or part is None or isinstance(edge, Node) else self.makers.get(id(edge))
                if source is not None:
                    self._reached(source, part)

    def _reached(self, source: Source, part: Any) -> None:
        """A leaf's gradient has come; of one that comes in parts, the sum counts."""
        self.sums[source] = whole = part if source not in self.sums else self.sums[source] + part
        self.trace.gradients[source] = self._stats("gradient", source, whole)

    def _stats(self, what: str, source: Source, array: Any) -> Stats:
        """The statistics of a value or a gradient; a subclass may keep more of it."""
        return stats_of(getattr(array, "_data", array))

    def _learns(self, source: Source) -> bool:
        kind, place = source
        if kind == "step":
            return self.trace.steps[place].learns
        return kind == "parameter" and self.trace.parameters[place][1].requires_grad

    def _add(self, step: Step, output: Any) -> None:
        made = "step", len(self.trace.steps)
        self.trace.steps.append(step)
        for call in [self.trace.root, *step.call.chain()]:
            call.steps.append(made[1])
        for thing in (output, output._data, output.grad_fn):
            if thing is not None:
                self.makers[id(thing)] = made
                self.alive.append(thing)

    def source(self, value: Tensor) -> Source | None:
        """Where a tensor comes from."""
        keys = [id(value.grad_fn)] if value.grad_fn is not None else [id(value), id(value._data)]
        return next((self.makers[key] for key in keys if key in self.makers), None)

    def enter(self, module: Any, name: str) -> None:
        """A module begins to run."""
        self.runs[id(module)] = run = self.runs.get(id(module), 0) + 1
        inside = Call(module, name, self.call, run)
        self.call.inner.append(inside)
        self.call = inside

    def leave(self, given: Sequence[Any], result: Any) -> None:
        """The innermost module has run; one that did nothing becomes a step of its own."""
        tensors = [t for t in _flat(given) if isinstance(t, Tensor)]
        if not self.call.steps and isinstance(result, Tensor) and any(t is result for t in tensors):
            source = self.source(result)
            self._add(Step(None, self.call, [source] if source else [], result.shape, result.dtype), result)
        if self.call.parent is not None:
            self.call = self.call.parent


def watching(watcher: Watcher, model: Any) -> list[Any]:
    """Let a watcher know which module of a network is running; returns the handles to be removed."""
    handles = []
    for name, module in model.named_modules():
        if module is not model:
            handles.append(module.register_forward_pre_hook(_entering(watcher, name), prepend=True))
            handles.append(module.register_forward_hook(_leaving(watcher), always_call=True))
    return handles


def trace(
    model: Any,
    inputs: Sequence[tuple[str, Any]],
    values: bool = False,
    backward: bool = False,
    warm: bool = False,
    loss: Callable[..., Any] | None = None,
) -> Trace:
    """Run a network once on named inputs (tensors or arrays) and return what happened.

    Parameters
    ----------
    model, inputs : the network and what it is called with.
    values : take statistics of all results and, with ``backward``, of their gradients.
    backward : go back from ``loss`` of the network's result too (by default the sum of all that it returns).
    warm : run it once before, so that times are those of a second run.
    """
    tensors = []
    for name, value in inputs:
        data = value._data if isinstance(value, Tensor) else np.asarray(value)
        tensors.append((name, Tensor(data, requires_grad=data.dtype.kind == "f")))
    found = Trace(Call(model, "", None), [], tensors, list(model.named_parameters()), list(model.named_buffers()))
    watcher = Watcher(found, values)
    modes = [(module, module.training) for module in model.modules()]
    before = [(p, p.grad) for _, p in found.parameters]
    handles = []
    try:
        model.eval()
        for parameter, _ in before:
            parameter.grad = None
        if warm:
            with enable_grad():
                _back(model(*(tensor for _, tensor in tensors)), loss if backward else None, backward)
        handles = watching(watcher, model)
        with enable_grad(), observing(watcher):
            result = model(*(tensor for _, tensor in tensors))
        for value in _flat(result):
            if isinstance(value, Tensor):
                found.outputs.append((watcher.source(value), value.shape, value.dtype))
        if backward:
            with enable_grad(), observing(_Backwards(watcher)):
                _back(result, loss, True)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
        for parameter, held in before:
            parameter.grad = held
    return found


class _Backwards(Observer):
    """Only the reverse pass of a watcher: what a loss computes is no part of the network."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher

    def after_backward(self, node: Node, gradient: Any, gradients: Sequence[Any], seconds: float) -> None:
        """Hand on."""
        self.watcher.after_backward(node, gradient, gradients, seconds)


def _back(result: Any, loss: Callable[..., Any] | None, wanted: bool) -> None:
    """Go back from a loss of a network's result, or from the sum of all in it that learns."""
    if not wanted:
        return
    if loss is not None:
        total = loss(result)
    else:
        parts = [v.sum() for v in _flat(result) if isinstance(v, Tensor) and v.requires_grad]
        total = sum(parts[1:], parts[0]) if parts else None
    if isinstance(total, Tensor) and total.requires_grad:
        total.backward()


def _entering(watcher: Watcher, name: str) -> Any:
    return lambda module, args: watcher.enter(module, name)


def _leaving(watcher: Watcher) -> Any:
    return lambda module, args, result: watcher.leave(args, result)


def _flat(value: Any) -> list[Any]:
    """The values inside nested tuples, lists and dictionaries."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for part in value for leaf in _flat(part)] if isinstance(value, (list, tuple)) else [value]
