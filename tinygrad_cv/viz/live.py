"""Watch a network while it trains: what flows forward and back in chosen steps, as one page with a slider.

    with tinygrad_cv.watch(model, "live.html", every=10):
        for images, labels in loader:
            ...

A step begins when the network is called with gradients switched on, and lasts until it is called again. In a chosen
step an observer and hooks of all modules are on (so nothing is fused); in all others only one hook of the network is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.autograd import is_grad_enabled
from tinygrad_cv.autograd.node import Node
from tinygrad_cv.autograd.observe import OBSERVERS
from tinygrad_cv.ops.errors import ArgumentError, DTypeError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.chart import write_whole
from tinygrad_cv.viz.statistics import Stats, in_memory_order, stats_of
from tinygrad_cv.viz.trace import Call, Source, Trace, Watcher, watching

SAMPLE = 1024
"""How many numbers of an array are kept for its histogram."""


@dataclass
class LiveStep:
    """What was recorded of one step.

    Attributes
    ----------
    number : of the step, from 0; steps that were not chosen count.
    trace : the operations with their times and statistics; it holds no values of tensors that were computed.
    loss : the number from which the reverse pass started, if it was one number.
    samples : by ("value" or "gradient", source), up to 1,024 of the numbers.
    silent : for each rectifying step, which channels were zero everywhere in the batch.
    weights : statistics of the parameters at the step's beginning, by their names.
    """

    number: int
    trace: Trace
    loss: float | None = None
    samples: dict[tuple[str, Source], Array] = field(default_factory=dict)
    silent: dict[int, Array] = field(default_factory=dict)
    weights: dict[str, Stats] = field(default_factory=dict)


def sample_of(array: Array) -> Array:
    """Numbers evenly spread over the memory of an array, not always of the same channels."""
    row = in_memory_order(array)
    apart = max(1, -(-row.size // SAMPLE))
    channels = array.shape[1] if array.ndim > 1 else 1
    while apart > 1 and np.gcd(apart, channels) > 1:
        apart += 1
    return row[::apart].astype(np.float32)


class _Recorder(Watcher):
    """Fills a step."""

    def __init__(self, step: LiveStep) -> None:
        super().__init__(step.trace, values=True)
        self.step, self.going_back = step, False

    def after_forward(self, op: Any, inputs: Any, output: Any, seconds: float) -> None:
        """Note an operation, until the reverse pass begins."""
        if self.going_back:
            return
        before = len(self.trace.steps)
        super().after_forward(op, inputs, output, seconds)
        rectifies = op.name == "Relu" or getattr(op, "low", None) == 0
        if rectifies and len(self.trace.steps) > before and output.ndim > 1 and output._data.size:
            data = np.moveaxis(output._data, 1, -1)
            highest = data.reshape(-1, data.shape[-1]).max(0)
            if not np.isnan(highest).any():
                self.step.silent[before] = highest <= 0

    def after_backward(self, node: Node, gradient: Any, gradients: Any, seconds: float) -> None:
        """Note a gradient; the first one's operation made the loss."""
        if not self.going_back and id(node) in self.makers:
            self.going_back = True
            value = self.trace.steps[self.makers[id(node)][1]].value
            self.step.loss = value.mean if value is not None and value.size == 1 and not value.broken else None
            if value is not None and value.size == 1 and value.broken:
                self.step.loss = float("nan")
        super().after_backward(node, gradient, gradients, seconds)

    def _stats(self, what: str, source: Source, array: Any) -> Stats:
        data = getattr(array, "_data", array)
        self.step.samples[what, source] = sample_of(data)
        return stats_of(data)

    def finish(self) -> None:
        """Let go of everything that the step computed."""
        place = len(self.trace.steps) - 1
        last = self.trace.steps[place]
        self.trace.outputs = [(("step", place), last.shape, last.dtype)]
        self.trace.inputs = [(name, Tensor(np.broadcast_to(np.zeros((), t.dtype), t.shape))) for name, t in
                             self.trace.inputs]  # fmt: skip
        self.makers.clear()
        self.alive.clear()
        self.sums.clear()


