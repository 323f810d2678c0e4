"""The two drawings that the package makes for the page: the graph of a network, and the curves of a run."""

from __future__ import annotations

from tinygrad_cv import viz
from tinygrad_cv.explore.subject import Subject
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.tensors.creation import zeros


def graph_svg(subject: Subject) -> str:
    """The network by its modules; of a function, what was recorded."""
    if hasattr(subject.model, "named_modules"):
        return viz.draw_graph(subject.model, (1, *subject.input_size)).svg
    return viz.make_dot(subject.model(zeros(1, *subject.input_size, requires_grad=True))).svg


def curves_svg(subject: Subject) -> str:
    """Loss and accuracy over the epochs of a run."""
    history = subject.run.history() if subject.run is not None else []
    if not history:
        raise ArgumentError("explore: this network comes from no run, so there are no curves")
    names = [n for n in history[0] if n.split("_")[0] in ("train", "test")]
    return viz.curves({n: [row.get(n, float("nan")) for row in history] for n in names}).svg
