"""Users' own functions, derivatives of functions, and what the graph keeps."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv.autograd import Function, functional, grad, once_differentiable, saved_tensors_hooks
from tinygrad_cv.ops.errors import AutogradError, ShapeError
from tinygrad_cv.utils.checkpoint import checkpoint, checkpoint_sequential


class Both(Function):
    """Two outputs, of which one is saved: (k x y, x + y)."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, k: float) -> Any:
        a = x * y * k
        ctx.save_for_backward(x, y, a)
        ctx.k = k
        return a, x + y

    @staticmethod
    def backward(ctx: Any, ga: Any, gb: Any) -> Any:
        x, y, a = ctx.saved_tensors
        return ga * y * ctx.k + gb, ga * a / y + gb, None


class Square(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * g


def leaves() -> tuple[Any, Any]:
    return tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0, 4.0], requires_grad=True)


def test_function_of_several_outputs_has_derivatives_of_two_orders() -> None:
    def second(both: Any, x: Any, y: Any) -> list[Any]:
        a, b = both(x, y)
        first = grad((a * a).sum() + (b**3).sum(), (x, y), create_graph=True)
        return [g.tolist() for g in (*first, *grad(sum(g.sum() for g in first), (x, y)))]

    assert second(lambda x, y: Both.apply(x, y, 2.0), *leaves()) == second(lambda x, y: (x * y * 2.0, x + y), *leaves())


def test_function_whose_second_output_is_unused_receives_zeros_for_it() -> None:
    x, y = leaves()
    a, _ = Both.apply(x, y, 1.0)
    a.sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_function_leaves_no_reference_cycle() -> None:
    x, y = leaves()
    gc.collect()
    gc.disable()
    try:
        Both.apply(x, y, 2.0)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_function_marked_once_differentiable_refuses_a_second_derivative() -> None:
    x, _ = leaves()
    (g,) = grad(Square.apply(x).sum(), x, create_graph=True)
    assert g.tolist() == [2.0, 4.0]
    with pytest.raises(AutogradError, match="once_differentiable"):
        g.sum().backward()


