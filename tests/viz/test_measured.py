"""Boxes tell what was measured, and the reverse pass is drawn arrow for arrow: read from the DOT text."""

from __future__ import annotations

import doctest
import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cv as torch
import tinygrad_cv.nn.functional as F
from tests.viz.test_dot import parsed
from tinygrad_cv import nn, viz
from tinygrad_cv.autograd.node import Node
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.viz import statistics
from tinygrad_cv.viz.statistics import stats_of

PLAN = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=9)


class Drawn(nn.Module):
    """A network from a plan: shared and own convolutions, ReLUs in place and functional, sums, joins, norms."""

    def __init__(self, plan: list[tuple[int, int, int]]) -> None:
        super().__init__()
        self.plan, self.shared, self.act = plan, nn.Conv2d(2, 2, 1), nn.ReLU(inplace=True)
        self.own = nn.ModuleList(nn.Conv2d(2, 2, 3, padding=1) for kind, *_ in plan if kind == 1)
        self.norm = nn.BatchNorm2d(2)

    def forward(self, x: Any) -> Any:
        values, own = [self.shared(x)], iter(self.own)
        for kind, i, j in self.plan:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == 5:
                values.append(self.act(a * 1))
            else:
                makers = (
                    lambda a, b: self.shared(a), lambda a, b: next(own)(a), lambda a, b: F.relu(a) + b,
                    lambda a, b: torch.cat([a[:, :1], b[:, 1:]], 1), lambda a, b: self.norm(a * b),
                )  # fmt: skip
                values.append(makers[kind](a, b))
        return values[-1]


def styled(source: str) -> Counter[tuple[str, str]]:
    """How many edges there are of each colour, and which end their head is at."""
    edges = re.findall(r"^\s*n\d+ -> n\d+ \[(.*)\]$", source, re.M)
    return Counter(("upward" if "dir=back" in e else "downward", "dashed" if "dashed" in e else "solid") for e in edges)


def below(tensor: Any) -> tuple[list[Node], Counter[int]]:
    """The nodes that a reverse pass visits, and how many parts each value's gradient comes in."""
    nodes, parts, stack = {}, Counter[int](), [tensor.grad_fn]
    while stack:
        node = stack.pop()
        if id(node) not in nodes:
            nodes[id(node)] = node
            parts.update(id(edge) for edge in node.inputs if edge is not None)
            stack += [edge for edge in node.inputs if isinstance(edge, Node)]
    return list(nodes.values()), parts


@given(PLAN)
def test_the_reverse_pass_has_an_arrow_for_every_part_of_a_gradient(plan: list[tuple[int, int, int]]) -> None:
    net = Drawn(plan)
    loss = net(torch.ones(1, 2, 4, 4)).sum()
    nodes, parts = below(loss)
    adding = sum(count > 1 for count in parts.values())
    for way in ("apart", "joined"):
        drawing = viz.make_dot(loss, dict(net.named_parameters()), backward=way)
        lines, edges, _ = parsed(drawing.source)
        grads = [words for words in lines.values() if words[0].startswith("∇")]
        assert len(grads) == len(nodes) + sum(p.grad_fn is None and id(p) in parts for p in net.parameters()) + 1
        assert sum(words[0].startswith("+ ") for words in lines.values()) == adding
        counts = styled(drawing.source)
        assert counts["upward", "solid"] == parts.total() + adding + 1  # and one from the output
        assert (counts["downward", "dashed"] > 0) <= (way == "joined")
        assert len(edges) == counts.total()


@given(PLAN, st.booleans(), st.sampled_from(["joined", "apart"]))
def test_the_module_view_draws_the_same_network_in_dot_and_in_svg(
    plan: list[tuple[int, int, int]], ops: bool, way: str
) -> None:
    drawing = viz.draw_graph(Drawn(plan), (1, 2, 4, 4), ops=ops, fold=False, backward=way)
    lines, edges, clusters = parsed(drawing.source)
    assert Counter(words[0] for words in lines.values()) == Counter(box.lines[0] for box in drawing.sketch.boxes)
    assert len(edges) == len(drawing.sketch.arrows) and clusters == len(drawing.sketch.paths())
    picture = drawing.pipe("svg", engine="layered", encoding="utf-8")
    assert picture.count("data-node=") == len(lines) and picture.count("data-from=") == len(edges)
    forward = viz.draw_graph(Drawn(plan), (1, 2, 4, 4), ops=ops, fold=False).sketch
    partners = {box.id.removeprefix("∇ ") for box in drawing.sketch.boxes if box.id.startswith("∇ ")}
    flows = {box.id for box in forward.boxes if box.kind in ("op", "layer", "module", "output", "parameter")}
    assert partners <= flows
    # every value that leads from a parameter to the output learns; the first convolution always does
    assert any("∇ Conv2d" in words[0] for words in lines.values())


