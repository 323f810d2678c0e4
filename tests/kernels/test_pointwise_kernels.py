"""Activations and their gradients: three readings, any order of memory, any number of threads, one meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels.readings import READINGS, pick

ONE = ["relu", "sigmoid", "tanh", "silu", "gelu"]
TWO = ["relu_grad", "add", "add_relu", "sigmoid_grad", "tanh_grad", "silu_grad", "gelu_grad"]


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * 3).astype(np.float32)


def run(reading: str, kernel: str, *args: Any) -> Any:
    with kernels.use(reading):
        return pick(kernel)(*args)


@pytest.mark.parametrize("kernel", ONE)
@given(n=st.integers(0, 70))
def test_readings_agree_on_activations(kernel: str, n: int) -> None:
    x = draw(n)
    truth = run("loops", kernel, x)
    for reading in READINGS[1:]:
        np.testing.assert_allclose(run(reading, kernel, x), truth, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("kernel", TWO)
@given(h=st.integers(1, 5), w=st.integers(1, 5), c=st.integers(1, 6), mixed=st.booleans())
def test_readings_agree_whatever_the_order_of_memory(kernel: str, h: int, w: int, c: int, mixed: bool) -> None:
    a, b = draw(h, w, c).transpose(2, 0, 1), draw(c, h, w, seed=1)
    b = b if mixed else b.transpose(1, 2, 0).copy().transpose(2, 0, 1)
    truth = run("loops", kernel, a, b)
    for reading in READINGS[1:]:
        np.testing.assert_allclose(run(reading, kernel, a, b), truth, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize(("kernel", "bound"), [("tanh", 3e-7), ("sigmoid", 3e-7)])
def test_functions_are_exact_near_zero_and_far_away(kernel: str, bound: float) -> None:
    x = np.concatenate([np.linspace(-30, 30, 50_001), np.geomspace(1e-12, 1, 1000)]).astype(np.float32)
    wide = x.astype(np.float64)
    truth = np.tanh(wide) if kernel == "tanh" else 1 / (1 + np.exp(-wide))
    np.testing.assert_allclose(run("numba", kernel, x), truth, rtol=bound)


def test_nan_stays_nan() -> None:
    x = np.array([np.nan, 1.0], np.float32)
    for kernel in ONE:
        assert np.isnan(run("numba", kernel, x)).tolist() == [True, False]


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    x, g = draw(100_003), draw(100_003, seed=1)
    before, results = kernels.get_num_threads(), []
    with kernels.use("numba"):
        try:
            for threads in (1, 2, 4):
                kernels.set_num_threads(threads)
                results.append([pick("gelu")(x).tobytes(), pick("relu_grad")(g, x).tobytes()])
        finally:
            kernels.set_num_threads(before)
    assert results[0] == results[1] == results[2]
