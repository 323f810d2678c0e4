"""Drawings of computations hold every operation and every leaf once, and join what was really joined."""

from __future__ import annotations

import doctest
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cv as torch
import tinygrad_cv.nn.functional as F
from tinygrad_cv import models, nn, viz
from tinygrad_cv.autograd.node import Node
from tinygrad_cv.autograd.observe import Observer, observing
from tinygrad_cv.ops.errors import ArgumentError, DTypeError
from tinygrad_cv.viz import autograd_view, fold, graph, module_view, words
from tinygrad_cv.viz.sketch import Sketch


def arrows(sketch: Sketch) -> Counter[tuple[str, str]]:
    """The arrows by the first lines of their boxes."""
    name = {box.id: box.lines[0] for box in sketch.boxes}
    return Counter((name[a.source], name[a.target]) for a in sketch.arrows)


def kinds(sketch: Sketch) -> Counter[str]:
    return Counter(box.kind for box in sketch.boxes)


@pytest.mark.parametrize("module", [graph, autograd_view, module_view, fold, words], ids=lambda m: m.__name__)
def test_examples_in_the_documentation_hold(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def reference(tensor: Any) -> tuple[Counter[str], int, int]:
    """Operations by name, leaves and edges, counted by a walk of its own."""
    nodes: dict[int, Node] = {}
    leaves: set[int] = set()
    edges = 0
    waiting = [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if id(node) in nodes:
            continue
        nodes[id(node)] = node
        for source in node.inputs:
            edges += source is not None
            if isinstance(source, Node):
                waiting.append(source)
            elif source is not None:
                leaves.add(id(source))
    return Counter(node.op.name for node in nodes.values()), len(leaves), edges


PLAN = st.tuples(st.integers(0, 2), st.integers(0, 99), st.integers(0, 99))


@given(st.lists(PLAN, min_size=1, max_size=15), st.booleans())
def test_make_dot_draws_every_operation_leaf_and_edge_of_drawn_computations(
    plan: list[tuple[int, int, int]], saved: bool
) -> None:
    values = [torch.ones(2, 2, requires_grad=True) for _ in range(2)]
    for kind, i, j in plan:
        a, b = values[i % len(values)], values[j % len(values)]
        values.append(a * b if kind == 0 else a + b if kind == 1 else (a - b).relu())
    sketch = viz.make_dot(values[-1], show_saved=saved).sketch
    ops, leaves, edges = reference(values[-1])
    assert Counter(box.lines[0] for box in sketch.boxes if box.kind == "op") == ops
    assert kinds(sketch)["parameter"] == leaves
    assert sum(a.style == "flow" for a in sketch.arrows) == edges + 1  # and one to the output
    assert (kinds(sketch)["saved"] > 0) <= saved


def test_a_value_used_twice_has_two_arrows_and_one_box() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.relu()
    sketch = viz.make_dot((y * y).sum(), params={"x": x}).sketch
    assert arrows(sketch)["Relu", "Mul"] == 2
    assert arrows(sketch)["x", "Relu"] == 1 and kinds(sketch)["op"] == 3


def test_leaves_carry_their_names_and_shared_ones_are_drawn_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 4))

        def forward(self, x: Any) -> Any:
            return (x @ self.weight).relu() @ self.weight

    net = Tied()
    for sketch in (
        viz.make_dot(net(torch.ones(2, 4)), params=dict(net.named_parameters())).sketch,
        viz.draw_graph(net, (2, 4), ops=True).sketch,
    ):
        assert [box.lines for box in sketch.boxes if box.kind == "parameter"] == [("weight", "4×4")]
        assert arrows(sketch)["weight", "MatMul"] == 2


def test_labels_tell_shape_dtype_and_multiply_adds() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    sketch = viz.make_dot((x @ torch.ones(3, 5)).to(torch.float64).sum()).sketch
    lines = {box.lines[0]: box.lines[1:] for box in sketch.boxes}
    assert lines["MatMul"] == ("2×5", "30 madds")
    assert lines["Sum"] == ("scalar float64",)
    assert sketch.description.endswith("30 multiply-adds.")


def test_inputs_without_gradient_are_drawn_where_a_derivative_needs_them() -> None:
    w = torch.ones(3, 2, requires_grad=True)
    sketch = viz.make_dot(torch.ones(4, 3) @ w, params={"w": w}).sketch
    assert kinds(sketch)["input"] == 1
    assert [box.lines[1] for box in sketch.boxes if box.kind == "input"] == ["4×3"]


