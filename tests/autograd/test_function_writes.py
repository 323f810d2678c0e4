"""A user's function that changes its argument, hands it through, or returns gradients of another shape."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_cv as tg
from tinygrad_cv.autograd import Function
from tinygrad_cv.ops.errors import AutogradError


class Double(Function):
    """Doubles its argument in place."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 2


class Same(Function):
    """Returns its first argument."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g, None


class Wide(Function):
    """Adds; its gradients all have the shape of the result, or the one that it is told."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, shape: tuple[int, ...] | None) -> Any:
        ctx.shape = shape
        return x + y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g if ctx.shape is None else tg.ones(*ctx.shape), g, None


class Constants(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x > 0
        ctx.mark_non_differentiable(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return None


def test_a_changed_argument_is_returned_itself_and_differentiated() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    x = w * 3
    y = Double.apply(x)
    assert y is x and y.tolist() == [6, 12]
    y.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [6, 6]


def test_a_leaf_that_requires_a_gradient_may_not_be_changed() -> None:
    with pytest.raises(AutogradError, match="changed a leaf that requires a gradient in place"):
        Double.apply(tg.ones(2, requires_grad=True))


def test_a_change_is_counted_where_no_gradient_is_wanted_too() -> None:
    w, x = tg.ones(2, requires_grad=True), tg.ones(2)
    y = (w * x).sum()
    assert Double.apply(x) is x
    with pytest.raises(AutogradError):
        y.backward()


def test_an_argument_that_is_handed_through_shares_its_memory_and_its_count_of_writes() -> None:
    x = tg.ones(2, requires_grad=True) * 1
    unwanted = tg.ones(2, requires_grad=True)
    y = Same.apply(x, unwanted)
    assert y is not x and y.requires_grad
    z = (y * y).sum()
    with tg.no_grad():
        x.mul_(5)
    assert y.tolist() == [5, 5]
    with pytest.raises(AutogradError):
        z.backward()
    Same.apply(x, unwanted).sum().backward()
    assert unwanted.grad is None or unwanted.grad.tolist() == [0, 0]


def test_gradients_of_the_broadcast_shape_are_summed_and_others_refused() -> None:
    x, y = tg.ones(3, requires_grad=True), tg.ones(2, 3, requires_grad=True)
    Wide.apply(x, y, None).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2, 2, 2]
    with pytest.raises(AutogradError, match=r"gradient of shape \(2, 2\) for argument 0 of shape \(3,\)"):
        Wide.apply(x, y, (2, 2)).sum().backward()


def test_constant_outputs_have_no_gradient() -> None:
    assert not Constants.apply(tg.ones(2, requires_grad=True)).requires_grad
