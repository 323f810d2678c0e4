"""The checks themselves: what is wrong fails them, what is right passes, and the report can be acted upon."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv.ops.elementwise import Relu
from tinygrad_cv.ops.errors import TinygradError
from tinygrad_cv.ops.op import REGISTRY, Op
from tinygrad_cv.ops.probability import Softmax
from tinygrad_cv.testing import (
    Case,
    Draw,
    GradcheckError,
    LawError,
    Sample,
    assert_close,
    check_op,
    gradcheck,
    gradgradcheck,
)
from tinygrad_cv.testing.mutations import mutants_of

Exp, Steps = REGISTRY["Exp"], REGISTRY["Steps"]


def leaf(*values: float) -> Any:
    return tg.tensor(values, dtype=tg.float64, requires_grad=True)


@pytest.fixture
def wrong_op():
    """Make op classes that leave the registry again."""
    before = dict(REGISTRY)

    def make(name: str, forward: Any, **rules: Any) -> Any:
        return type(name, (Op,), {"forward": forward, **rules})()

    yield make
    for name in set(REGISTRY) - set(before):
        del REGISTRY[name]


# --- gradcheck -------------------------------------------------------------------------------------------------------


def test_gradcheck_passes_right_gradients() -> None:
    x, y = leaf(0.3, -1.2, 2.0), leaf(1.5, 0.7, -0.2)
    assert gradcheck(lambda a, b: (a * b, (a / b).exp()), (x, y))
    assert gradgradcheck(lambda a, b: (a * b.sin()).sum(), (x, y))


def test_gradcheck_names_the_wrong_element_and_both_numbers(wrong_op: Any) -> None:
    def forward(self: Op, x: Any) -> Any:
        return x**2

    def grad_x(self: Op, g: Any, x: Any) -> Any:
        return g * x * np.array([2.0, 2.0, 3.0])

    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong_op("Lopsided", forward, grad_x=grad_x), (leaf(1.0, 2.0, 4.0),))
    assert "d output 0[2] / d input 0[2] is 12 by the rules, 8 by differences; 1 of 9 entries are wrong" in str(
        caught.value
    )
    assert gradcheck(REGISTRY["Lopsided"](), (leaf(1.0, 2.0, 4.0),), raise_exception=False) is False


def test_the_snippet_of_a_report_reproduces_it(wrong_op: Any) -> None:
    op = wrong_op("Halved", lambda self, x: x**2, grad_x=lambda self, g, x: g * x)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(op, (leaf(0.1, 0.7),))
    lines = str(caught.value).split("to reproduce:\n")[1].splitlines()
    code = "\n".join(line.strip() for line in lines).replace(repr(op), "op")
    with pytest.raises(GradcheckError) as again:
        exec(code, {"op": op})
    assert str(again.value).splitlines()[0] == str(caught.value).splitlines()[0]


def test_a_softmax_without_gradient_fails_although_its_outputs_add_up_to_one(wrong_op: Any) -> None:
    op = wrong_op("DeadSoftmax", lambda self, x: Softmax(0).forward(x), grad_x=lambda self, g, y: g * 0)
    x = leaf(0.2, -0.4, 1.0)
    ones = tg.autograd.grad(op(x), x, tg.ones(3, dtype=tg.float64))[0]
    true = tg.autograd.grad(Softmax(0)(x), x, tg.ones(3, dtype=tg.float64))[0]
    assert_close(ones, true, rtol=0, atol=1e-15)  # an all-ones cotangent sees nothing
    with pytest.raises(GradcheckError):
        gradcheck(op, (x,))


def test_second_order_is_checked_where_the_first_is_right(wrong_op: Any) -> None:
    """The fault of batch norms that take their statistics for constants: right to order 1, wrong beyond."""

    def grad_x(self: Op, g: Any, x: Any) -> Any:
        return g * 3 * tg.tensor(np.asarray(x)) ** 2 if isinstance(x, tg.Tensor) else g * 3 * x**2

    op = wrong_op("Frozen", lambda self, x: x**3, grad_x=grad_x)
    assert gradcheck(op, (leaf(0.5, 1.5),))
    with pytest.raises(GradcheckError):
        gradgradcheck(op, (leaf(0.5, 1.5),))


@pytest.mark.parametrize("point", [0.0, -1.0, 1.0])
def test_a_sub_gradient_at_a_kink_passes(point: float) -> None:
    assert gradcheck(tg.relu, (leaf(point, 0.3),))
    assert gradcheck(tg.abs, (leaf(point, -0.3),))
    assert gradcheck(lambda x: tg.amax(x, 0), (leaf(point, point, 0.5),))


@pytest.mark.parametrize("slope", [-0.5, 1.5, 7.0])
def test_a_value_outside_the_slopes_at_a_kink_fails(wrong_op: Any, slope: float) -> None:
    def grad_x(self: Op, g: Any, x: Any) -> Any:
        return g * np.where(x > 0, 1.0, np.where(x < 0, 0.0, slope))

    op = wrong_op("BentRelu", lambda self, x: np.maximum(x, 0), grad_x=grad_x)
    with pytest.raises(GradcheckError, match="a kink: 0 from the left, 1 from the right"):
        gradcheck(op, (leaf(0.0, 0.3),))


def test_a_smooth_but_strongly_curved_function_has_no_kink(wrong_op: Any) -> None:
    op = wrong_op("Steep", lambda self, x: np.exp(20 * x), grad_x=lambda self, g, y: g * y * 20.01)
    with pytest.raises(GradcheckError):
        gradcheck(op, (leaf(0.1),), rtol=1e-5)


def test_float32_is_refused_because_rounding_would_decide() -> None:
    with pytest.raises(TinygradError, match="input 0 has dtype float32"):
        gradcheck(tg.exp, (tg.ones(2, requires_grad=True),))
    with pytest.raises(TinygradError, match="no input requires a gradient"):
        gradcheck(tg.exp, (tg.ones(2, dtype=tg.float64),))


def test_a_gradient_that_differs_from_run_to_run_fails(wrong_op: Any) -> None:
    count = iter(range(1000))
    op = wrong_op("Moody", lambda self, x: x * 2, grad_x=lambda self, g: g * (2 + 1e-9 * next(count)))
    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(op, (leaf(1.0),))
    assert gradcheck(op, (leaf(1.0),), nondet_tol=1e-6)


def test_a_gradient_of_the_wrong_shape_fails(wrong_op: Any) -> None:
    op = wrong_op("Unsummed", lambda self, x: x + np.zeros((3, 1)), grad_x=lambda self, g: g)
    with pytest.raises(GradcheckError, match=r"the gradient of input 0 has shape \(3, 2\), the input \(2,\)"):
        gradcheck(op, (leaf(1.0, 2.0),))


def test_functions_without_a_gradient_pass_only_where_they_are_flat() -> None:
    assert gradcheck(tg.floor, (leaf(0.3, 1.6),))
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: tg.tensor(np.asarray(x) * 2), (leaf(0.3),))


# --- check_op --------------------------------------------------------------------------------------------------------


def cube(d: Draw) -> Sample:
    return Sample(
        REGISTRY["Cube"](), (d.array(d.shape()),), lambda x: np.array([v**3 for v in x.ravel()]).reshape(x.shape)
    )


def test_check_op_takes_a_users_op_through_all_laws_and_all_planted_errors(wrong_op: Any) -> None:
    op = wrong_op("Cube", lambda self, x: x * x * x, grad_x=lambda self, g, x: g * (x * x * 3))
    report = check_op(type(op), cube, examples=5, errors=[(lambda: tg.reshape(tg.ones(2), (3,)), "holds 2 elements")])
    assert not report.escaped and len(report.having("caught")) > 20
    assert "planted errors caught" in str(report)


def test_check_op_shrinks_a_failure_to_a_single_number(wrong_op: Any) -> None:
    pytest.importorskip("hypothesis")
    op = wrong_op("Cube", lambda self, x: x * x * x, grad_x=lambda self, g, x: g * (x * x * 2))
    with pytest.raises(GradcheckError, match=r"\(0, \)|1 of 1 entries are wrong") as caught:
        check_op(type(op), cube, examples=20)
    assert "1 of 1 entries are wrong" in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "law"),
    [
        (lambda self, g, x: 3 * (g * x) * x if g.ndim != 2 else 3 * g * g, "differences"),
        (
            lambda self, g, x: g * (x.astype(np.float64) ** 2 * 3) if isinstance(x, np.ndarray) else g * (x * x * 3),
            "float32",
        ),
    ],
)
def test_check_op_refuses_wrong_rules(wrong_op: Any, rule: Any, law: str) -> None:
    op = wrong_op("Cube", lambda self, x: x * x * x, grad_x=rule)
    with pytest.raises(AssertionError, match=law):
        check_op(type(op), cube, examples=20)


def test_check_op_refuses_an_op_that_writes_into_its_argument(wrong_op: Any) -> None:
    def forward(self: Op, x: Any) -> Any:
        y = x * x * x
        x += 0.0 * x
        x.reshape(-1)[:1] += 1e-13
        return y

    op = wrong_op("Cube", forward, grad_x=lambda self, g, x: g * (x * x * 3))
    with pytest.raises(LawError, match="an argument after the call"):
        check_op(type(op), cube, examples=10)


def test_check_op_refuses_an_op_that_holds_on_to_what_no_rule_names(wrong_op: Any) -> None:
    def forward(self: Op, a: Any, b: Any) -> Any:
        self.held = b
        return a + b

    op = wrong_op("Hoarder", forward, grad_a=lambda self, g: g, grad_b=lambda self, g: g)

    def draw(d: Draw) -> Sample:
        shape = d.shape()
        return Sample(type(op)(), (d.array(shape), d.array(shape)), lambda a, b: a + b)

    with pytest.raises(LawError, match="something keeps b alive"):
        check_op(type(op), draw, examples=3)


def test_a_bad_call_that_is_not_refused_is_reported(wrong_op: Any) -> None:
    op = wrong_op("Cube", lambda self, x: x * x * x, grad_x=lambda self, g, x: g * (x * x * 3))
    with pytest.raises(LawError, match="bad call 0 is not refused"):
        check_op(type(op), cube, examples=2, errors=[(lambda: 1, "anything")])
    with pytest.raises(LawError, match="does not say 'nine'"):
        check_op(type(op), cube, examples=2, errors=[(lambda: tg.reshape(tg.ones(2), (3,)), "nine")])


# --- planted errors --------------------------------------------------------------------------------------------------


def test_a_mutant_is_gone_after_its_block() -> None:
    x = leaf(0.5)
    right = tg.autograd.grad(Exp()(x), x)[0].item()
    for mutant in mutants_of(Exp):
        with mutant.planted():
            pass
        assert tg.autograd.grad(Exp()(x), x)[0].item() == right
        assert Exp.forward is Exp.__dict__["forward"]


def test_planting_is_idle_where_the_gradient_is_zero_and_says_so() -> None:
    report = check_op(
        Steps, lambda d: Sample(Steps(np.floor), (d.array(d.shape(), away=(-2, -1, 0, 1, 2)),), np.floor), examples=3
    )
    equal = {o.mutant for o in report.having("equivalent")}
    assert "gradient of x: negative" in equal and "gradient of x: one added" not in equal


def test_a_weak_net_is_reported_as_such(wrong_op: Any) -> None:
    """Without any law on gradients, wrong rules escape, and the report says which."""
    from tinygrad_cv.testing import LAWS

    everything_but_values = {law.name: "left out on purpose" for law in LAWS if law.word not in ("value", "saved")}
    case = Case(Relu, lambda d: Sample(Relu(), (d.array(d.shape(), away=[0.0]),), lambda x: np.maximum(x, 0)))
    case.laws_left_out = everything_but_values
    report = check_op(case, examples=3)
    assert "gradient of x: doubled" in {o.mutant for o in report.escaped}
    assert "ESCAPED  Relu: gradient of x: doubled" in str(report)


# --- what draws ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_draws_keep_their_promises(seed: int) -> None:
    d = Draw.seeded(seed)
    shape = d.shape(1, 3, 4)
    assert 1 <= len(shape) <= 3 and all(1 <= n <= 4 for n in shape)
    x = d.array(shape, -1, 1, away=(0.0, 0.5))
    assert x.shape == shape and np.all(np.abs(x) >= 0.049) and np.all(np.abs(x - 0.5) >= 0.049)
    flat = np.sort(d.distinct((3, 4)).ravel())
    assert np.all(np.diff(flat) > 0.09)
    assert 0 in Draw.seeded(seed, "empty").shape() and set(Draw.seeded(seed, "one").shape(1)) == {1}
    assert sorted(d.permutation(5)) == list(range(5))
    again = Draw.seeded(seed)
    assert again.shape(1, 3, 4) == shape and np.array_equal(again.array(shape, -1, 1, away=(0.0, 0.5)), x)


# --- assert_close ----------------------------------------------------------------------------------------------------


def test_assert_close_follows_the_dtype() -> None:
    assert_close(np.float32([1.0]), np.float32([1.000001]))
    with pytest.raises(AssertionError, match="1 of 1 elements differ"):
        assert_close(np.array([1.0]), np.array([1.000001]))
    assert_close({"a": [tg.ones(2), 1]}, {"a": [tg.ones(2), 1]})


@pytest.mark.parametrize(
    ("actual", "expected", "message"),
    [
        (tg.ones(2), tg.ones(3), r"the shape is \(2,\) instead of \(3,\)"),
        (tg.ones(2), tg.ones(2, dtype=tg.float64), "the dtype is float32 instead of float64"),
        ([1, 2], [1, 3], r"item \[1\]: 1 of 1 elements differ; the worst is the number: 2 instead of 3"),
        ([1], [1, 2], "there are 1 items instead of 2"),
        ({"a": 1}, {"b": 1}, "the keys"),
        (np.nan, np.nan, "1 of 1 elements differ"),
    ],
)
def test_assert_close_says_what_differs(actual: Any, expected: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_close(actual, expected)


def test_assert_close_takes_its_options() -> None:
    assert_close(np.nan, np.nan, equal_nan=True)
    assert_close(tg.ones(2), tg.ones(2, dtype=tg.float64), check_dtype=False)
    with pytest.raises(TinygradError, match="give both or neither"):
        assert_close(1.0, 1.0, rtol=0.1)
    with pytest.raises(AssertionError, match="^no$"):
        assert_close(1, 2, msg="no")
    with pytest.raises(AssertionError, match="the strides are"):
        assert_close(np.ones((2, 2)).T, np.ones((2, 2)), check_stride=True)


def test_the_command_prints_the_report(tmp_path: Any, capsys: Any) -> None:
    from tinygrad_cv.testing.__main__ import main

    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\nfrom tinygrad_cv.ops.elementwise import Relu\n"
        "from tinygrad_cv.testing import Case, Sample\n"
        "def draw(d):\n    return Sample(Relu(), (d.array(d.shape(), away=[0.0]),), lambda x: np.maximum(x, 0))\n"
        "CASES = [Case(Relu, draw)]\n"
    )
    assert main([str(file)]) == 0
    assert "Relu" in (out := capsys.readouterr().out) and "24 of 24 planted errors caught" in out
    assert main([str(tmp_path / "nothing.py")]) == 2
    assert "there is no" in capsys.readouterr().err
