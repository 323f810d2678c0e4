"""The stepper tells what the engine does, and what other orders would have done."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_cv as tg
import tinygrad_cv.nn.functional as F
from tinygrad_cv.cli.main import main
from tinygrad_cv.explain.examples import formula, residual_block
from tinygrad_cv.explain.stepper import Step, backward_steps, compare_orders, naive_steps
from tinygrad_cv.explain.stepper_page import page
from tinygrad_cv.ops.errors import ArgumentError


def ends(steps: list[Step]) -> dict[str, np.ndarray]:
    """What every node and leaf ends with."""
    return {part.target: part.total for step in steps for part in step.parts}


def test_a_fan_out_waits_for_both_parts_and_adds_them() -> None:
    y, names = formula("a*b + a")
    first, second = backward_steps(y, names)
    assert str(first).splitlines() == [
        "1. Add has its whole gradient, 1",
        "     -> Mul     +1 = 1, complete",
        "     -> a       +1 = 1, waits for 1 more",
    ]
    assert first.waiting == {"a": 1} and second.waiting == {}
    assert str(second.parts[0]) == "-> a       +3 = 4, complete"


def test_the_steps_end_where_backward_ends_and_leave_the_graph_alone() -> None:
    loss, names = residual_block()
    steps = list(backward_steps(loss, names))
    assert all(names[n].grad is None for n in ("stem", "conv1", "conv2"))
    loss.backward()
    for name in ("stem", "conv1", "conv2"):
        assert np.array_equal(ends(steps)[name], names[name].grad.numpy())


def test_no_node_runs_before_its_whole_gradient_has_come() -> None:
    loss, names = residual_block()
    steps = list(backward_steps(loss, names))
    assert all(step.missing == 0 and step.visit == 1 for step in steps)
    waited = [step.node for step in steps if "x" in step.waiting]
    assert waited and "x" in [step.node for step in steps[steps.index(steps[-1]) - 1 :]]


def test_naive_orders_are_slow_or_wrong_as_they_say() -> None:
    y, names = formula("a = x*x; a*b + a")
    right = ends(list(backward_steps(y, names)))["x"]
    found = {order: ends(list(naive_steps(y, order, names)))["x"] for order in ("paths", "resend", "once")}
    assert (right, found["paths"], found["resend"], found["once"]) == (16, 16, 28, 12)
    assert compare_orders(y, names).splitlines()[1:] == [
        "engine  3       16         4",
        "paths   4       16         4",
        "resend  4       28  wrong  4",
        "once    3       12  wrong  4",
    ]


def test_a_part_that_comes_too_late_is_shown_as_lost() -> None:
    y, names = formula("a = x*x; a*b + a")
    assert str(list(naive_steps(y, "once", names))[-1]).endswith("-> a       +1, lost: it was run before this came")


def test_visits_along_paths_double_with_every_fan_out() -> None:
    x = tg.tensor(1.0, requires_grad=True)
    y = x * 1
    for _ in range(6):
        y = y + y
    assert sum(1 for _ in backward_steps(y)) == 7
    assert sum(not step.resumed for step in naive_steps(y, "paths")) == 2**7 - 1


def test_a_long_chain_needs_no_deep_recursion() -> None:
    y = x = tg.tensor(1.0, requires_grad=True)
    for _ in range(2000):
        y = y * 1.0
    assert ends(list(naive_steps(y, "once", {"x": x})))["x"] == 1


def test_in_place_and_reused_values_are_walked_like_others() -> None:
    x = tg.randn(2, 3, requires_grad=True)
    y = x * 2
    F.relu(y, inplace=True)
    loss = (y * y + y).sum()
    steps = list(backward_steps(loss, {"x": x}))
    loss.backward()
    assert np.allclose(ends(steps)["x"], x.grad.numpy())


def test_a_tensor_without_a_graph_or_an_unknown_order_is_refused() -> None:
    with pytest.raises(ArgumentError, match="nothing to walk"):
        list(backward_steps(tg.tensor(1.0)))
    with pytest.raises(ArgumentError, match="give one of paths, resend, once"):
        list(naive_steps(formula("a*a")[0], "random"))


@pytest.mark.parametrize("text", ["", "2*3", "a*", "__import__('os')", "a.b", "[a]", "a = b = 2", "9**9**9*a", "f(a)"])
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="formula: "):
        formula(text)


def test_the_page_holds_the_graph_and_every_step_and_loads_nothing() -> None:
    y, names = formula("a = x*x; a*b + a")
    html = page(y, names, "</script><b>")
    assert "<h1>&lt;/script&gt;&lt;b&gt;</h1>" in html
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", html)
    found = re.search(r'id="data">(.*?)</script>', html, re.S)
    assert found is not None
    orders = json.loads(found[1])
    assert {name: len(o["steps"]) for name, o in orders.items()} == {"engine": 3, "paths": 6, "resend": 6, "once": 5}
    boxes = set(re.findall(r'data-node="(\w+)"', html))
    used = {box for o in orders.values() for s in o["steps"] for box in (s["node"], *s["to"], *s["waiting"])}
    assert used <= boxes and len(boxes) == 5
    assert orders["engine"]["wrong"] == orders["paths"]["wrong"] == [] and len(orders["once"]["wrong"]) == 2


def test_the_page_leaves_out_an_order_that_never_ends() -> None:
    y = x = tg.tensor(1.0, requires_grad=True)
    for _ in range(14):
        y = y + y
    assert 'data-order="paths"' not in page(y, {"x": x}) and 'data-order="engine"' in page(y, {"x": x})


def test_the_command_prints_the_steps_and_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "step.html"
    assert main(["step", "a*b + a", "--html", str(target)]) == 0
    out = capsys.readouterr().out
    assert "with a = 2, b = 3" in out and "-> a       +3 = 4, complete" in out and "engine  2       4  2" in out
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["step", "residual", "--order", "once"]) == 0 and "lost: it was run before" in capsys.readouterr().out
    assert main(["step", "a+"]) == 1
    assert capsys.readouterr().err == "tinygrad-cv: cannot read 'a+'; give for example 'a*b + a'\n"
