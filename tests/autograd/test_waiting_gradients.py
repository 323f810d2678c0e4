"""A gradient that waits for the rule below it is the same gradient, bit for bit, and nobody sees that it waited."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.autograd.fusion import fusion
from tinygrad_cv.nn import functional as F
from tinygrad_cv.ops.arithmetic import Add
from tinygrad_cv.ops.elementwise import ReluGrad

Net = Callable[[tg.Tensor, nn.Module, nn.Module], tg.Tensor]


def chain(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.relu(b(F.relu(a(x))))


def shortcut(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    x = F.relu(x * 1)
    return F.relu(b(F.relu(a(x))) + x)


def two_norms(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.relu(a(x) + b(x))


def used_twice(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    y = a(x)
    return b(F.relu(y) + y)


def relu_twice(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.relu(F.relu(b(a(x))))


def in_place(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.relu(b(F.relu(a(x), inplace=True)) + x, inplace=True)


def constant_added(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.relu(b(a(x)) + tg.full(x.shape, 0.3))


def leaf_below(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.relu(x) + a(F.relu(x + b(x)))


def two_blocks(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return shortcut(shortcut(x, a, b), a, b)


def branches(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    x = F.relu(a(x))
    return b(x) + x * 2 + x


NETS = [two_blocks, branches, chain, shortcut, two_norms, used_twice, relu_twice, in_place, constant_added, leaf_below]


def gradients(net: Net, dtype: type, shape: tuple[int, ...], fused: bool) -> list[np.ndarray]:
    tg.manual_seed(0)
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    a, b = kind(shape[1], dtype=np.dtype(dtype)), kind(shape[1], dtype=np.dtype(dtype))
    for p in (*a.parameters(), *b.parameters()):
        p.data = tg.randn(*p.shape, dtype=dtype)
    x = tg.randn(*shape, dtype=dtype, requires_grad=True)
    with fusion(fused):
        y = net(x, a, b)
        (y * tg.randn(*y.shape, dtype=dtype)).sum().backward()
    return [t.grad.numpy() for t in (x, *a.parameters(), *b.parameters()) if t.grad is not None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 24, 5, 7), (9, 6)])
@pytest.mark.parametrize("net", NETS)
def test_gradients_are_those_without_waiting(net: Net, shape: tuple[int, ...], dtype: type) -> None:
    waiting, plain = gradients(net, dtype, shape, True), gradients(net, dtype, shape, False)
    assert len(waiting) == len(plain) >= 3
    for a, b in zip(waiting, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def apart(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.max_pool2d(F.relu(x * 1), 2)


def overlapping(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.max_pool2d(F.relu(a(x) * 1), 3, 2, padding=1)


def pool_of_a_norm(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.max_pool2d(F.relu(a(x)), 2)


def pooled_twice(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    y = F.relu(x * 1)
    return F.max_pool2d(y, 2) + F.max_pool2d(y, (3, 1), (2, 2), padding=(1, 0))[:, :, :2, :3]


def pooled_and_used(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    y = F.relu(x * 1)
    return F.max_pool2d(y, 2) + y.sum()


def pool_before(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.relu(F.max_pool2d(x * 1, 2))


def pooled_again(x: tg.Tensor, a: nn.Module, b: nn.Module) -> tg.Tensor:
    return F.max_pool2d(F.max_pool2d(F.relu(x * 1), 2), 2)


POOLS = [apart, overlapping, pool_of_a_norm, pooled_twice, pooled_and_used, pool_before, pooled_again]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("net", POOLS)
def test_gradients_behind_pools_are_those_without_waiting(net: Net, dtype: type) -> None:
    waiting, plain = gradients(net, dtype, (4, 24, 5, 7), True), gradients(net, dtype, (4, 24, 5, 7), False)
    assert len(waiting) == len(plain) >= 1
    for a, b in zip(waiting, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_gradient_of_a_pooled_relu_is_seen_unmasked() -> None:
    x = tg.tensor([[[[-1.0, -2.0], [-3.0, -4.0]]]], requires_grad=True)
    y = F.relu(x * 1)
    y.retain_grad()
    F.max_pool2d(y, 2).sum().backward()
    assert y.grad.tolist() == [[[[1.0, 0.0], [0.0, 0.0]]]]
    assert x.grad.tolist() == [[[[0.0, 0.0], [0.0, 0.0]]]]


def test_hooks_and_retained_gradients_see_the_gradient_itself() -> None:
    a = nn.BatchNorm2d(3)
    x = tg.randn(2, 3, 4, 4, requires_grad=True)
    middle = a(x)
    middle.retain_grad()
    seen: list[tg.Tensor] = []
    middle.register_hook(seen.append)
    y = F.relu(middle)
    y.sum().backward()
    mask = (y.detach().numpy() > 0).astype(np.float32)
    np.testing.assert_array_equal(seen[0].numpy(), mask)
    np.testing.assert_array_equal(middle.grad.numpy(), mask)


def test_gradients_asked_for_on_the_way_are_computed() -> None:
    a = nn.BatchNorm2d(3)
    x = tg.randn(2, 3, 4, 4, requires_grad=True)
    middle = a(x)
    y = F.relu(middle)
    (g,) = tg.autograd.grad(y.sum(), [middle])
    np.testing.assert_array_equal(g.numpy(), (y.detach().numpy() > 0).astype(np.float32))


@pytest.mark.parametrize(("net", "calls"), [(chain, 0), (shortcut, 1), (two_norms, 0), (apart, 0), (overlapping, 0)])
def test_no_masked_gradient_is_written_where_another_rule_masks(
    net: Net, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[None] = []
    forward = ReluGrad.forward
    monkeypatch.setattr(ReluGrad, "forward", lambda *args: counted.append(None) or forward(*args))
    gradients(net, np.float32, (4, 24, 5, 7), True)
    assert len(counted) == calls


@pytest.mark.parametrize("sums", [True, False])
def test_no_sum_of_gradients_is_written_where_a_norm_adds(sums: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[None] = []
    forward = Add.forward
    tg.manual_seed(0)
    norm = nn.BatchNorm2d(24)
    x = tg.randn(4, 24, 5, 7, requires_grad=True)
    with fusion(sums):
        r = F.relu(1 * x)
        y = F.relu(norm(r) + r)
        loss = (y * 2).sum() + (y * 3).sum()
        monkeypatch.setattr(Add, "forward", lambda *args: counted.append(None) or forward(*args))
        loss.backward()
    assert len(counted) == (1 if sums else 2)  # at r two gradients meet, and no norm
