"""The laws that every op obeys, each a function of a case and a sample that raises `LawError` where it is broken.

A law says nothing about where its sample comes from: `check.law_tests` lets hypothesis draw it, the mutation report
takes it from a seeded generator.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import grad
from ..autograd.fusion import FUSION, settle
from ..ops import add, kernels, relu
from ..ops.op import Op
from ..tensors import Tensor
from ..typing import Array
from .case import Case, Draw, Sample
from .closeness import array_difference
from .gradients import derivative, gradcheck

STEP = 1e-3
"""Of the differences in the laws: of fourth order, their error is about 1e-12 where derivatives are of order 1."""


class LawError(AssertionError):
    """A law is broken; the message says which, by what, and for which arguments."""


@dataclass(frozen=True)
class Law:
    """A law's name (and one word for it), when it says something about a case, its check, and the kind of sample it wants."""

    name: str
    word: str
    applies: Callable[[Case], bool]
    check: Callable[[Case, Sample], None]
    sizes: str = "usual"
    at_kinks: bool = False

    def concerns(self, case: Case) -> bool:
        """Tell whether the law says something about a case."""
        return self.name not in case.laws_left_out and self.applies(case)

    def sample(self, case: Case, draw: Draw) -> Sample:
        """Draw a sample of the kind that the law asks about."""
        return case.kinks(draw) if self.at_kinks and case.kinks is not None else case.draw(draw)


def value(result: Any) -> Any:
    """Return an op's output without its auxiliary ones."""
    return result[0] if isinstance(result, tuple) else result


def function_of(sample: Sample) -> tuple[Callable[..., Any], list[Array]]:
    """Return the call as a function of its varied arguments alone, and their values."""
    places = sample.varied()

    def fn(*xs: Any) -> Any:
        args = list(sample.args)
        for i, x in zip(places, xs):
            args[i] = x
        return value(sample.call(*args))

    fn.__name__ = fn.__qualname__ = str(sample)
    return fn, [sample.args[i] for i in places]


def cotangent(shape: Sequence[int], dtype: Any = np.float64, seed: int = 1) -> Array:
    """Return a random incoming gradient."""
    return np.random.default_rng(seed).standard_normal(tuple(shape)).astype(dtype)


def gradients(fn: Callable[..., Any], xs: Sequence[Array], c: Array | None = None) -> tuple[Array, list[Array]]:
    """Return the value and the gradients with respect to all of ``xs``, weighed by ``c`` (random if None)."""
    leaves = [Tensor(x, requires_grad=True) for x in xs]
    y = fn(*leaves)
    c = cotangent(y.shape, y.dtype) if c is None else c
    if not y.requires_grad:
        return np.asarray(y), [np.zeros(x.shape, x.dtype) for x in xs]
    return np.asarray(y), [np.asarray(g) for g in grad(y, leaves, Tensor(c), materialize_grads=True)]


def demand_close(
    what: str, sample: Sample, actual: Any, expected: Any, rtol: float, atol: float, **settings: Any
) -> None:
    """Raise `LawError` where two arrays differ."""
    found = array_difference(np.asarray(actual), np.asarray(expected), rtol, atol, equal_nan=True, **settings)
    if found is not None:
        raise LawError(f"{what}: {found}\nfor {sample}")


def names(sample: Sample) -> list[str]:
    """Return a name for each argument."""
    op = sample.call
    if isinstance(op, Op) and not op.variadic:
        return list(op.argument_names)
    return [f"argument {i}" for i in range(len(sample.args))]


# --- values and derivatives ------------------------------------------------------------------------------------------


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
                f"the adjoint law in {names(sample)[i]}: <c, A x> is {left:.12g}, <A^T c, x> is {right:.12g}\nfor {sample}"
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
    from .gradients import Checked

    checked = Checked(fn, [Tensor(x, requires_grad=True) for x in xs])
    wrong, _ = checked.entries(1e-6, 1e-6, 1e-6)
    if wrong:
        raise LawError(f"no sub-gradient: {wrong[0]}\nfor {sample}")


# --- shapes, memory and dtypes ---------------------------------------------------------------------------------------


