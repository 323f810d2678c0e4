"""Cases of softmax and its logarithm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import probability as family
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray


def along(op: type, function: Callable[[float, float], float]) -> Any:
    """``function`` of an element and of the sum of e^x over its row along a dimension."""

    def draw(d: Draw) -> Sample:
        shape = d.shape(1)
        dim = d.integer(0, len(shape) - 1)

        def truth(x: Array) -> Array:
            y = np.empty(shape)
            for at in np.ndindex(shape):
                y[at] = function(x[at], sum(math.exp(x[(*at[:dim], k, *at[dim + 1 :])]) for k in range(shape[dim])))
            return y

        return Sample(op(dim), (d.array(shape),), truth)

    return draw


X = np.zeros((2, 3))

CASES = [
    Case(
        family.Softmax,
        along(family.Softmax, lambda x, total: math.exp(x) / total),
        errors=[
            (lambda: ops.softmax(X, 2), "dim=2"),
            (lambda: ops.softmax(X > 0), "expected floating point"),
        ],
    ),
    Case(
        family.LogSoftmax,
        along(family.LogSoftmax, lambda x, total: x - math.log(total)),
        errors=[(lambda: ops.log_softmax(X, -3), "dim=-3")],
    ),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
