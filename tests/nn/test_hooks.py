"""Hooks run where they should, may replace what passes, and can be taken off."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.ops.errors import ArgumentError


class Weighted(nn.Module):
    """2 a + 3 b, and a b."""

    def forward(self, a, b, *, scale=1.0):
        return (2 * a + 3 * b) * scale, a * b


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


def test_a_forward_hook_may_replace_the_output() -> None:
    layer = nn.Identity()
    handle = layer.register_forward_hook(lambda module, args, output: output * 2)
    assert layer(tg.ones(1)).item() == 2
    handle.remove()
    assert layer(tg.ones(1)).item() == 1


def test_a_forward_pre_hook_may_replace_the_arguments() -> None:
    layer = nn.Identity()
    layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
    layer.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
    assert layer(tg.ones(1)).item() == 20


def test_prepended_hooks_run_first() -> None:
    order: list[str] = []
    layer = nn.Identity()
    layer.register_forward_hook(lambda *_: order.append("second"))
    layer.register_forward_hook(lambda *_: order.append("first"), prepend=True)
    layer(1)
    assert order == ["first", "second"]


def test_hooks_with_kwargs_see_and_replace_them() -> None:
    layer = Weighted()
    layer.register_forward_pre_hook(lambda m, args, kwargs: (args, {"scale": 5.0}), with_kwargs=True)
    seen = {}
    layer.register_forward_hook(lambda m, args, kwargs, out: seen.update(kwargs), with_kwargs=True)
    assert layer(leaf(1.0), leaf(1.0), scale=2.0)[0].item() == 25 and seen == {"scale": 5.0}


def test_a_pre_hook_with_kwargs_that_returns_something_else_is_refused() -> None:
    layer = Weighted()
    layer.register_forward_pre_hook(lambda m, args, kwargs: args[0], with_kwargs=True)
    with pytest.raises(ArgumentError, match="expects \\(args, kwargs\\) or None"):
        layer(leaf(1.0), leaf(1.0))


def test_always_called_hooks_run_although_forward_failed() -> None:
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("broken")

    called: list[bool] = []
    layer = Broken()
    layer.register_forward_hook(lambda *_: called.append(True), always_call=True)
    layer.register_forward_hook(lambda *_: called.append(False))
    with pytest.raises(KeyError):
        layer(1)
    assert called == [True]


def test_a_backward_hook_sees_the_gradients_of_all_inputs_and_outputs() -> None:
    a, b, layer = leaf(4.0), leaf(5.0), Weighted()
    seen: list[tuple[list[float], list[float]]] = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append(([g.item() for g in gi], [g.item() for g in go])))
    first, second = layer(a, b)
    (first * 10 + second).sum().backward()
    assert seen == [([20.0 + 5.0, 30.0 + 4.0], [10.0, 1.0])]
    assert a.grad.item() == 25 and b.grad.item() == 34


def test_a_backward_hook_may_replace_the_gradients_of_the_inputs() -> None:
    a, b, layer = leaf(4.0), leaf(5.0), Weighted()
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0, gi[1] + 1))
    layer(a, b)[0].sum().backward()
    assert a.grad.item() == 0 and b.grad.item() == 4


def test_a_backward_pre_hook_may_replace_the_gradients_of_the_outputs() -> None:
    a, b, layer = leaf(4.0), leaf(5.0), Weighted()
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 7, go[1]))
    layer(a, b)[0].sum().backward()
    assert a.grad.item() == 14 and b.grad.item() == 21


def test_a_backward_hook_runs_where_no_input_needs_a_gradient() -> None:
    layer = nn.Linear(2, 1)
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, len(go))))
    layer(tg.ones(1, 2)).sum().backward()
    assert seen == [((None,), 1)]


def test_backward_hooks_run_in_every_pass_over_a_kept_graph() -> None:
    a, layer = leaf(1.0), nn.Identity()
    seen: list[float] = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append(gi[0].item()))
    y = layer(a).sum()
    y.backward(retain_graph=True)
    (y * 3).backward()
    assert seen == [1.0, 3.0]


def test_a_backward_hook_that_returns_too_many_gradients_is_refused() -> None:
    a, layer = leaf(1.0), nn.Identity()
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(ArgumentError, match="returned 2 gradients for 1"):
        layer(a).sum().backward()


def test_hooks_do_not_disturb_evaluation_without_gradients() -> None:
    layer = nn.Linear(2, 1)
    layer.register_full_backward_hook(lambda m, gi, go: None)
    with tg.no_grad():
        assert layer(tg.ones(1, 2)).shape == (1, 1)


def test_hooked_modules_give_the_same_second_derivatives() -> None:
    from tinygrad_cv.autograd import grad

    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, gi, go: None)
    x = leaf(0.3)
    (g,) = grad(layer(x).sum(), x, create_graph=True)
    (h,) = grad(g.sum(), x)
    t = np.tanh(0.3)
    assert np.isclose(h.item(), -2 * t * (1 - t * t))


def test_hooks_that_are_always_called_are_called_once_whatever_raised() -> None:
    calls: list[str] = []

    def fail(*args: object) -> None:
        raise KeyError("hook")

    for register in ("register_forward_hook", "register_forward_pre_hook"):
        layer = nn.ReLU()
        layer.register_forward_hook(lambda m, a, y: calls.append("first"), always_call=True)
        getattr(layer, register)(fail)
        layer.register_forward_hook(lambda m, a, y: calls.append("last"), always_call=True)
        with pytest.raises(KeyError):
            layer(tg.ones(1))
    assert calls == ["first", "last"] * 2
