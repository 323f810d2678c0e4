"""Cases of the arithmetic of two operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import arithmetic as family
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests


def pairwise(function: Callable[[float, float], float]) -> Callable[..., Any]:
    def truth(a: Any, b: Any) -> Any:
        return np.array([function(u, v) for u, v in zip(a.ravel().tolist(), b.ravel().tolist())], np.float64).reshape(
            a.shape
        )

    return truth


def two(
    op: Any, function: Callable[[float, float], float], low: float = -2.0, high: float = 2.0, away: Any = ()
) -> Any:
    def draw(d: Draw) -> Sample:
        shape = d.shape()
        return Sample(op, (d.array(shape), d.array(shape, low, high, away)), pairwise(function))

    return draw


def power(d: Draw) -> Sample:
    shape = d.shape()
    return Sample(family.Pow(), (d.array(shape, 0.4, 2.0), d.array(shape)), pairwise(lambda a, b: a**b))


def power_of_a_number(d: Draw) -> Sample:
    p = d.choice([0, 1, 2, 3, -1, 0.5, -1.5, 2.0])
    return Sample(
        family.PowScalar(p),
        (d.array(d.shape(), 0.4, 2.0),),
        lambda x: np.array([v**p for v in x.ravel()]).reshape(x.shape),
    )


def negative(d: Draw) -> Sample:
    return Sample(
        family.Neg(), (d.array(d.shape()),), lambda x: np.array([0.0 - v for v in x.ravel()]).reshape(x.shape)
    )


def extremum(d: Draw) -> Sample:
    op, function = d.choice(
        [(family.Extremum(np.maximum, np.greater), max), (family.Extremum(np.minimum, np.less), min)]
    )
    shape = d.shape()
    both = d.distinct((2, *shape))
    return Sample(op, (both[0], both[1]), pairwise(function))


def tie(d: Draw) -> Sample:
    sample = extremum(d)
    a, b = sample.args
    ties = d.generator().random(a.shape) < 0.5
    return Sample(sample.call, (a, np.where(ties, a, b)), sample.truth)


def where(d: Draw) -> Sample:
    shape = d.shape()
    condition = d.integers(shape, 0, 1).astype(bool)

    def truth(c: Any, a: Any, b: Any) -> Any:
        return np.array([u if k else v for k, u, v in zip(c.ravel(), a.ravel(), b.ravel())], np.float64).reshape(
            a.shape
        )

    return Sample(family.Where(), (condition, d.array(shape), d.array(shape)), truth)


A, B = np.zeros((2, 3)), np.zeros((3, 2))
MISFIT = "do not broadcast"

CASES = [
    Case(
        family.Add, two(family.Add(), lambda a, b: a + b), linear=("a", "b"), broadcast=ops.add,
        errors=[
            (lambda: ops.add(A, B), "add: shapes (2, 3) and (3, 2) " + MISFIT),
            (lambda: ops.add(A, "x"), "expected a tensor"),
        ],
    ),
    Case(
        family.Sub, two(family.Sub(), lambda a, b: a - b), linear=("a", "b"), broadcast=ops.sub,
        errors=[(lambda: ops.sub(A, B), MISFIT), (lambda: ops.sub(A > 0, A > 0), "bool operand")],
    ),
    Case(
        family.Mul, two(family.Mul(), lambda a, b: a * b), linear=("a", "b"), broadcast=ops.mul,
        errors=[(lambda: ops.mul(A, B), MISFIT)],
    ),
    Case(
        family.Div, two(family.Div(), lambda a, b: a / b, 0.4, 2.0), linear=("a",), broadcast=ops.div,
        errors=[
            (lambda: ops.div(A, B), MISFIT),
            (lambda: ops.div(A, A, rounding_mode="up"), "rounding_mode is 'up'"),
            (lambda: ops.div(np.array([1]), np.array([0]), rounding_mode="floor"), "divisor is 0"),
        ],
    ),
    Case(family.Neg, negative, linear=("x",), errors=[(lambda: ops.neg(A > 0), "bool")]),
    Case(family.Pow, power, broadcast=ops.pow, errors=[(lambda: ops.pow(A, B), MISFIT)]),
    Case(family.PowScalar, power_of_a_number, errors=[(lambda: ops.pow(np.array([1]), -1), "cast to float")]),
    Case(family.Extremum, extremum, kinks=tie, broadcast=ops.maximum, errors=[(lambda: ops.maximum(A, B), MISFIT)]),
    Case(
        family.Where, where, linear=("a", "b"),
        broadcast=lambda c, a, b: ops.where(c, a, b),
        errors=[(lambda: ops.where(A, A, A), "expected bool"), (lambda: ops.where(A > 0, A, B), MISFIT)],
    ),
]  # fmt: skip

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
