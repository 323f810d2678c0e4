"""Cases of what makes operands alike: repetition, its adjoint, and the change of dtype."""

from __future__ import annotations

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import broadcast as family
from tinygrad_cv.ops.op import Plain
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Shape = tuple[int, ...]


def repeated(d: Draw) -> tuple[Shape, Shape]:
    """A shape, and one that it can be repeated to."""
    source = tuple(1 if d.flag() else n for n in d.shape(1))
    target = tuple(d.size() if n == 1 else n for n in source)
    return source, (*(d.size() for _ in range(d.integer(0, 1))), *target)


def fold_index(at: Shape, source: Shape) -> Shape:
    return tuple(0 if n == 1 else i for i, n in zip(at[len(at) - len(source) :], source))


def expand(d: Draw) -> Sample:
    source, target = repeated(d)

    def truth(x: np.ndarray) -> np.ndarray:
        y = np.empty(target)
        for at in np.ndindex(target):
            y[at] = x[fold_index(at, source)]
        return y

    return Sample(family.Expand(target, source), (d.array(source),), truth)


def sum_to(d: Draw) -> Sample:
    source, target = repeated(d)

    def truth(x: np.ndarray) -> np.ndarray:
        y = np.zeros(source)
        for at in np.ndindex(target):
            y[fold_index(at, source)] += x[at]
        return y

    return Sample(family.SumTo(source, target), (d.array(target),), truth)


def cast(d: Draw) -> Sample:
    """From float64 to float64 by a detour, so that differences can see it; float32 has a test of its own below."""
    wide = np.dtype(np.float64)
    return Sample(
        family.Cast(wide, wide), (d.array(d.shape()),), lambda x: np.array(x.tolist(), np.float64).reshape(x.shape)
    )


def plain(d: Draw) -> Sample:
    return Sample(
        Plain(np.isnan), (d.array(d.shape()),), lambda x: np.array([v != v for v in x.ravel()], bool).reshape(x.shape)
    )


X = np.zeros((2, 3))

CASES = [
    Case(
        family.Expand,
        expand,
        linear=("x",),
        errors=[
            (lambda: ops.expand(X, 3), "fewer dimensions"),
            (lambda: ops.expand(X, 4, 3), "dimension 0 has size 2"),
            (lambda: ops.expand(X, -1, 2, 3), "-1 stands for a new leading dimension"),
            (lambda: ops.broadcast_to(X, (2, 4)), "cannot become 4"),
        ],
    ),
    Case(family.SumTo, sum_to, linear=("x",)),
    Case(
        family.Cast,
        cast,
        linear=("x",),
        laws_left_out={"float32_agrees_with_float64": "a cast to float64 is there to change the dtype"},
    ),
    Case(
        Plain,
        plain,
        order=1,
        laws_left_out={
            "gradient_equals_differences": "it has no gradient, and its value need not be a number",
            "float32_agrees_with_float64": "its dtype is the function's",
            "a_node_keeps_what_its_rules_name": "it leaves no node",
        },
    ),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)


def test_a_cast_sends_the_gradient_back_in_the_first_dtype() -> None:
    import tinygrad_cv as tg

    x = tg.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
    y = x.double()
    (g,) = tg.autograd.grad(y, x, tg.tensor([0.25, 3.0], dtype=np.float64))
    assert y.dtype == np.float64 and g.dtype == np.float32 and g.tolist() == [0.25, 3.0]