def operands_broadcast(case: Case, sample: Sample) -> None:
    """Operands with sizes of 1, or fewer dimensions, give what their repetition gives, and gradients are summed back."""
    assert case.broadcast is not None
    places = sample.varied()
    full = [sample.args[i] for i in places]
    shape = np.broadcast_shapes(*(x.shape for x in full))
    for turn, narrow in enumerate(full):
        for small in (narrow[..., :1], narrow[:1], narrow.reshape(-1)[:1].reshape(())) if narrow.ndim else (narrow,):
            xs = [small if i == turn else x for i, x in enumerate(full)]

            def fn(*values: Any) -> Any:
                args = list(sample.args)
                for i, x in zip(places, values):
                    args[i] = x
                return case.broadcast(*args)  # type: ignore[misc]

            y, gs = gradients(fn, xs)
            wide, wide_gs = gradients(fn, [np.array(np.broadcast_to(x, shape)) for x in xs])
            demand_close("the value of broadcast operands", sample, y, wide, 1e-12, 1e-12)
            for x, g, w in zip(xs, gs, wide_gs):
                extra = w.ndim - x.ndim
                w = w.sum(tuple(range(extra)))
                w = w.sum(tuple(i for i, n in enumerate(x.shape) if n == 1 and w.shape[i] != 1), keepdims=True)
                demand_close("the gradient of broadcast operands", sample, g, w, 1e-9, 1e-11)


def _spread(x: Array) -> Array:
    return np.repeat(x[..., None], 2, -1)[..., 0]


def _backwards(x: Array) -> Array:
    return np.ascontiguousarray(x[::-1])[::-1]


def _channels_last(x: Array) -> Array:
    order = (0, *range(2, x.ndim), 1) if x.ndim > 2 else tuple(range(x.ndim))[::-1]
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


def memory_order_does_not_matter(case: Case, sample: Sample) -> None:
    """Non-contiguous, reversed and channels-last arguments and incoming gradients give the same."""
    fn, xs = function_of(sample)
    y, gs = gradients(fn, xs)
    c = cotangent(y.shape)
    for what, lay in (("spread", _spread), ("reversed", _backwards), ("channels-last", _channels_last)):
        laid = [lay(x) if x.ndim else x for x in xs]
        again, again_gs = gradients(fn, laid, lay(c) if c.ndim else c)
        demand_close(f"the value for {what} memory", sample, again, y, 1e-10, 1e-12)
        for place, g, w in zip(sample.varied(), again_gs, gs):
            demand_close(f"the gradient of {names(sample)[place]} for {what} memory", sample, g, w, 1e-10, 1e-12)


def empty_and_single_elements_work(case: Case, sample: Sample) -> None:
    """Sizes of 0 and 1 give the truth's shape and numbers, and gradients of the arguments' shapes."""
    want = sample.truth(*sample.args)
    fn, xs = function_of(sample)
    y, gs = gradients(fn, xs)
    demand_close("the value", sample, y, value(want), 1e-9, 1e-11)
    for x, g in zip(xs, gs):
        if g.shape != x.shape:
            raise LawError(f"the gradient has shape {g.shape}, the argument {x.shape}\nfor {sample}")
    if case.kernel:
        single, xs = function_of(_as_float32(sample))
        narrow, narrow_gs = gradients(single, xs)
        demand_close("the value in float32", sample, narrow, y.astype(np.float32), 1e-4, 1e-4)
        if [g.shape for g in narrow_gs] != [x.shape for x in xs]:
            raise LawError(f"the gradients in float32 have shapes {[g.shape for g in narrow_gs]}\nfor {sample}")


def _as_float32(sample: Sample) -> Sample:
    args = tuple(
        a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype == np.float64 else a for a in sample.args
    )
    return Sample(sample.call, args, sample.truth, sample.fixed)


def float32_agrees_with_float64(case: Case, sample: Sample) -> None:
    """In float32 value and gradients stay float32 and agree with those of float64."""
    single = _as_float32(sample)
    double = Sample(sample.call, tuple(a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a
                                       for a in single.args), sample.truth, sample.fixed)  # fmt: skip
    (fn, xs), (exact, wide) = function_of(single), function_of(double)
    c = cotangent(np.shape(np.asarray(exact(*wide))), np.float32)
    y, gs = gradients(fn, xs, c)
    want, wanted = gradients(exact, wide, c.astype(np.float64))
    if y.dtype != np.float32:
        raise LawError(f"the value has dtype {y.dtype} for arguments of float32\nfor {single}")
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    demand_close("the value in float32", single, y.astype(np.float64), want, case.float32, case.float32 * scale)
    for place, g, w in zip(single.varied(), gs, wanted):
        if g.dtype != np.float32:
            raise LawError(
                f"the gradient of {names(single)[place]} has dtype {g.dtype} for arguments of float32\nfor {single}"
            )
        scale = max(1.0, float(np.max(np.abs(w), initial=0)))
        demand_close(
            f"the gradient of {names(single)[place]} in float32",
            single,
            g.astype(np.float64),
            w,
            10 * case.float32,
            10 * case.float32 * scale,
        )


