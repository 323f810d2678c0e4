"""What the graph holds, and when it lets go: no cycles, saved values freed, no growth over many steps."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg


def leaf(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Only counted references free anything: a cycle would stay."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def a_network(x: Any, w: Any, v: Any) -> Any:
    y = tg.conv2d(x, w, padding=1).relu()
    y = tg.batch_norm(y, None, None, training=True)
    y = tg.max_pool2d(y, 2).flatten(1)
    return tg.cross_entropy(y @ v, tg.tensor([0, 1]))


@pytest.mark.usefixtures("without_collector")
def test_a_graph_dies_with_its_last_user() -> None:
    x, w, v = leaf(2, 2, 4, 4), leaf(3, 2, 3, 3), leaf(12, 2)
    loss = a_network(x, w, v)
    node = weakref.ref(loss.grad_fn)
    del loss
    assert node() is None


@pytest.mark.usefixtures("without_collector")
def test_a_graph_dies_after_backward_and_after_create_graph() -> None:
    x = leaf(3, 3)
    y = (x.exp() * x).sum()
    nodes = [weakref.ref(y.grad_fn)]
    (g,) = tg.autograd.grad(y, x, create_graph=True)
    nodes.append(weakref.ref(g.grad_fn))
    (h,) = tg.autograd.grad(g.sum(), x)
    del y, g, h
    assert [n() for n in nodes] == [None, None]


@pytest.mark.usefixtures("without_collector")
def test_hooks_and_retained_gradients_make_no_cycle() -> None:
    x = leaf(3)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.sum().backward()
    assert y.grad is not None
    ref = weakref.ref(y)
    del y
    assert ref() is None


@pytest.mark.usefixtures("without_collector")
def test_views_and_in_place_writes_make_no_cycle() -> None:
    x = leaf(4)
    y = x * 1.0
    part = y[1:3]
    part.mul_(3.0)
    total = (y * y).sum()
    total.backward()
    refs = [weakref.ref(y), weakref.ref(part), weakref.ref(total)]
    del y, part, total
    assert [r() for r in refs] == [None, None, None]


def test_saved_values_are_freed_as_the_pass_goes() -> None:
    x = leaf(3)
    hidden = x * 2
    y = hidden * hidden
    node = y.grad_fn
    held = weakref.ref(hidden)
    del hidden
    assert held() is not None  # the node has saved it
    y.sum().backward()
    assert held() is None and node.freed and not node.saved


def test_retain_graph_keeps_them() -> None:
    x = leaf(3)
    y = x * x
    y.sum().backward(retain_graph=True)
    assert not y.grad_fn.freed and y.grad_fn.saved[0] is x


def test_an_addition_keeps_nothing_and_a_relu_only_its_output() -> None:
    x = leaf(3)
    total = x + x * 1.0
    assert total.grad_fn.saved == [] and total.grad_fn.y is None
    y = x.relu()
    assert y.grad_fn.saved == [] and y.grad_fn.y is y._data


def test_a_weight_that_is_fixed_lets_the_input_go() -> None:
    """Only the rules that will run decide: with a constant weight, the input need not be kept."""
    x, w = leaf(2, 2), leaf(2, 2).detach()
    hidden = x * 1.0
    y = hidden @ w
    held = weakref.ref(hidden)
    del hidden
    assert held() is None and y.grad_fn is not None


def test_nothing_is_recorded_where_no_gradient_is_wanted() -> None:
    x, plain = leaf(3), tg.ones(3, dtype=tg.float64)
    assert (plain * plain).grad_fn is None
    with tg.no_grad():
        assert (x * plain).grad_fn is None
    assert (x * plain).detach().grad_fn is None
    assert (x > 0).grad_fn is None and x.argmax().grad_fn is None


def test_ten_thousand_training_steps_do_not_grow_memory() -> None:
    rng = np.random.default_rng(0)
    w = tg.tensor(rng.standard_normal((4, 3)) * 0.1, requires_grad=True)
    b = tg.zeros(3, dtype=tg.float64, requires_grad=True)
    x, target = tg.tensor(rng.standard_normal((2, 4))), tg.tensor(rng.standard_normal((2, 3)))

    def step() -> None:
        loss = ((tg.tanh(x @ w + b) - target) ** 2).mean()
        loss.backward()
        with tg.no_grad():
            for p in (w, b):
                p.sub_(p.grad * 0.01)
                p.grad = None

    def run(count: int) -> tuple[int, int]:
        for _ in range(count):
            step()
        gc.collect()
        return len(gc.get_objects()), tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        run(100)
        objects, size = run(100)
        for _ in range(3):
            more, larger = run(100)
    finally:
        tracemalloc.stop()
    assert more - objects < 20 and larger - size < 20_000
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(9_500):
        step()
    gc.collect()
    assert len(gc.get_objects()) - before < 20


def test_a_gradient_is_handed_over_without_a_copy_unless_somebody_else_holds_it() -> None:
    x, w = leaf(3, 40), leaf(50, 40)
    tg.nn.functional.linear(x, w).sum().backward()
    assert not w.grad._data.flags.owndata  # the transposed result of a product, as it left the kernel
    a, b = leaf(4), leaf(4)
    (a + b).sum().backward()
    assert not np.shares_memory(a.grad._data, b.grad._data)
    c = tg.ones(2, 1)
    d = leaf(2, 1)
    d.expand(2, 1).backward(c)
    assert not np.shares_memory(d.grad._data, c._data)
