"""Cases of the matrix products."""

from __future__ import annotations

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import matrix as family
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray


def product(a: Array, b: Array) -> Array:
    y = np.zeros((*a.shape[:-1], b.shape[-1]))
    for at in np.ndindex(y.shape):
        for k in range(a.shape[-1]):
            y[at] += a[(*at[:-1], k)] * b[(*at[:-2], k, at[-1])]
    return y


def matmul(d: Draw) -> Sample:
    lead = d.shape(0, 2)
    i, k, j = d.size(), d.size(), d.size()
    return Sample(family.MatMul(), (d.array((*lead, i, k)), d.array((*lead, k, j))), product)


def linear(d: Draw) -> Sample:
    lead, features, out = d.shape(1, 2), d.size(), d.size()
    bias = d.array((out,)) if d.flag() else None

    def truth(x: Array, w: Array, b: Array | None) -> Array:
        y = np.zeros((*lead, out))
        for at in np.ndindex(y.shape):
            for k in range(features):
                y[at] += x[(*at[:-1], k)] * w[at[-1], k]
            y[at] += 0.0 if b is None else b[at[-1]]
        return y

    return Sample(family.Linear(), (d.array((*lead, features)), d.array((out, features)), bias), truth)


A, B = np.zeros((2, 3)), np.zeros((4, 5))

CASES = [
    Case(
        family.MatMul,
        matmul,
        linear=("a", "b"),
        kernel=True,
        errors=[
            (lambda: ops.matmul(A, B), "3 columns meet 4 rows"),
            (lambda: ops.matmul(A, A.astype(np.float32).T), "differ"),
            (lambda: ops.matmul(A, np.zeros(())), "at least one dimension"),
            (lambda: ops.mm(A, A[0]), "expected 2"),
            (lambda: ops.dot(A[0], B[0]), "vectors of 3 and 5"),
        ],
    ),
    Case(
        family.Linear,
        linear,
        linear=("x", "w", "b"),
        kernel=True,
        errors=[
            (lambda: ops.linear(A, B), "input has 3 features (2, 3) but weight expects 5 (4, 5)"),
            (lambda: ops.linear(np.zeros((2, 64, 8, 8)), B), "64 x 8 x 8 = 4096"),
            (lambda: ops.linear(A, A, np.zeros(3)), "bias has shape (3,)"),
        ],
    ),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
