"""Laws of values and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import grad
from ..ops.op import Op
from ..tensors import Tensor
from .case import Case, Sample
from .gradients import Checked, derivative, gradcheck
from .law import LawError, cotangent, demand_close, function_of, gradients, names, value

STEP = 1e-3
"""Of the differences in the laws: of fourth order, their error is about 1e-12 where derivatives are of order 1."""


def value_equals_the_slow_truth(case: Case, sample: Sample) -> None:
    """The value is that of plain loops, in shape, dtype and numbers."""
    got = sample.call(*sample.args)
    want = sample.truth(*sample.args)
    for i, (a, e) in enumerate(zip(*((r if isinstance(r, tuple) else (r,)) for r in (got, want)))):
        demand_close(f"output {i} against the slow truth", sample, a, e, 1e-9, 1e-11, check_dtype=i == 0)


def _differences(case: Case, sample: Sample, order: int) -> None:
    fn, xs = function_of(sample)
    values = [Tensor(x, requires_grad=True) for x in xs]
    for k in range(1, order):
        outs = fn(*values)
        shapes = [y.shape for y in (outs if isinstance(outs, tuple) else (outs,))]
        more = [Tensor(cotangent(s, seed=10 * k + i), requires_grad=True) for i, s in enumerate(shapes)]
        fn = derivative(fn, len(values))
        values += more
    gradcheck(
        fn,
        tuple(values),
        eps=STEP,
        atol=1e-8,
        rtol=1e-8,
        fast_mode=True,
        check_grad_dtypes=True,
        check_undefined_grad=False,
    )


def gradient_equals_differences(case: Case, sample: Sample) -> None:
    """The gradient, in a random direction with a random cotangent, is the difference quotient."""
    _differences(case, sample, 1)


def second_derivative_equals_differences(case: Case, sample: Sample) -> None:
    """The derivative of the gradient, by arguments and by cotangent, is the difference quotient of the gradient."""
    _differences(case, sample, 2)


def third_derivative_equals_differences(case: Case, sample: Sample) -> None:
    """The third derivative is the difference quotient of the second."""
    _differences(case, sample, 3)


def recorded_gradient_equals_plain_gradient(case: Case, sample: Sample) -> None:
    """The rules give the same on arrays and on tensors that are recorded."""
    fn, xs = function_of(sample)
    y, plain = gradients(fn, xs)
    leaves = [Tensor(x, requires_grad=True) for x in xs]
    out = fn(*leaves)
    if out.requires_grad:
        recorded = grad(out, leaves, Tensor(cotangent(y.shape, y.dtype)), create_graph=True, materialize_grads=True)
        for g, r in zip(plain, recorded):
            demand_close("the gradient that is recorded", sample, r, g, 1e-9, 1e-11)


def adjoint_law_holds(case: Case, sample: Sample) -> None:
    """<c, A x> = <A^T c, x> for each argument in which the op is linear, A x being f(x) - f(0)."""
    for i in sample.varied():
        if names(sample)[i] not in case.linear and not (isinstance(sample.call, Op) and sample.call.variadic):
            continue
        args = list(sample.args)

        def fn(x: Any, i: int = i, args: list[Any] = args) -> Any:
            return value(sample.call(*args[:i], x, *args[i + 1 :]))

        x = args[i]
        y, (g,) = gradients(fn, [x])
        image = y - np.asarray(fn(np.zeros_like(x)))
        c = cotangent(y.shape)
        left, right = np.vdot(c, image), np.vdot(g, x)
        scale = np.vdot(np.abs(c), np.abs(image)) + np.vdot(np.abs(g), np.abs(x))
        if not abs(left - right) <= 1e-11 * max(scale, 1.0):
            raise LawError(
                f"the adjoint law in {names(sample)[i]}: <c, A x> is {left:.12g}, "
                f"<A^T c, x> is {right:.12g}\nfor {sample}"
            )


def fused_equals_composite(case: Case, sample: Sample) -> None:
    """A fused op and its composite agree in value and gradient."""
    fn, xs = function_of(sample)
    plain = Sample(sample.call.composite, sample.args, sample.truth, sample.fixed)  # type: ignore[attr-defined]
    places = sample.varied()

    def composite(*values: Any) -> Any:
        args = list(plain.args)
        for i, x in zip(places, values):
            args[i] = x
        return plain.call(*args)

    (y, gs), (want, wanted) = gradients(fn, xs), gradients(composite, xs)
    demand_close("the value of the composite", sample, y, want, 1e-9, 1e-10)
    for place, g, w in zip(places, gs, wanted):
        demand_close(f"the composite's gradient of {names(sample)[place]}", sample, g, w, 1e-8, 1e-9)


def gradient_at_a_kink_is_a_sub_gradient(case: Case, sample: Sample) -> None:
    """On a kink, every entry of the Jacobian lies between the slopes from the left and from the right."""
    fn, xs = function_of(sample)
    checked = Checked(fn, [Tensor(x, requires_grad=True) for x in xs])
    wrong, _ = checked.entries(1e-6, 1e-6, 1e-6)
    if wrong:
        raise LawError(f"no sub-gradient: {wrong[0]}\nfor {sample}")
