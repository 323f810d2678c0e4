"""Input gradients handed out by lines: whatever overlaps, each product arrives once, and nothing outside the image."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels import conv_loops, scatter
from tinygrad_cv.ops.kernels.conv_numba import output_size
from tinygrad_cv.ops.kernels.micro import WIDTH

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
Case = tuple[np.ndarray, np.ndarray, tuple[int, int], tuple[int, int], tuple[int, int, int, int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """g, w, the size of x, stride and padding: runs of one lane to three panels, strides that leave out kernel rows."""
    kernel = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    stride, N = (draw(st.integers(1, 4)), draw(st.integers(1, 3))), draw(st.integers(1, 5))
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)), draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    size = tuple(max(1, kernel[k] - sum(padding[2 * k : 2 * k + 2])) + draw(st.integers(0, 9)) for k in (0, 1))
    C = draw(st.sampled_from([1, 2, 5] if INTERPRETED else [1, 3, 6, 8, 17, 20]))
    OC = draw(st.sampled_from([1, 3, 16]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    out = output_size((size[0], size[1]), kernel, stride, padding, (1, 1))
    g, w = rng.standard_normal((N, *out, OC)), rng.standard_normal((OC, C, *kernel))
    return g.astype(np.float32), w.astype(np.float32), (size[0], size[1]), stride, padding


def handed_out(case: Case, threads: int) -> np.ndarray:
    before = kernels.get_num_threads()
    try:
        kernels.set_num_threads(threads)
        return scatter.grad_x(*case)
    finally:
        kernels.set_num_threads(before)


@given(cases())
def test_what_is_handed_out_is_the_gradient(case: Case) -> None:
    g, w, size, stride, padding = case
    truth = conv_loops.conv2d_grad_x(g, w, size, stride, padding, (1, 1), 1, "auto")
    assert np.abs(scatter.grad_x(*case) - truth).max() <= 1e-5 * max(1.0, np.abs(truth).max())


@given(cases())
def test_any_number_of_threads_hands_out_the_same_bits(case: Case) -> None:
    assert handed_out(case, 1).tobytes() == handed_out(case, 3).tobytes()


@pytest.mark.parametrize("C, stride", [(1, 1), (6, 1), (6, 2), (16, 2), (40, 1)])
def test_pixels_of_a_class_never_overlap_in_a_panel(C: int, stride: int) -> None:
    sheet, rows, places, _ = scatter._plan(7, 13, 13, C, (13, 13), 4, (5, 5), (stride, stride), (2, 2, 2, 2))
    r0 = 0
    for r in range(sheet.classes):
        count = sheet.images * len(range(r, sheet.OW, sheet.classes))
        starts = np.sort(places[r0 : r0 + count])
        assert (np.diff(starts) >= min(WIDTH, sheet.run)).all()
        r0 += count
    assert r0 == len(rows) == len(np.unique(rows)) == sheet.images * sheet.OW


@pytest.mark.skipif(INTERPRETED, reason="Python takes minutes for so long a sum")
def test_a_long_sum_handed_out_keeps_its_digits() -> None:
    rng = np.random.default_rng(0)
    g, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 5, 5, 600), (600, 7, 3, 3)))
    exact = kernels.conv2d_grad_x(g.astype(float), w.astype(float), (5, 5), padding=(1, 1, 1, 1))
    found = scatter.grad_x(g, w, (5, 5), (1, 1), (1, 1, 1, 1))
    assert np.abs(found - exact).max() <= 1e-6 * np.abs(exact).max()
