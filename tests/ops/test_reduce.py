"""Cases of the reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import reduce as family
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray


def some_dims(d: Draw, rank: int) -> tuple[int, ...]:
    return tuple(i for i in range(rank) if d.flag())


def reduced(
    shape: tuple[int, ...], dims: tuple[int, ...], keepdim: bool, function: Callable[[list[float]], float]
) -> Any:
    def truth(x: Array) -> Array:
        groups: dict[tuple[int, ...], list[float]] = {
            at: [] for at in np.ndindex(tuple(1 if i in dims else n for i, n in enumerate(shape)))
        }
        for at in np.ndindex(shape):
            groups[tuple(0 if i in dims else k for i, k in enumerate(at))].append(float(x[at]))
        y = np.empty([1 if i in dims else n for i, n in enumerate(shape)])
        for at, values in groups.items():
            y[at] = function(values)
        return y if keepdim else y.reshape([n for i, n in enumerate(shape) if i not in dims])

    return truth


def total(d: Draw) -> Sample:
    shape, keepdim = d.shape(), d.flag()
    dims = some_dims(d, len(shape))
    return Sample(family.Sum(dims, keepdim, shape), (d.array(shape),), reduced(shape, dims, keepdim, sum))


def extreme(d: Draw) -> Sample:
    shape, keepdim = d.shape(), d.flag()
    dims = some_dims(d, len(shape))
    function, own = d.choice([(np.maximum.reduce, max), (np.minimum.reduce, min)])
    return Sample(family.ExtremeOf(function, dims, keepdim), (d.distinct(shape),), reduced(shape, dims, keepdim, own))


def extreme_with_ties(d: Draw) -> Sample:
    sample = extreme(d)
    (x,) = sample.args
    return Sample(sample.call, (np.round(x),), sample.truth)


def running_sum(d: Draw) -> Sample:
    shape = d.shape(1)
    dim = d.integer(0, len(shape) - 1)

    def truth(x: Array) -> Array:
        y = np.zeros(shape)
        for at in np.ndindex(shape):
            for k in range(at[dim] + 1):
                y[at] += x[(*at[:dim], k, *at[dim + 1 :])]
        return y

    return Sample(family.CumSum(dim), (d.array(shape),), truth)


X = np.zeros((2, 3))

CASES = [
    Case(
        family.Sum,
        total,
        linear=("x",),
        errors=[
            (lambda: ops.sum(X, 2), "dim=2 for a tensor of 2 dimensions"),
            (lambda: ops.sum(X, (0, -2)), "twice"),
            (lambda: ops.mean(X > 0), "expected floating point"),
            (lambda: ops.norm(X, "nuc"), "p is 'nuc'"),
        ],
    ),
    Case(
        family.ExtremeOf,
        extreme,
        kinks=extreme_with_ties,
        empty=False,
        errors=[
            (lambda: ops.amax(np.zeros((0, 3)), 0), "size 0"),
            (lambda: ops.argmax(np.zeros(0)), "no element"),
        ],
    ),
    Case(family.CumSum, running_sum, linear=("x",), errors=[(lambda: ops.cumsum(X, 3), "dim=3")]),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
