"""Matrix products: any shape, any order of memory, few rows or many, any number of threads, one meaning."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels.micro import ROWS, WIDTH
from tinygrad_cv.ops.kernels.product import _cut
from tinygrad_cv.ops.kernels.readings import READINGS, pick

LONG = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="Python takes minutes for so many products"
)
ORDERS = st.tuples(st.booleans(), st.booleans())


def draw(*shape: int, seed: int = 0, flipped: bool = False) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal(shape[::-1] if flipped else shape).astype(np.float32)
    return x.T if flipped else x


@given(m=st.integers(1, 40), k=st.integers(1, 70), n=st.integers(1, 70), orders=ORDERS)
def test_readings_agree_on_products(m: int, k: int, n: int, orders: tuple[bool, bool]) -> None:
    a, b = draw(m, k, flipped=orders[0]), draw(k, n, seed=1, flipped=orders[1])
    truth = a.astype(np.float64) @ b
    for reading in READINGS[1:]:
        with kernels.use(reading):
            np.testing.assert_allclose(pick("matmul")(a, b), truth, atol=1e-5 * k**0.5)


@pytest.mark.parametrize("orders", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize(
    ("m", "k", "n"),
    [
        (1, 700, 431),
        (3, 431, 700),
        (8, 513, 777),
        (5, 2, 140_000),
        (700, 1, 431),
        (601, 7, 450),
        pytest.param(100, 300, 450, marks=LONG),
        pytest.param(20, 1100, 1000, marks=LONG),
    ],
)
def test_few_rows_or_few_steps_meet_a_large_matrix(m: int, k: int, n: int, orders: tuple[bool, bool]) -> None:
    a, b = draw(m, k, flipped=orders[0]), draw(k, n, seed=1, flipped=orders[1])
    truth = a.astype(np.float64) @ b
    before, found = kernels.get_num_threads(), []
    for threads in (1, 2, 4):
        kernels.set_num_threads(threads)
        found.append(pick("matmul")(a, b))
    kernels.set_num_threads(before)
    np.testing.assert_allclose(found[0], truth, atol=1e-5 * k**0.5)
    assert all(found[0].tobytes() == other.tobytes() for other in found[1:])


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize(("m", "n", "k"), [(64, 120, 400), (64, 84, 120), (400, 120, 64), (1000, 1000, 100)])
def test_no_worker_of_a_product_waits_for_a_third_of_the_time(m: int, n: int, k: int, workers: int) -> None:
    height, columns = _cut(m, n, k, workers)
    assert height % ROWS == 0 == columns % WIDTH
    tasks = -(-m // height) * -(-n // columns)
    idle = -(-tasks // workers) * workers * height * columns / (-(-m // ROWS) * ROWS * -(-n // WIDTH) * WIDTH)
    assert idle <= 1.5


@given(p=st.integers(1, 9), i=st.sampled_from([512, 1031]), o=st.sampled_from([512, 517]), relu=st.booleans())
def test_a_large_layer_adds_its_bias_to_few_images(p: int, i: int, o: int, relu: bool) -> None:
    x, bias = draw(p, i), draw(o, seed=2)
    for flipped in (False, True):
        w = draw(o, i, seed=1, flipped=flipped)
        truth = x.astype(np.float64) @ w.T + bias
        y = pick("linear")(x, w, bias, relu)
        np.testing.assert_allclose(y, np.maximum(truth, 0) if relu else truth, atol=4e-4)
