"""Writing in place: values, graphs of bases and views, and the refusal where a saved value is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv.autograd import grad
from tinygrad_cv.ops.errors import AutogradError, DTypeError, ShapeError


def leaf(*values: float) -> Any:
    return tg.tensor(values, dtype=tg.float64, requires_grad=True)


def test_a_write_continues_the_graph() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1.0
    y.mul_(3.0).add_(x)
    assert grad(y.sum(), x)[0].tolist() == [4.0, 4.0] and y.tolist() == [4.0, 8.0]


def test_a_saved_argument_that_was_overwritten_is_refused_with_both_lines() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1.0
    z = y * y  # saves y
    y.add_(1.0)  # overwrites it
    with pytest.raises(AutogradError) as caught:
        z.sum().backward()
    text = str(caught.value)
    assert "z = y * y  # saves y" in text and "y.add_(1.0)  # overwrites it" in text and "Mul" in text


def test_a_saved_result_that_was_overwritten_is_refused_with_both_lines() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()  # keeps its result
    y.mul_(2.0)  # which is changed here
    with pytest.raises(AutogradError) as caught:
        y.sum().backward()
    assert "y = x.exp()  # keeps its result" in str(caught.value) and "y.mul_(2.0)  # which is changed here" in str(
        caught.value
    )


@pytest.mark.parametrize("write", ["through a view", "through detach", "by assignment", "through the base"])
def test_a_write_by_any_road_is_noticed(write: str) -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1.0
    view = y[:2]
    z = (view if write == "through the base" else y) ** 2
    if write == "through a view":
        view.add_(1.0)
    elif write == "through detach":
        y.detach().add_(1.0)
    elif write == "by assignment":
        y[0] = 5.0
    else:
        y.mul_(2.0)
    with pytest.raises(AutogradError, match="changed in place"):
        z.sum().backward()


def test_a_write_to_what_nobody_saved_is_fine() -> None:
    x = leaf(1.0, 2.0)
    y = x + 1.0
    z = y + 2.0
    y.mul_(10.0)
    (z + y).sum().backward()
    assert x.grad.tolist() == [11.0, 11.0]


def test_a_write_after_backward_is_fine() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1.0
    (y * y).sum().backward()
    y.add_(1.0)
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_leaf_is_written_only_without_recording() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(
        AutogradError, match=r"a leaf that requires a gradient is written in place; do it inside no_grad\(\)"
    ):
        x.add_(1.0)
    with pytest.raises(AutogradError, match="a leaf that requires a gradient"):
        x[0] = 1.0
    with pytest.raises(AutogradError, match="a leaf that requires a gradient"):
        x[:1].add_(1.0)
    with tg.no_grad():
        x.add_(1.0)
        x[0] = 9.0
    assert x.tolist() == [9.0, 3.0] and x.is_leaf and x.requires_grad


def test_a_write_under_no_grad_still_counts_against_saved_values() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    with tg.no_grad():
        x.sub_(0.1)
    with pytest.raises(AutogradError, match="changed in place"):
        y.sum().backward()


def test_writing_into_a_view_changes_base_and_other_views_and_their_gradients() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = x * 1.0
    matrix, part = y.reshape(2, 2), y[1:3]
    part.mul_(10.0)
    assert y.tolist() == [1.0, 20.0, 30.0, 4.0] and matrix.tolist() == [[1.0, 20.0], [30.0, 4.0]]
    weights = tg.tensor([1.0, 2.0, 3.0, 4.0], dtype=tg.float64)
    assert grad((y * weights).sum(), x, retain_graph=True)[0].tolist() == [1.0, 20.0, 30.0, 4.0]
    assert grad((matrix * weights.reshape(2, 2)).sum(), x, retain_graph=True)[0].tolist() == [1.0, 20.0, 30.0, 4.0]
    assert grad((part * part).sum(), x)[0].tolist() == [0.0, 400.0, 600.0, 0.0]


def test_writing_into_a_view_of_a_view_reaches_the_base() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = x * 1.0
    y.reshape(2, 2).T[0].add_(y.detach()[2:] * 0 + 5.0)
    assert y.tolist() == [6.0, 2.0, 8.0, 4.0] and grad((y * y).sum(), x)[0].tolist() == [12.0, 4.0, 16.0, 8.0]


def test_writing_into_the_base_changes_views_made_before() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1.0
    view = y[1:]
    y.mul_(3.0)
    assert view.tolist() == [6.0, 9.0] and grad(view.sum(), x)[0].tolist() == [0.0, 3.0, 3.0]


def test_an_assignment_cuts_the_old_value_and_joins_the_new() -> None:
    x, v = leaf(1.0, 2.0, 3.0), leaf(10.0, 20.0)
    y = x * 1.0
    y[1:] = v
    gx, gv = grad((y * y).sum(), [x, v])
    assert gx.tolist() == [2.0, 0.0, 0.0] and gv.tolist() == [20.0, 40.0]


@pytest.mark.parametrize(
    "index", [np.array([2, 0]), np.array([True, False, True]), (Ellipsis, [0, 2]), -1, slice(None, None, 2)]
)
def test_an_assignment_by_any_index_has_the_right_gradient(index: Any) -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1.0
    v = tg.tensor(4.0, dtype=tg.float64, requires_grad=True)
    y[index] = v
    gx, gv = grad((y * tg.tensor([1.0, 10.0, 100.0], dtype=tg.float64)).sum(), [x, v])
    weights = np.array([1.0, 10.0, 100.0])
    chosen = np.zeros(3, bool)
    chosen[index] = True
    assert gx.tolist() == np.where(chosen, 0, weights).tolist() and gv.item() == weights[chosen].sum()


def test_an_assigned_value_may_need_broadcasting() -> None:
    x, v = tg.zeros(2, 3, dtype=tg.float64), leaf(1.0, 2.0, 3.0)
    x[:] = v
    assert x.requires_grad and grad(x.sum(), v)[0].tolist() == [2.0, 2.0, 2.0]


def test_what_does_not_fit_is_refused() -> None:
    x = tg.zeros(2, 3)
    with pytest.raises(ShapeError, match=r"add_: the result has shape \(4, 2, 3\), the tensor \(2, 3\)"):
        x.add_(tg.ones(4, 2, 3))
    with pytest.raises(ShapeError, match="does not fit into a selection|do not broadcast"):
        x[0] = tg.ones(2)
    with pytest.raises(DTypeError, match="mul_: the result has dtype float32, the tensor int64"):
        tg.ones(2, dtype=tg.int64).mul_(0.5)


def test_the_dtype_of_the_tensor_stays() -> None:
    x = tg.ones(2)
    x.add_(tg.ones(2, dtype=tg.float64))
    assert x.dtype == np.float32 and x.tolist() == [2.0, 2.0]


def test_requires_grad_spreads_to_what_is_written() -> None:
    y, x = tg.zeros(2, dtype=tg.float64), leaf(1.0, 2.0)
    y += x
    assert y.requires_grad and not y.is_leaf and grad(y.sum(), x)[0].tolist() == [1.0, 1.0]


def test_a_write_through_detach_is_noticed_by_the_node_that_kept_its_result() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.detach().mul_(2.0)
    with pytest.raises(AutogradError, match="Exp: its result"):
        y.sum().backward()


def test_a_write_is_noticed_by_second_derivatives_too() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    (g,) = grad(y.sum(), x, create_graph=True)
    with tg.no_grad():
        y.mul_(2.0)
    with pytest.raises(AutogradError, match="changed in place"):
        g.sum().backward()


def test_a_write_to_an_operand_that_was_broadcast_is_noticed() -> None:
    x, b = tg.ones(2, 3, requires_grad=True), tg.ones(3, requires_grad=True)
    c = b * 1.0
    z = x * c
    c.mul_(5.0)
    with pytest.raises(AutogradError, match=r"Mul: its argument b of shape \(2, 3\)"):
        z.sum().backward()


def test_a_result_that_was_copied_elsewhere_may_see_the_copy_change() -> None:
    x = leaf(1.0, 2.0)
    y, e = x * 1.0, x.exp()
    y.copy_(e)
    y.add_(1.0)
    assert grad((y + e).sum(), x)[0].tolist() == (2 * np.exp([1.0, 2.0])).tolist()


def test_the_derivative_of_a_write_sees_the_value_from_before() -> None:
    x = leaf(1.0, 2.0)
    y, s = x * 1.0, x * 2.0
    s.mul_(y)
    s.add_(1.0)
    assert grad(s.sum(), x)[0].tolist() == [4.0, 8.0]


def test_overwriting_all_keeps_the_graph_with_zero_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1.0
    y.zero_()
    assert y.requires_grad and grad(y.sum(), x)[0].tolist() == [0.0, 0.0]


def test_writing_into_a_single_element_reaches_its_tensor() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1.0
    y[1].mul_(10.0)
    assert y.tolist() == [1.0, 20.0] and grad(y.sum(), x)[0].tolist() == [1.0, 10.0]


def test_a_view_looked_at_under_no_grad_keeps_its_graph() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1.0
    view = y[1:]
    view.mul_(0.0)
    with tg.no_grad():
        view.add_(1.0)
    assert grad((y.sum() + view.sum()), x)[0].tolist() == [1.0, 0.0, 0.0]


def test_copying_from_a_view_of_what_was_written_takes_its_new_graph() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y, z = x * 1.0, x * 0.0
    back = y.reshape(3, 1)
    y.mul_(4.0)
    z.copy_(back.reshape(3))
    assert grad(z.sum(), x)[0].tolist() == [4.0, 4.0, 4.0]


def test_an_expanded_tensor_is_not_written() -> None:
    with pytest.raises(AutogradError, match="share their memory"):
        tg.zeros(3).expand(2, 3).add_(1.0)