def nothing_given_is_changed_or_kept(case: Case, sample: Sample) -> None:
    """Arguments and incoming gradient stay as they were; a result has memory of its own, unless the op is a view."""
    fn, xs = function_of(sample)
    given = [a for a in sample.args if isinstance(a, np.ndarray)]
    before = [a.copy() for a in given]
    leaves = [Tensor(x, requires_grad=True) for x in xs]
    y = fn(*leaves)
    if not (isinstance(sample.call, Op) and sample.call.view):
        for a in given:
            if a.size and np.shares_memory(y._data, a):
                raise LawError(f"the result shares memory with an argument, but the op is no view\nfor {sample}")
    c = Tensor(cotangent(y.shape, y.dtype))
    held, value_before = c._data.copy(), y._data.copy()
    if y.requires_grad:
        first = grad(y, leaves, c, retain_graph=True, materialize_grads=True)
        grad(y, leaves, c, create_graph=True, materialize_grads=True)
        second = grad(y, leaves, c, materialize_grads=True)
        for i, (a, b) in enumerate(zip(first, second)):
            demand_close("the gradient of a second pass", sample, b, a, 0, 0)
            others = [c, *leaves, *(g for k, g in enumerate(first) if k != i)]
            if a._data.size and any(np.shares_memory(a._data, o._data) for o in others):
                raise LawError(f"a gradient shares memory with something else\nfor {sample}")
    for what, was, now in [("the incoming gradient", held, c._data), ("the value", value_before, y._data)]:
        demand_close(f"{what} after the backward pass", sample, now, was, 0, 0)
    for was, now in zip(before, given):
        demand_close("an argument after the call", sample, now, was, 0, 0)


def a_node_keeps_what_its_rules_name(case: Case, sample: Sample) -> None:
    """For each argument that alone wants a gradient, the node keeps exactly what that argument's rule names."""
    op = sample.call
    if not isinstance(op, Op):
        return
    for place in sample.varied():
        args = [a.copy() if isinstance(a, np.ndarray) else a for a in sample.args]
        tensors = [Tensor(a, requires_grad=i == place) if isinstance(a, np.ndarray) else a for i, a in enumerate(args)]
        rules = [r for r in op.rules if op.variadic or place in r.targets]
        named = {n for r in rules for n in r.needs}
        if op.fused:
            named |= set(op.argument_names)
        result = op(*tensors)
        node = value(result).grad_fn
        kept = {"y"} if node.y is not None else set()
        kept |= {n for n, s in zip(node.argument_names(), node.saved) if s is not None} if not op.variadic else set()
        kept |= set(op.extra) if len(node.extras) and set(op.extra) & named else set()
        meant = {
            n
            for n in named
            if n not in ("g", "wanted") and not (n in op.argument_names and args[op.argument_names.index(n)] is None)
        }
        if not op.variadic and kept != meant | (set(op.extra) if set(op.extra) & named else set()):
            raise LawError(f"the node keeps {sorted(kept)}, its rules name {sorted(meant)}\nfor {sample}")
        # and what is not named is gone once its owner lets go
        shadows = {
            n: weakref.ref(t)
            for i, (n, t) in enumerate(zip(node.argument_names(), tensors))
            if isinstance(t, Tensor) and i != place and n not in named
        }
        del tensors, args, result
        if not op.view and not op.variadic:
            alive = [n for n, ref in shadows.items() if ref() is not None]
            if alive:
                gc.collect()
                raise LawError(f"the node keeps {', '.join(alive)} alive, which no rule names\nfor {sample}")


