"""A ReLU's gradient that waits for the batch norm below it is the same gradient, bit for bit, and nobody sees that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.autograd.fusion import fusion
from tinygrad_cv.nn import functional as F
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


NETS = [chain, shortcut, two_norms, used_twice, relu_twice, in_place, constant_added, leaf_below]


def gradients(net: Net, dtype: type, shape: tuple[int, ...], fused: bool) -> list[np.ndarray]:
    tg.manual_seed(0)
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    a, b = kind(shape[1], dtype=np.dtype(dtype)), kind(shape[1], dtype=np.dtype(dtype))
    for p in (*a.parameters(), *b.parameters()):
        p.data = tg.randn(*p.shape, dtype=dtype)
    x = tg.randn(*shape, dtype=dtype, requires_grad=True)
    weights = tg.randn(*shape, dtype=dtype)
    with fusion(fused):
        (net(x, a, b) * weights).sum().backward()
    return [t.grad.numpy() for t in (x, *a.parameters(), *b.parameters()) if t.grad is not None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 24, 5, 7), (9, 6)])
@pytest.mark.parametrize("net", NETS)
def test_gradients_are_those_without_waiting(net: Net, shape: tuple[int, ...], dtype: type) -> None:
    waiting, plain = gradients(net, dtype, shape, True), gradients(net, dtype, shape, False)
    assert len(waiting) == len(plain) >= 3
    for a, b in zip(waiting, plain, strict=True):
        np.testing.assert_array_equal(a, b)


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


@pytest.mark.parametrize(("net", "calls"), [(chain, 0), (shortcut, 1), (two_norms, 0)])
def test_no_masked_gradient_is_written_where_a_norm_takes_it(
    net: Net, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[None] = []
    forward = ReluGrad.forward
    monkeypatch.setattr(ReluGrad, "forward", lambda *args: counted.append(None) or forward(*args))
    gradients(net, np.float32, (4, 24, 5, 7), True)
    assert len(counted) == calls
