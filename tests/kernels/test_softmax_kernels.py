"""Softmax and cross entropy kernels: three readings, one meaning; the exponential is as exact as it claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels.readings import READINGS, pick

rows, classes = st.integers(0, 5), st.sampled_from([1, 2, 10, 16, 17, 40])


def scores(n: int, k: int, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((n, k)) * 4 + shift).astype(np.float32)


def run(reading: str, kernel: str, *args: Any) -> Any:
    with kernels.use(reading):
        return pick(kernel)(*args)


def agree(kernel: str, *args: Any) -> None:
    truth = run("loops", kernel, *args)
    for reading in READINGS[1:]:
        found = run(reading, kernel, *args)
        for a, b in zip(found, truth, strict=True) if isinstance(truth, tuple) else [(found, truth)]:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-6)


@given(rows, classes, st.sampled_from([0.0, -100.0, 1000.0]))
def test_readings_agree_on_softmax_and_its_logarithm(n: int, k: int, shift: float) -> None:
    for kernel in ("softmax", "log_softmax"):
        agree(kernel, scores(n, k, shift))


@given(rows, classes, st.sampled_from([0.0, 0.1]))
def test_readings_agree_on_cross_entropy(n: int, k: int, smoothing: float) -> None:
    rng = np.random.default_rng(n * 50 + k)
    x, g, target = scores(n, k), rng.standard_normal(n).astype(np.float32), rng.integers(0, k, n)
    agree("cross_entropy", x, target, smoothing)
    agree("cross_entropy_grad", g, run("loops", "softmax", x), target, smoothing)


@pytest.mark.parametrize("reading", READINGS)
def test_cross_entropy_gradient_is_that_of_finite_differences(reading: str) -> None:
    rng = np.random.default_rng(0)
    x, direction = rng.standard_normal((4, 6)), rng.standard_normal((4, 6))
    target, one = np.array([0, 5, 2, 2]), np.ones(4)

    def value(x: np.ndarray) -> float:
        with kernels.use("loops" if reading == "loops" else "numpy"):
            return float(pick("cross_entropy", x.dtype)(x, target, 0.2)[0].sum())

    slope = (value(x + 1e-6 * direction) - value(x - 1e-6 * direction)) / 2e-6
    kind = np.float32 if reading == "numba" else np.float64
    softmax = run(reading, "cross_entropy", x.astype(kind), target, 0.2)[1]
    gx = run(reading, "cross_entropy_grad", one.astype(kind), softmax, target, 0.2)
    np.testing.assert_allclose((gx * direction).sum(), slope, rtol=1e-5)


@pytest.mark.parametrize("reading", ["numpy", "numba"])
def test_a_class_at_minus_infinity_has_probability_zero_and_nan_fills_its_row(reading: str) -> None:
    x = np.array([[1, -np.inf, 2], [np.nan, 1, 2]], np.float32)
    y = run(reading, "softmax", x)
    assert y[0, 1] == 0 and y[0].sum() == pytest.approx(1)
    assert np.isnan(y[1]).all()


def test_exponential_is_exact_to_one_part_in_eight_million() -> None:
    x = np.linspace(-87, 0, 100_001).astype(np.float32)
    rows = np.stack([x, np.zeros_like(x)], 1)
    with kernels.use("numba"):
        y = pick("softmax")(rows).astype(np.float64)
    truth = np.exp(x.astype(np.float64))
    np.testing.assert_allclose(y[:, 0] / y[:, 1], truth, rtol=2.5e-7)


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    x, target = scores(1000, 37), np.arange(1000) % 37
    before, results = kernels.get_num_threads(), []
    with kernels.use("numba"):
        try:
            for threads in (1, 2, 4):
                kernels.set_num_threads(threads)
                found = [pick("softmax")(x), *pick("cross_entropy")(x, target)]
                found.append(pick("cross_entropy_grad")(np.ones(1000, np.float32), found[-1], target))
                results.append([a.tobytes() for a in found])
        finally:
            kernels.set_num_threads(before)
    assert results[0] == results[1] == results[2]
