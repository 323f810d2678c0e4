"""Cases of normalisation."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import normalization as family
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray


def images(d: Draw) -> tuple[int, ...]:
    """A shape (N, C) or (N, C, H, W) with at least two values per channel."""
    n, c = (0 if d.sizes == "empty" else d.integer(2, 3)), d.size()
    return (n, c) if d.flag() else (n, c, d.size(2), d.size(2))


def batch_norm(d: Draw) -> Sample:
    shape, eps = images(d), d.choice([1e-5, 0.1])
    c = shape[1]

    def truth(x: Array, weight: Array, bias: Array) -> tuple[Array, Array, Array]:
        y, means, variances = np.empty(shape), np.empty(c), np.empty(c)
        for k in range(c):
            values = x[:, k].ravel().tolist()
            means[k] = sum(values) / len(values)
            variances[k] = sum((v - means[k]) ** 2 for v in values) / len(values)
            y[:, k] = weight[k] * (x[:, k] - means[k]) / math.sqrt(variances[k] + eps) + bias[k]
        return y, means, variances

    return Sample(family.BatchNorm(eps), (d.distinct(shape), d.array((c,)), d.array((c,))), truth)


def frozen_batch_norm(d: Draw) -> Sample:
    shape, eps = images(d), d.choice([1e-3, 0.1])
    c = shape[1]
    weight, bias = (d.array((c,)) if d.flag() else None for _ in "wb")
    statistics = d.array((c,)), d.array((c,), 0.1, 2.0)

    def truth(x: Array, w: Array | None, b: Array | None, m: Array, v: Array) -> Array:
        y = np.empty(shape)
        for at in np.ndindex(shape):
            k = at[1]
            u = (x[at] - m[k]) / math.sqrt(v[k] + eps)
            y[at] = (1 if w is None else w[k]) * u + (0 if b is None else b[k])
        return y

    return Sample(family.FrozenBatchNorm(eps), (d.array(shape), weight, bias, *statistics), truth)


X = np.zeros((2, 3, 4, 4))

CASES = [
    Case(
        family.BatchNorm,
        batch_norm,
        linear=("weight", "bias"),
        order=3,
        kernel=True,
        empty=False,
        float32=1e-4,
        errors=[
            (
                lambda: ops.batch_norm(X, None, None, np.zeros(2), training=True),
                "x has 3 channels (2, 3, 4, 4) but weight",
            ),
            (lambda: ops.batch_norm(X, None, None), "evaluation needs running_mean"),
            (lambda: ops.batch_norm(X[:1, :, 0, 0], None, None, training=True), "one value per channel"),
            (lambda: ops.batch_norm(X[0, 0, 0], None, None), "expected (N, C)"),
            (lambda: ops.group_norm(X, 2), "3 channels do not divide into 2 groups"),
            (lambda: ops.layer_norm(X, (3,)), "does not end with normalized_shape"),
            (lambda: ops.local_response_norm(X, 0), "size is 0"),
        ],
    ),
    Case(family.FrozenBatchNorm, frozen_batch_norm, linear=("x", "weight", "bias"), kernel=True),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