class Watch:
    """A recording under way; see `watch`.

    Attributes
    ----------
    steps : what was recorded so far.
    count : how many steps there were, chosen or not.
    """

    def __init__(
        self, model: Any, path: str | os.PathLike[str] | None, chosen: Callable[[int], bool], most: int, title: str
    ) -> None:
        self.model, self.path, self.chosen, self.most, self.title = model, path, chosen, most, title
        self.steps: list[LiveStep] = []
        self.count = 0
        self._recorder: _Recorder | None = None
        self._handles: list[Any] = []
        self._root: Any = None

    def __enter__(self) -> Watch:
        self._root = self.model.register_forward_pre_hook(self._called, prepend=True)
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self._end()
        self._root.remove()
        if self.path is not None and self.steps:
            self.save(self.path)
        elif kind is None and not self.steps:
            raise ArgumentError(
                f"watch: none of {self.count} steps was recorded; call the model inside the block with gradients "
                "switched on, in a chosen step"
            )

    @property
    def html(self) -> str:
        """The page."""
        from tinygrad_cv.viz.live_page import page

        self._end()
        return page(self.steps, self.title or f"{type(self.model).__name__}, live")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, whole or not at all, and return its path."""
        return write_whole(path, self.html)

    def _repr_html_(self) -> str:
        from html import escape

        return f'<iframe srcdoc="{escape(self.html)}" style="width:100%;height:720px;border:0"></iframe>'

    def _called(self, module: Any, args: tuple[Any, ...]) -> None:
        """The network is called: a step ends, and another may begin."""
        self._end()
        if not is_grad_enabled():
            return
        number, self.count = self.count, self.count + 1
        if len(self.steps) < self.most and self.chosen(number):
            self._begin(number, args)

    def _begin(self, number: int, args: tuple[Any, ...]) -> None:
        named = list(self.model.named_parameters())
        inputs = [(f"input {i}" if i else "input", t) for i, t in enumerate(args) if isinstance(t, Tensor)]
        found = Trace(Call(self.model, "", None), [], inputs, named, list(self.model.named_buffers()))
        step = LiveStep(number, found)
        for place, (name, parameter) in enumerate(named):
            step.weights[name] = stats_of(parameter._data)
            step.samples["value", ("parameter", place)] = sample_of(parameter._data)
        self._recorder = _Recorder(step)
        self._handles = watching(self._recorder, self.model)
        OBSERVERS.append(self._recorder)

    def _end(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        OBSERVERS.remove(recorder)
        for handle in self._handles:
            handle.remove()
        if recorder.trace.steps:
            recorder.finish()
            self.steps.append(recorder.step)


def watch(
    model: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    every: int = 1,
    steps: Collection[int] | Callable[[int], bool] | None = None,
    most: int = 100,
    title: str = "",
) -> Watch:
    """Record chosen steps of a training as one page: the network's drawing, with a slider over the steps.

    The page shows, for every box and step, what the values, the gradients and the weights are like, with their
    histograms, shapes, times, bytes and multiply-adds. It flags channels of a ReLU that are zero for the whole batch,
    numbers that are not finite, and weights whose gradient is very small (below a millionth) or very large (above a
    hundred times) compared with the weights themselves. It loads nothing, from nowhere.

    Parameters
    ----------
    model : the network. Every call with gradients switched on begins a step, which lasts until the next call.
    path : where to write the page when the block ends, also after an error in it; without it, ask for ``.html``.
    every : choose every so many steps, from the first.
    steps : choose these steps instead, by number from 0, or by a function of the number.
    most : stop recording after so many; each takes some 8 kB for every operation.
    title : the headline.

    Returns
    -------
    Watch
        For a ``with`` statement; ``.steps``, ``.html`` and ``.save(path)``.

    Examples
    --------
    >>> import tinygrad_cv as torch
    >>> from tinygrad_cv import nn
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> with watch(net, every=2) as w:
    ...     for _ in range(4):
    ...         net(torch.ones(5, 2)).square().mean().backward()
    >>> [step.number for step in w.steps], w.html[:15]
    ([0, 2], '<!doctype html>')
    """
    if not hasattr(model, "named_modules"):
        raise DTypeError(f"watch: got a {type(model).__name__}; give a network (a Module)")
    if every < 1 or most < 1:
        raise ArgumentError(f"watch: every is {every} and most {most}; both count from 1")
    if steps is None:
        return Watch(model, path, lambda number: number % every == 0, most, title)
    chosen = steps if callable(steps) else frozenset(steps).__contains__
    return Watch(model, path, chosen, most, title)
