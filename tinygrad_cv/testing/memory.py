"""Laws of shapes, memory, dtypes and kernels."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ..autograd import grad
from ..autograd.fusion import FUSION, settle
from ..ops import add, kernels, relu
from ..ops.op import Op
from ..tensors import Tensor
from ..typing import Array
from .case import Case, Sample
from .law import LawError, cotangent, demand_close, function_of, gradients, names, value


def operands_broadcast(case: Case, sample: Sample) -> None:
    """Operands with sizes of 1, or fewer dimensions, give what repeated ones give; gradients are summed back."""
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


def _in_dtype(sample: Sample, old: Any, new: Any) -> Sample:
    """Return the sample with its arrays of one dtype in another."""
    args = tuple(a.astype(new) if isinstance(a, np.ndarray) and a.dtype == old else a for a in sample.args)
    return Sample(sample.call, args, sample.truth, sample.fixed)


def _as_float32(sample: Sample) -> Sample:
    return _in_dtype(sample, np.float64, np.float32)


def float32_agrees_with_float64(case: Case, sample: Sample) -> None:
    """In float32 value and gradients stay float32 and agree with those of float64."""
    single = _as_float32(sample)
    double = _in_dtype(single, np.float32, np.float64)
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
    if not isinstance(op, Op) or op.variadic:
        return
    for place in sample.varied():
        given = [a.copy() if isinstance(a, np.ndarray) else a for a in sample.args]
        tensors = [Tensor(a, requires_grad=i == place) if isinstance(a, np.ndarray) else a for i, a in enumerate(given)]
        named = {n for rule in op.rules if place in rule.targets for n in rule.needs} - {"g", "wanted"}
        if op.fused:
            named |= set(op.argument_names)
        if named & set(op.extra):  # auxiliary outputs are kept together
            named |= set(op.extra)
        named -= {n for n, a in zip(op.argument_names, given) if a is None}
        node = value(op(*tensors)).grad_fn
        kept = {n for n, s in zip(op.argument_names, node.saved) if s is not None}
        kept |= {"y"} if node.y is not None else set()
        kept |= set(op.extra) if len(node.extras) else set()
        if kept != named:
            raise LawError(f"the node keeps {sorted(kept)}, its rules name {sorted(named)}\nfor {sample}")
        shadows = {
            n: weakref.ref(a)
            for n, a in zip(op.argument_names, given)
            if isinstance(a, np.ndarray) and n not in named and n != op.argument_names[place]
        }
        del tensors, given
        alive = [n for n, shadow in shadows.items() if shadow() is not None]
        if alive and not op.view:
            raise LawError(f"something keeps {', '.join(alive)} alive, which no rule names\nfor {sample}")


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