def test_operations_stand_in_the_frames_of_their_modules_where_somebody_watched() -> None:
    net = models.get_model("lenet5")
    with observing(Observer()):
        y = net(torch.zeros(1, 1, 28, 28))
    sketch = viz.make_dot(y, params=dict(net.named_parameters())).sketch
    assert sketch.paths() == [("features",), ("classifier",)]
    assert {box.path for box in sketch.boxes if box.lines[0].startswith("features")} == {("features",)}
    assert viz.make_dot(net(torch.zeros(1, 1, 28, 28))).sketch.paths() == []


def test_several_outputs_share_their_history() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.relu()
    sketch = viz.make_dot({"a": y.sum(), "b": y * 2}).sketch
    assert kinds(sketch) == {"parameter": 1, "op": 3, "output": 2}
    assert viz.make_dot(torch.ones(3)).sketch.arrows == []


class Block(nn.Module):
    """A residual block without normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        return self.act(self.conv(x) + x)


class Stages(nn.Module):
    """Two stages of equal blocks behind a stem."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3)
        self.first = nn.Sequential(*(Block(2) for _ in range(first)))
        self.widen = nn.Conv2d(2, 3, 1)
        self.second = nn.Sequential(*(Block(3) for _ in range(second)))

    def forward(self, x: Any) -> Any:
        return self.second(F.relu(self.widen(self.first(self.stem(x))))).mean()


def test_the_module_view_counts_what_the_network_has() -> None:
    net = models.get_model("lenet5")
    sketch = viz.draw_graph(net, (1, 1, 28, 28)).sketch
    assert sketch.title == "LeNet5: 61,706 parameters, 416,520 madds"
    assert [box.lines for box in sketch.boxes][:2] == [
        ("x", "1×1×28×28"),
        ("Conv2d", "features.0 · 5×5 pad 2", "1×6×28×28", "156 parameters, 117,600 madds"),
    ]
    labels = [sketch.labels(path) for path in sketch.paths()]
    assert labels == [("features", "Sequential"), ("classifier", "Sequential")]
    assert kinds(sketch) == {"input": 1, "layer": 5, "module": 7, "output": 1}
    assert len(sketch.arrows) == 13


def test_depth_closes_modules_into_boxes() -> None:
    net = Stages(2, 1)
    closed = viz.draw_graph(net, (1, 1, 6, 6), depth=0).sketch
    names = [box.lines[1].split(" ")[0] for box in closed.boxes if box.kind == "layer"]
    assert names == ["stem", "first", "widen", "second"] and closed.paths() == []
    opened = viz.draw_graph(net, (1, 1, 6, 6), depth=2).sketch
    blocks = {("first", "first.0"), ("first", "first.1"), ("second", "second.0")}
    assert set(opened.paths()) == blocks | {("first",), ("second",)}
    assert arrows(opened)["Conv2d", "Add"] == 4  # three convolutions in blocks, and the stem around the first


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 2))
def test_folding_keeps_one_block_for_all_and_counts_them(first: int, second: int, depth: int) -> None:
    net = Stages(first, second)
    whole = viz.draw_graph(net, (1, 1, 6, 6), depth=depth, fold=False).sketch
    short = viz.draw_graph(net, (1, 1, 6, 6), depth=depth, fold=True).sketch
    once = viz.draw_graph(Stages(1, 1), (1, 1, 6, 6), depth=depth, fold=False).sketch
    per_block = 1 if depth == 1 else 3
    assert len(whole.boxes) == len(once.boxes) + per_block * (first + second - 2)
    assert len(short.boxes) == len(once.boxes) and len(short.arrows) == len(once.arrows)
    text = [line for box in short.boxes for line in box.lines] + [w for p in short.paths() for w in short.labels(p)]
    for count in (first, second):
        assert (f"{count} × Block" in text) == (count > 1)


