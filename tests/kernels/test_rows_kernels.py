"""Rows and columns: sums and turning over, any shape, any number of threads, one meaning."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels.readings import READINGS, pick
from tinygrad_cv.ops.layout import row_major, to_nhwc


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@given(p=st.integers(0, 90), c=st.sampled_from([1, 3, 6, 16, 20, 33, 64, 70, 130]))
def test_readings_agree_on_column_sums(p: int, c: int) -> None:
    x = draw(p, c)
    for reading in READINGS:
        with kernels.use(reading):
            np.testing.assert_allclose(pick("column_sums")(x), x.sum(0, dtype=np.float64), atol=2e-5)


@given(n=st.integers(0, 3), r=st.integers(1, 70), c=st.integers(1, 70))
def test_readings_agree_on_what_is_turned_over(n: int, r: int, c: int) -> None:
    x = draw(n, r, c)
    for reading in READINGS[1:]:
        with kernels.use(reading):
            np.testing.assert_array_equal(pick("swap")(x), x.transpose(0, 2, 1))


def test_large_sums_are_the_same_bits_for_any_number_of_threads() -> None:
    before = kernels.get_num_threads()
    for x in (draw(70_001, 3), draw(5_003, 32), draw(301, 700)):
        found = []
        for threads in (1, 2, 4):
            kernels.set_num_threads(threads)
            found.append(pick("column_sums")(x))
        kernels.set_num_threads(before)
        np.testing.assert_allclose(found[0], x.sum(0, dtype=np.float64), atol=2e-8 * float(abs(x).sum(0).max()))
        assert all(found[0].tobytes() == other.tobytes() for other in found[1:])


def test_images_turn_their_channels_last_and_back() -> None:
    x = draw(3, 5, 31, 17)
    block = to_nhwc(x)
    assert block.flags.c_contiguous and np.array_equal(block, x.transpose(0, 2, 3, 1))
    back = row_major(block.transpose(0, 3, 1, 2))
    assert back.flags.c_contiguous and np.array_equal(back, x)
