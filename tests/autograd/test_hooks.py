"""Hooks on leaves and on results, and gradients kept on request."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_cv as tg
from tinygrad_cv.autograd import grad
from tinygrad_cv.ops.errors import AutogradError


def leaf(value: float) -> Any:
    return tg.tensor(value, dtype=tg.float64, requires_grad=True)


def test_a_hook_on_a_leaf_sees_the_gradient_once_and_may_change_it() -> None:
    x, seen = leaf(3.0), []
    x.register_hook(lambda g: seen.append(g.item()))
    x.register_hook(lambda g: g * 10)
    (x * x + x).backward()
    assert seen == [7.0] and x.grad.item() == 70.0


def test_a_hook_on_a_result_changes_what_flows_on() -> None:
    x, seen = leaf(3.0), []
    y = x * x
    y.register_hook(lambda g: seen.append(g.item()))
    y.register_hook(lambda g: g * 10)
    (y * 2 + y).backward()
    assert seen == [3.0] and x.grad.item() == 3.0 * 10 * 6


def test_hooks_run_for_grad_too() -> None:
    x = leaf(3.0)
    x.register_hook(lambda g: g * 10)
    y = x * x
    y.register_hook(lambda g: g + 1)
    assert grad(y * 1.0, x)[0].item() == 120.0
    assert grad(x * x, x)[0].item() == 60.0


def test_a_removed_hook_is_silent() -> None:
    x, seen = leaf(3.0), []
    handle = x.register_hook(lambda g: seen.append(1))
    handle.remove()
    handle.remove()
    with x.register_hook(lambda g: seen.append(2)):
        (x * 2).backward()
    (x * 2).backward()
    assert seen == [2]


def test_removing_one_hook_keeps_its_twin() -> None:
    x, seen = leaf(3.0), []

    def hook(g: Any) -> None:
        seen.append(1)

    first = x.register_hook(hook)
    x.register_hook(hook)
    first.remove()
    (x * 2).backward()
    assert seen == [1]


def test_a_hook_that_returns_another_shape_is_refused() -> None:
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: tg.ones(2, dtype=tg.float64))
    with pytest.raises(AutogradError, match=r"hook: it returned a gradient of shape \(2,\) for a tensor of \(\)"):
        (y * 1.0).backward()


def test_hooks_under_create_graph_are_differentiated() -> None:
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * g)
    (g,) = grad(y * x, x, create_graph=True)  # gx = y + (g_y)^2 2x with g_y = x
    assert g.item() == 9.0 + 9.0 * 6.0
    assert grad(g, x)[0].item() == pytest.approx(6.0 + 54.0)  # d(x^2 + 2 x^3)/dx


def test_after_accumulation_the_leaf_is_handed_over() -> None:
    x, seen = leaf(3.0), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 2).backward()
    (x * 2).backward()
    assert seen == [2.0, 4.0]
    with pytest.raises(AutogradError, match="only a leaf"):
        (x * 2).register_post_accumulate_grad_hook(lambda t: None)


def test_a_result_keeps_its_gradient_on_request_only() -> None:
    x = leaf(3.0)
    y, z = x * 2, x * 3
    y.retain_grad()
    (y * z).backward()
    assert y.grad.item() == 9.0 and z.grad is None and y.retains_grad and not z.retains_grad
    y2 = x * 2
    y2.retain_grad()
    y2.register_hook(lambda g: g * 5)
    (y2 * 1.0).backward()
    assert y2.grad.item() == 5.0  # after its hooks, as in PyTorch


def test_what_needs_no_gradient_takes_no_hook() -> None:
    with pytest.raises(AutogradError, match="does not require a gradient"):
        tg.ones(2).register_hook(print)
    with pytest.raises(AutogradError, match="does not require a gradient"):
        tg.ones(2).retain_grad()