def test_blocks_that_differ_or_branch_off_do_not_fold() -> None:
    class Tap(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.Sequential(*(Block(2) for _ in range(3)))

        def forward(self, x: Any) -> Any:
            a = self.blocks[0](x)
            b = self.blocks[1](a)
            return self.blocks[2](b), a  # the first result is used twice

    assert len(viz.draw_graph(Tap(), (1, 2, 4, 4), fold=True).sketch.boxes) > 6
    differing = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, bias=False), nn.Linear(3, 4))
    boxes = viz.draw_graph(differing, (1, 3), fold=True).sketch.boxes
    assert [box.lines[0] for box in boxes] == ["input", "Linear", "Linear", "Linear", "output"]


def test_a_module_that_runs_twice_is_drawn_twice_and_counted_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return self.linear(self.linear(x).relu())

    sketch = viz.draw_graph(Twice(), (1, 3), fold=False).sketch
    assert [box.lines[1] for box in sketch.boxes if box.kind == "layer"] == ["linear", "linear (run 2)"]
    assert sketch.title.startswith("Twice: 12 parameters")
    assert arrows(sketch) == {("x", "Linear"): 1, ("Linear", "Relu"): 1, ("Relu", "Linear"): 1, ("Linear", "output"): 1}


def test_modules_that_do_nothing_are_drawn_on_the_way() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3), nn.Identity(), nn.ReLU())
    sketch = viz.draw_graph(net, (1, 2)).sketch
    names = ["input", "Linear", "Dropout", "Identity", "ReLU", "output"]
    assert arrows(sketch) == Counter(zip(names, names[1:], strict=False))


def test_writing_in_place_stays_on_the_way() -> None:
    class Inside(nn.Module):
        def forward(self, x: Any) -> Any:
            y = x * 2
            y += 1
            y.relu_()
            return y.exp()

    sketch = viz.draw_graph(Inside(), (2, 2)).sketch
    assert [a for a in arrows(sketch) if "Relu" in a] == [("Add", "Relu"), ("Relu", "Exp")]


def test_several_inputs_carry_the_names_of_forward_and_may_be_integers() -> None:
    class Two(nn.Module):
        def forward(self, image: Any, index: Any) -> Any:
            return image[index], image.sum()

    sketch = viz.draw_graph(Two(), torch.ones(3, 2), np.array([0, 2])).sketch
    inputs = [box.lines for box in sketch.boxes if box.kind == "input"]
    assert inputs == [("image", "3×2"), ("index", "2 int64")]
    assert kinds(sketch)["output"] == 2


def test_drawing_leaves_the_network_as_it_was() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5))
    net[1].eval()
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    torch.manual_seed(7)
    expected = torch.rand(3).numpy()
    torch.manual_seed(7)
    viz.draw_graph(net, (2, 1, 5, 5))
    np.testing.assert_array_equal(torch.rand(3).numpy(), expected)
    assert [m.training for m in net.modules()] == [True, True, False, True]
    assert all(p.grad is None for p in net.parameters())
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    calls: list[Any] = []
    net.register_forward_hook(lambda *a: calls.append(a))
    net(torch.ones(2, 1, 5, 5))
    assert len(calls) == 1


def test_a_network_that_fails_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(4, 4))
    with pytest.raises(RuntimeError, match="4"):
        viz.draw_graph(net, (1, 3))
    assert all(m.training for m in net.modules())
    assert not any(m._hooks and (m._hooks.before or m._hooks.after) for m in net.modules())


def test_what_cannot_be_drawn_is_refused_with_what_would_fit() -> None:
    with pytest.raises(DTypeError, match="got a int"):
        viz.make_dot(3)
    with pytest.raises(DTypeError, match="got a str; give a network"):
        viz.draw_graph("lenet")
    with pytest.raises(ArgumentError, match=r"or its shape as \(1, 3, 32, 32\)"):
        viz.draw_graph(nn.Linear(2, 2))
    with pytest.raises(ArgumentError, match="give the tensor alone"):
        viz.draw_graph(torch.ones(2, requires_grad=True).sum(), (2, 2))


@pytest.mark.parametrize("name", ["lenet5", "simple_cnn"])
def test_the_svg_of_a_network_shows_every_box(name: str) -> None:
    net = models.get_model(name)
    drawing = viz.draw_graph(net, (1, *models.input_size(net)))
    picture = drawing.pipe("svg", engine="layered", encoding="utf-8")
    assert picture.count("data-node=") == len(drawing.sketch.boxes) == drawing.source.count("tooltip=")
    assert picture.count("data-from=") == len(drawing.sketch.arrows) == drawing.source.count(" -> ")
