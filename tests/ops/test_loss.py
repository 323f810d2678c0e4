"""Cases of the losses."""

from __future__ import annotations

import math

import numpy as np

import tinygrad_cv as tg
from tinygrad_cv import ops
from tinygrad_cv.ops import loss as family
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray


def cross_entropy(d: Draw) -> Sample:
    n, k, smoothing = d.size(), d.integer(1, 4), d.choice([0.0, 0.3])
    average = n > 0 and d.choice([False, True])

    def truth(x: Array, target: Array) -> Array:
        y = np.zeros(len(x))
        for i, row in enumerate(x):
            logs = row - math.log(sum(math.exp(v) for v in row))
            q = [(1 - smoothing) * (c == target[i]) + smoothing / len(row) for c in range(len(row))]
            y[i] = -sum(p * v for p, v in zip(q, logs))
        return np.asarray(y.mean()) if average else y

    return Sample(family.CrossEntropy(smoothing, average), (d.array((n, k)), d.integers((n,), 0, k - 1)), truth)


def binary_cross_entropy(d: Draw) -> Sample:
    shape = d.shape()

    def truth(p: Array, t: Array) -> Array:
        pairs = zip(p.ravel().tolist(), t.ravel().tolist())
        return np.array([-(b * math.log(a) + (1 - b) * math.log(1 - a)) for a, b in pairs]).reshape(p.shape)

    return Sample(family.BinaryCrossEntropy(), (d.array(shape, 0.3, 0.7), d.array(shape, 0.0, 1.0)), truth)


X, T = np.zeros((2, 3)), np.array([0, 2])

CASES = [
    Case(
        family.CrossEntropy,
        cross_entropy,
        kernel=True,
        errors=[
            (lambda: ops.cross_entropy(X, T + 1), "target 3 is outside the 3 classes"),
            (lambda: ops.cross_entropy(X, T, reduction="max"), "reduction is 'max'"),
            (lambda: ops.cross_entropy(X, T, label_smoothing=2.0), "label_smoothing is 2.0"),
            (lambda: ops.cross_entropy(X, T[:1]), "targets of shape (2,)"),
            (lambda: ops.nll_loss(X, X[:, 0]), "expected class numbers"),
            (lambda: ops.mse_loss(X, X.T), "do not broadcast"),
            (lambda: ops.huber_loss(X, X, delta=0), "delta is 0"),
        ],
    ),
    Case(
        family.BinaryCrossEntropy,
        binary_cross_entropy,
        linear=("t",),
        errors=[(lambda: ops.binary_cross_entropy(X - 1, X), "give numbers from 0 to 1")],
    ),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)


def test_certain_probabilities_have_finite_gradients() -> None:
    p = tg.tensor([0.0, 0.0, 1.0, 1.0], dtype=tg.float64, requires_grad=True)
    loss = tg.binary_cross_entropy(p, tg.tensor([0.0, 1.0, 0.0, 1.0], dtype=tg.float64), reduction="none")
    loss.sum().backward()
    assert loss.tolist() == [0, 100, 100, 0] and np.allclose(p.grad.numpy(), [0, -1e12, 1e12, 0])