def a_promised_value_is_the_value(case: Case, sample: Sample) -> None:
    """Joined with an addition and a ReLU in one pass, value and gradients are those of three passes."""
    fn, xs = function_of(sample)
    other = cotangent(np.shape(np.asarray(fn(*xs))), seed=7)

    def joined(*values: Any) -> Any:
        return relu(add(fn(*values), other))

    y, gs = gradients(joined, xs)
    FUSION.depth += 1
    try:
        again, again_gs = gradients(joined, xs)
    finally:
        FUSION.depth -= 1
        settle()
    demand_close("the joined value", sample, again, y, 1e-10, 1e-11)
    for place, g, w in zip(sample.varied(), again_gs, gs):
        demand_close(f"the gradient of {names(sample)[place]} of the joined value", sample, g, w, 1e-10, 1e-11)


# --- kernels ---------------------------------------------------------------------------------------------------------


def kernel_readings_agree(case: Case, sample: Sample) -> None:
    """Plain loops, NumPy and Numba give the same value and gradients, in float32 and in float64."""
    for one, rtol in ((sample, 1e-9), (_as_float32(sample), max(1e-4, 10 * case.float32))):
        results = {}
        for reading in ("loops", "numpy", "numba"):
            with kernels.use(reading):
                fn, xs = function_of(one)
                results[reading] = gradients(fn, xs)
        y, gs = results.pop("loops")
        for reading, (other, other_gs) in results.items():
            demand_close(f"the value in the {reading} reading", one, other, y, rtol, rtol)
            for place, g, w in zip(one.varied(), other_gs, gs):
                demand_close(f"the gradient of {names(one)[place]} in the {reading} reading", one, g, w, rtol, rtol)


def thread_counts_give_equal_bits(case: Case, sample: Sample) -> None:
    """With 1, 2 and 4 threads value and gradients are the same to the last bit."""
    single = _as_float32(sample)
    fn, xs = function_of(single)
    before = kernels.get_num_threads()
    try:
        results = []
        for count in (1, 2, 4):
            kernels.set_num_threads(count)
            results.append(gradients(fn, xs))
    finally:
        kernels.set_num_threads(before)
    for y, gs in results[1:]:
        for a, b in zip((y, *gs), (results[0][0], *results[0][1])):
            if not np.array_equal(a, b, equal_nan=True):
                raise LawError(f"the number of threads changes the bits\nfor {sample}")


def _always(case: Case) -> bool:
    return True


LAWS = (
    Law("value_equals_the_slow_truth", "value", _always, value_equals_the_slow_truth),
    Law("nothing_given_is_changed_or_kept", "purity", _always, nothing_given_is_changed_or_kept),
    Law("gradient_equals_differences", "differences", _always, gradient_equals_differences),
    Law("recorded_gradient_equals_plain_gradient", "recorded", _always, recorded_gradient_equals_plain_gradient),
    Law("adjoint_law_holds", "adjoint", lambda case: bool(case.linear), adjoint_law_holds),
    Law("fused_equals_composite", "composite", lambda case: case.op.fused, fused_equals_composite),
    Law(
        "second_derivative_equals_differences",
        "order 2",
        lambda case: case.order >= 2,
        second_derivative_equals_differences,
    ),
    Law(
        "third_derivative_equals_differences",
        "order 3",
        lambda case: case.order >= 3,
        third_derivative_equals_differences,
    ),
    Law(
        "gradient_at_a_kink_is_a_sub_gradient",
        "kinks",
        lambda case: case.kinks is not None,
        gradient_at_a_kink_is_a_sub_gradient,
        at_kinks=True,
    ),
    Law("operands_broadcast", "broadcast", lambda case: case.broadcast is not None, operands_broadcast),
    Law("memory_order_does_not_matter", "memory order", _always, memory_order_does_not_matter),
    Law("empty_arguments_work", "empty", lambda case: case.empty, empty_and_single_elements_work, sizes="empty"),
    Law("single_elements_work", "single", _always, empty_and_single_elements_work, sizes="one"),
    Law("float32_agrees_with_float64", "dtype", _always, float32_agrees_with_float64),
    Law("a_node_keeps_what_its_rules_name", "saved", _always, a_node_keeps_what_its_rules_name),
    Law("a_promised_value_is_the_value", "fusion", lambda case: case.op.lazy, a_promised_value_is_the_value),
    Law("kernel_readings_agree", "readings", lambda case: case.kernel, kernel_readings_agree),
    Law("thread_counts_give_equal_bits", "threads", lambda case: case.kernel, thread_counts_give_equal_bits),
)
"""In the order in which the mutation report asks them."""