def test_function_output_marked_non_differentiable_is_a_constant() -> None:
    class Split(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            whole = x.floor()
            ctx.mark_non_differentiable(whole)
            return x * 3, whole

        @staticmethod
        def backward(ctx: Any, g: Any, _: Any) -> Any:
            return g * 3

    x, _ = leaves()
    y, whole = Split.apply(x)
    assert y.requires_grad and not whole.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_function_without_materialized_gradients_is_given_none() -> None:
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            seen.append((a is None, b is None))
            return b * 2

    x, _ = leaves()
    Two.apply(x)[1].sum().backward()
    assert seen == [(True, False)]


def test_function_with_a_separate_setup_saves_there() -> None:
    class Cube(Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x**3

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3 * ctx.saved_tensors[0] ** 2

    x, _ = leaves()
    Cube.apply(x).sum().backward()
    assert x.grad.tolist() == [3.0, 12.0]


def test_function_returning_too_few_gradients_is_told_so() -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    x, y = leaves()
    with pytest.raises(AutogradError, match="1 gradients for 2 arguments"):
        Wrong.apply(x, y).sum().backward()


def test_function_notices_a_saved_argument_changed_in_place() -> None:
    x, y = leaves()
    h = x * 1
    a, _ = Both.apply(h, y, 1.0)
    h.mul_(2.0)
    with pytest.raises(AutogradError, match="changed in place"):
        a.sum().backward()


def test_hooks_replace_and_restore_what_is_saved() -> None:
    x, y = leaves()
    packed = []

    def pack(t: Any) -> Any:
        packed.append(t.shape)
        return t.numpy() * 2

    with saved_tensors_hooks(pack, lambda a: tg.tensor(a / 2)):
        z = (x * y).exp()
    (g,) = grad(z.sum(), x, create_graph=True)
    assert packed == [(2,)] * 3
    np.testing.assert_allclose(grad(g.sum(), y)[0].numpy(), ((1 + x * y) * (x * y).exp()).detach().numpy(), rtol=1e-6)


def test_checkpoint_gives_the_gradients_of_two_orders_and_the_same_dropout() -> None:
    w = tg.tensor(np.random.default_rng(0).normal(size=(2, 2)), requires_grad=True)

    def block(x: Any) -> Any:
        return tg.dropout((x @ w).sigmoid(), 0.5)

    def results(run: Any) -> list[Any]:
        tg.manual_seed(3)
        x = tg.tensor(np.ones((4, 2)), requires_grad=True)
        (g,) = grad((run(x) ** 2).sum(), x, create_graph=True)
        return [v.tolist() for v in (g, *grad((g * g).sum(), (x, w)))]

    assert results(lambda x: checkpoint(block, x)) == results(block)


def test_checkpoint_keeps_nothing_of_what_happens_inside() -> None:
    x = tg.tensor(np.ones(3), requires_grad=True)
    y = checkpoint(lambda x: (x * x).exp().sin(), x)
    assert y.grad_fn.saved == [] and y.grad_fn.y is None


def test_checkpoint_of_a_function_that_changes_its_mind_is_refused() -> None:
    calls: list[int] = []

    def fickle(x: Any) -> Any:
        calls.append(1)
        return x * x if len(calls) == 1 else x.exp().exp() * x

    x = tg.tensor([1.0], requires_grad=True)
    with pytest.raises(AutogradError, match="first run"):
        checkpoint(fickle, x).sum().backward()


def test_checkpoint_sequential_runs_all_functions() -> None:
    x = tg.tensor([0.5], requires_grad=True)
    y = checkpoint_sequential([tg.exp, tg.sin, tg.exp, tg.cos, tg.tanh], 2, x)
    assert y.item() == pytest.approx(float(np.tanh(np.cos(np.exp(np.sin(np.exp(0.5)))))), rel=1e-6)
    y.backward()
    assert x.grad is not None


def test_products_agree_with_the_whole_matrices() -> None:
    x = tg.tensor(np.random.default_rng(1).normal(size=3))

    def vector(x: Any) -> Any:
        return tg.stack([(x * x).sum(), x[0] * x[1].sin()])

    def number(x: Any) -> Any:
        return vector(x).prod()

    j, h = functional.jacobian(vector, x).numpy(), functional.hessian(number, x).numpy()
    u, v = tg.tensor([1.0, -2.0], dtype=tg.float64), tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64)
    np.testing.assert_allclose(functional.vjp(vector, x, u)[1].numpy(), u.numpy() @ j)
    np.testing.assert_allclose(functional.jvp(vector, x, v)[1].numpy(), j @ v.numpy())
    np.testing.assert_allclose(functional.hvp(number, x, v)[1].numpy(), h @ v.numpy())
    np.testing.assert_allclose(functional.vhp(number, x, v)[1].numpy(), v.numpy() @ h)
    np.testing.assert_allclose(functional.jacobian(vector, x, strategy="forward-mode").numpy(), j)
    np.testing.assert_allclose(h, h.T)


def test_strict_refuses_an_input_that_does_not_matter() -> None:
    x, y = leaves()
    assert functional.jacobian(lambda a, b: a * 2, (x, y))[1].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(AutogradError, match="input 1"):
        functional.jacobian(lambda a, b: a * 2, (x, y), strict=True)


def test_hessian_of_a_vector_is_refused() -> None:
    with pytest.raises(ShapeError, match="single number"):
        functional.hessian(lambda x: x * 2, tg.tensor([1.0, 2.0]))


def test_gradients_of_samples_add_up_to_the_gradient_of_the_batch() -> None:
    w = tg.tensor(np.random.default_rng(2).normal(size=(3, 2)), requires_grad=True)
    x, t = tg.tensor(np.random.default_rng(3).normal(size=(4, 3))), tg.tensor([0, 1, 1, 0])

    def loss(x: Any, t: Any) -> Any:
        return tg.cross_entropy(x @ w, t, reduction="sum")

    each = functional.per_sample_grad(loss, w, x, t)
    assert each.shape == (4, 3, 2)
    np.testing.assert_allclose(each.sum(0).numpy(), grad(loss(x, t), w)[0].numpy())
