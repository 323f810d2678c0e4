"""The reverse pass: every path counted once, in linear time, without recursion, to any order."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv.autograd import Observer, backward, grad, observing
from tinygrad_cv.ops.errors import AutogradError, TinygradError


def leaf(*values: float) -> Any:
    return tg.tensor(values if len(values) > 1 else values[0], dtype=tg.float64, requires_grad=True)


class Counter(Observer):
    """Counts how often a node's rules run."""

    def __init__(self) -> None:
        self.visits = 0

    def before_backward(self, node: Any, gradient: Any) -> None:
        self.visits += 1


def test_a_value_used_twice_receives_both_gradients() -> None:
    x = leaf(3.0)
    (x * x + x).backward()
    assert x.grad.item() == 7.0


def test_a_node_waits_for_all_its_users() -> None:
    """The order of creation is not the order of depth: y is used first by a late node, then by an early one."""
    x = leaf(2.0)
    y = x * 3
    deep = y * y
    for _ in range(5):
        deep = deep * 1.0
    (deep + y).backward()
    assert x.grad.item() == 2 * 3 * 3 * 2.0 + 3


def test_a_diamond_of_depth_20_is_visited_once_per_node() -> None:
    x = y = leaf(1.0)
    for _ in range(20):
        y = y + y
    counter = Counter()
    with observing(counter):
        y.backward()
    assert x.grad.item() == 2.0**20 and counter.visits == 20


def test_a_chain_of_100_000_nodes_needs_no_recursion() -> None:
    x = y = leaf(1.0)
    for _ in range(100_000):
        y = y + 1.0
    limit = sys.getrecursionlimit()
    counter = Counter()
    with observing(counter):
        sys.setrecursionlimit(200)
        try:
            y.backward()
        finally:
            sys.setrecursionlimit(limit)
    assert x.grad.item() == 1.0 and counter.visits == 100_000
    del y  # freeing the chain must not recurse either


def test_a_long_chain_is_freed_without_recursion() -> None:
    y = leaf(1.0)
    for _ in range(100_000):
        y = y * 1.0
    del y


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_create_graph_gives_derivatives_of_any_order(order: int) -> None:
    x = leaf(0.7)
    y = x.sin() * x.exp()
    for _ in range(order):
        (y,) = grad(y, x, create_graph=True)
    # the n-th derivative of e^x sin x is 2^(n/2) e^x sin(x + n pi/4)
    assert y.item() == pytest.approx(2 ** (order / 2) * np.exp(0.7) * np.sin(0.7 + order * np.pi / 4), rel=1e-12)


def test_grad_takes_non_leaves_and_leaves_grad_alone() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y
    gy, gx = grad(z, [y, x])
    assert (gy.item(), gx.item()) == (8.0, 32.0) and x.grad is None


def test_grad_through_a_target_that_lies_on_the_way_to_another() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * 3 + x
    assert [g.item() for g in grad(z, [x, y])] == [13.0, 3.0]


def test_grad_of_an_output_by_itself_is_the_seed() -> None:
    x = leaf(2.0)
    y = x * 5
    assert grad(y, y, tg.tensor(4.0, dtype=tg.float64))[0].item() == 4.0


def test_unused_inputs_are_an_error_unless_allowed() -> None:
    x, z = leaf(1.0), leaf(1.0, 2.0)
    with pytest.raises(AutogradError, match="do not depend on input 1"):
        grad(x * 2, [x, z])
    assert grad(x * 2, [x, z], allow_unused=True)[1] is None
    assert grad(x * 2, [x, z], materialize_grads=True)[1].tolist() == [0.0, 0.0]


def test_several_outputs_add_up() -> None:
    x = leaf(3.0)
    y, z = x * x, x * 2
    assert grad([y, z], x, [tg.tensor(1.0, dtype=tg.float64), tg.tensor(10.0, dtype=tg.float64)])[0].item() == 26.0
    x = leaf(3.0)
    backward([x * x, x * 2])
    assert x.grad.item() == 8.0


def test_backward_twice_accumulates_with_retain_graph_and_is_refused_without() -> None:
    x = leaf(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12.0
    with pytest.raises(AutogradError, match="give retain_graph=True to the first"):
        y.backward()


def test_backward_to_chosen_inputs_leaves_the_others_alone() -> None:
    x, w = leaf(3.0), leaf(5.0)
    (x * w).backward(inputs=[w])
    assert w.grad.item() == 3.0 and x.grad is None


def test_a_vector_needs_a_gradient_to_start_from() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(AutogradError, match=r"a tensor of shape \(2,\) is not a single number"):
        (x * 2).backward()
    with pytest.raises(TinygradError, match=r"the gradient has shape \(3,\), the tensor \(2,\)"):
        (x * 2).backward(tg.ones(3))
    (x * 2).backward(tg.tensor([1.0, 10.0], dtype=tg.float64))
    assert x.grad.tolist() == [2.0, 20.0]


def test_what_was_never_recorded_is_refused() -> None:
    with pytest.raises(AutogradError, match="does not require a gradient"):
        tg.ones(1).sum().backward()
    with tg.no_grad():
        y = leaf(1.0) * 2
    with pytest.raises(AutogradError, match="outside no_grad"):
        y.backward()


def test_gradients_do_not_share_memory() -> None:
    """An addition hands the same array to both sides; what the leaves receive must still be theirs alone."""
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = tg.tensor([1.0, 1.0], dtype=tg.float64)
    (x + y).backward(seed)
    arrays = [x.grad.numpy(), y.grad.numpy(), seed.numpy(), x.detach().numpy()]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])
    x.grad.zero_()
    assert y.grad.tolist() == [1.0, 1.0] and seed.tolist() == [1.0, 1.0]


def test_gradients_of_views_do_not_share_memory() -> None:
    x, y = leaf(1.0, 2.0, 3.0, 4.0), leaf(5.0, 6.0, 7.0, 8.0)
    total = x.reshape(2, 2) + y.reshape(2, 2).T
    gx, gy = grad(total, [x, y], tg.tensor(np.arange(4.0).reshape(2, 2)))
    assert not np.shares_memory(gx.numpy(), gy.numpy())
    gx.zero_()
    assert gy.tolist() == [0.0, 2.0, 1.0, 3.0]


def test_accumulating_does_not_write_into_the_gradient_that_a_user_holds() -> None:
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    held = x.grad
    before = held.tolist()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    assert held is x.grad or held.tolist() == before


def test_a_gradient_has_the_dtype_of_its_leaf() -> None:
    x = tg.tensor([1.0, 2.0], dtype=tg.float32, requires_grad=True)
    w = tg.tensor([1.0, 2.0], dtype=tg.float64, requires_grad=True)
    (x * w).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (np.float32, np.float64)


def test_second_backward_through_a_recorded_gradient_reaches_the_leaf() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.backward()
    assert first.item() == 12.0 and x.grad.item() == 12.0


def test_only_what_is_asked_for_is_computed() -> None:
    """The gradient of the weight alone does not run the rule of the input."""
    seen: list[str] = []

    class Names(Observer):
        def after_backward(self, node: Any, gradient: Any, gradients: Any, seconds: float) -> None:
            seen.append("".join("-" if g is None else "g" for g in gradients))

    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with observing(Names()):
        grad((x * w).sum(), w)
    assert seen == ["g", "-g"]
