"""Watch one forward pass of a network: which module called which operation on whose result.

The network is run in evaluation mode and without a trace of the visit: its mode is put back, and nothing that
training would change (running statistics, random numbers) is touched. Inputs ask for gradients while it runs, since
the recorded nodes then tell who made what even where memory is written in place; where nothing is recorded, the
identity of the arrays tells it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_cv.autograd import enable_grad
from tinygrad_cv.autograd.node import Node
from tinygrad_cv.autograd.observe import Observer, observing
from tinygrad_cv.tensors import Tensor


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
    """One operation, or (without an ``op``) a module that hands on what it was given."""

    op: Any
    call: Call
    sources: list[Source]
    shape: tuple[int, ...]
    dtype: Any
    cost: int = 0


@dataclass
class Trace:
    """A forward pass.

    Attributes
    ----------
    root : the call of the network itself.
    steps : the operations in their order.
    inputs, parameters, buffers : names and tensors, which the sources count through.
    outputs : for each result, where it comes from and its shape and dtype.
    """

    root: Call
    steps: list[Step] = field(default_factory=list)
    inputs: list[tuple[str, Tensor]] = field(default_factory=list)
    parameters: list[tuple[str, Tensor]] = field(default_factory=list)
    buffers: list[tuple[str, Tensor]] = field(default_factory=list)
    outputs: list[tuple[Source | None, tuple[int, ...], Any]] = field(default_factory=list)


class _Watcher(Observer):
    """Collects the steps of one thread."""

    def __init__(self, trace: Trace) -> None:
        self.trace, self.call = trace, trace.root
        self.thread = threading.get_ident()
        self.makers: dict[int, Source] = {}  # by the identity of nodes, leaf tensors and arrays
        self.alive: list[Any] = []  # what is kept cannot lend its identity to something new
        self.runs: dict[int, int] = {}
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
        sources = []
        for value, edge in zip(inputs, edges, strict=False):
            source = self.makers.get(id(edge)) if edge is not None else None
            if source is None and isinstance(value, np.ndarray):
                source = self.makers.get(id(value))
            if source is not None:
                sources.append(source)
        shapes = [getattr(v, "shape", None) for v in inputs]
        try:
            cost = int(op.cost(output.shape, *shapes))
        except (AssertionError, TypeError, IndexError):
            cost = 0
        self._add(Step(op, self.call, sources, output.shape, output.dtype, cost), output)

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


def trace(model: Any, inputs: Sequence[tuple[str, Any]]) -> Trace:
    """Run a network once on named inputs (tensors or arrays) and return what happened."""
    tensors = []
    for name, value in inputs:
        data = value._data if isinstance(value, Tensor) else np.asarray(value)
        tensors.append((name, Tensor(data, requires_grad=data.dtype.kind == "f")))
    found = Trace(Call(model, "", None), [], tensors, list(model.named_parameters()), list(model.named_buffers()))
    watcher = _Watcher(found)
    modes = [(module, module.training) for module in model.modules()]
    handles = []
    for name, module in model.named_modules():
        if module is not model:
            handles.append(module.register_forward_pre_hook(_entering(watcher, name), prepend=True))
            handles.append(module.register_forward_hook(_leaving(watcher), always_call=True))
    try:
        model.eval()
        with enable_grad(), observing(watcher):
            result = model(*(tensor for _, tensor in tensors))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    for value in _flat(result):
        if isinstance(value, Tensor):
            found.outputs.append((watcher.source(value), value.shape, value.dtype))
    return found


def _entering(watcher: _Watcher, name: str) -> Any:
    return lambda module, args: watcher.enter(module, name)


def _leaving(watcher: _Watcher) -> Any:
    return lambda module, args, result: watcher.leave(args, result)


def _flat(value: Any) -> list[Any]:
    """The values inside nested tuples, lists and dictionaries."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for part in value for leaf in _flat(part)] if isinstance(value, (list, tuple)) else [value]