@pytest.mark.parametrize("ops", [False, True])
def test_boxes_tell_what_was_measured(ops: bool) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    drawing = viz.draw_graph(net, x, ops=ops, show="all", loss=lambda y: y.square().mean())
    lines = {box.lines[0]: box.lines for box in drawing.sketch.boxes if box.kind != "parameter"}
    hidden = net[1](net[0](torch.tensor(x)))
    hidden.retain_grad()
    net[2](hidden).square().mean().backward()
    told = lines["Relu" if ops else "ReLU"]
    assert f"values {stats_of(hidden.detach().numpy())}" in told
    assert f"gradient {stats_of(hidden.grad.numpy())}" in told
    assert re.search(r"\d (µs|ms) \+ \d.*, 80 B$", next(line for line in told if line.endswith(" B")))
    assert re.search(r"\d (µs|ms|s) forward, .* back$", drawing.sketch.title)
    if ops:
        weight = next(box.lines for box in drawing.sketch.boxes if box.lines[0] == "2.weight")
        assert weight[2:] == (
            f"values {stats_of(net[2].weight.detach().numpy())}", f"gradient {stats_of(net[2].weight.grad.numpy())}",
        )  # fmt: skip
    assert all(p.grad is not None for p in net.parameters())


def test_measuring_leaves_gradients_as_they_were() -> None:
    net = nn.Linear(2, 2)
    net.weight.grad = held = torch.ones(2, 2)
    viz.draw_graph(net, (1, 2), show="all", backward=True)
    assert net.weight.grad is held and held.numpy().tolist() == [[1, 1], [1, 1]] and net.bias.grad is None


def test_make_dot_tells_the_values_that_are_still_there() -> None:
    a = torch.tensor([2.0, 4.0], requires_grad=True)
    y = (a * a).exp().sum()
    y.backward(retain_graph=True)
    told = {box.lines[0]: box.lines[2:] for box in viz.make_dot(y, {"a": a}, values=True).sketch.boxes}
    assert told["a"] == (f"values {stats_of(a.detach().numpy())}", f"gradient {stats_of(a.grad.numpy())}")
    assert told["Exp"] == (f"values {stats_of(np.exp([4.0, 16.0]))}",) and told["Mul"] == ()


def test_named_modules_stay_closed() -> None:
    inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    net = nn.Sequential(inner, nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    boxes = viz.draw_graph(net, (1, 2), closed=["0"]).sketch.boxes
    names = [box.lines[1] for box in boxes if box.kind in ("layer", "module")]
    assert names == ["0", "1.0", "1.1"]
    assert len(viz.draw_graph(net, (1, 2), closed="?").sketch.boxes) == 4


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ArgumentError, match="show has 'colour'; give some of time, bytes"):
        viz.draw_graph(nn.Linear(2, 2), (1, 2), show="colour")
    with pytest.raises(ArgumentError, match="backward is 'up'; give one of no, joined, apart"):
        viz.make_dot(torch.ones(1, requires_grad=True) * 2, backward="up")


@given(st.lists(st.floats(width=32), max_size=20), st.sampled_from(["f2", "f4", "f8"]))
def test_statistics_are_those_of_the_finite_numbers(values: list[float], dtype: str) -> None:
    with np.errstate(all="ignore"):
        array = np.array(values, dtype)
    found, finite = stats_of(array), array[np.isfinite(array)].astype(np.float64)
    assert found.size == array.size and found.broken == array.size - finite.size
    if finite.size:
        assert (found.low, found.high) == (finite.min(), finite.max())
        scale = max(abs(finite).max(), 1e-30)
        assert math.isclose(found.mean, finite.mean(), rel_tol=1e-2, abs_tol=1e-2 * scale)
        assert math.isclose(found.deviation, finite.std(), rel_tol=1e-2, abs_tol=1e-2 * scale)


def test_statistics_of_an_offset_are_not_lost_to_rounding() -> None:
    values = np.float32(1000) + np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    assert math.isclose(stats_of(values).deviation, values.astype(float).std(), rel_tol=1e-3)
    assert doctest.testmod(statistics).failed == 0
