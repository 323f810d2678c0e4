"""Watching the engine: one protocol for profiler, anomaly detection, annotated drawing, stepper and summaries.

When no observer is on, the cost is one branch per operation.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..ops.op import Op
    from .node import Node


class Observer:
    """Override what you want to see. Values are arrays; ``output`` of a recorded op also carries its node."""

    def before_forward(self, op: Op, inputs: Sequence[Any]) -> None:
        """An op is about to compute."""

    def after_forward(self, op: Op, inputs: Sequence[Any], output: Any, seconds: float) -> None:
        """An op has computed; ``output`` is the tensor (its ``grad_fn`` is the node, or None if nothing was
        recorded).
        """

    def before_backward(self, node: Node, gradient: Any) -> None:
        """The whole gradient of a node's output has arrived and its rules are about to run."""

    def after_backward(self, node: Node, gradient: Any, gradients: Sequence[Any], seconds: float) -> None:
        """A node's rules have run; ``gradients`` stand in the order of the node's inputs, None where none was asked
        for.
        """


OBSERVERS: list[Observer] = []


class _Path(threading.local):
    names: tuple[str, ...] = ()


PATH = _Path()
"""The dotted path of the module that is running in this thread, kept by ``nn.Module`` while somebody observes."""


@contextmanager
def observing(*observers: Observer) -> Iterator[None]:
    """Let observers watch everything inside the block, in every thread."""
    OBSERVERS.extend(observers)
    try:
        yield
    finally:
        for observer in observers:
            OBSERVERS.remove(observer)


def current_path() -> str:
    """Return the dotted path of the running module, '' outside of all."""
    return ".".join(PATH.names)
