"""Pooling kernels: three readings, any window, any number of threads, one meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels.readings import READINGS, pick

Case = dict[str, Any]


def out_size(size: int, kernel: int, stride: int, before: int, after: int, dilation: int, ceil: bool) -> int:
    """PyTorch's rule: with ceil, the last window must start inside the image or its leading padding."""
    room = size + before + after - dilation * (kernel - 1) - 1
    count = room // stride + 1
    return count + (ceil and room % stride > 0 and count * stride < size + before)


@st.composite
def windows(draw: st.DrawFn, dilate: bool = True) -> Case:
    """A small sliding window, its images, and the size of what comes out."""
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2))) if dilate else (1, 1)
    padding = tuple(draw(st.integers(0, k // 2)) for k in (kernel[0], kernel[0], kernel[1], kernel[1]))
    ceil = draw(st.booleans())
    hw = [draw(st.integers(dilation[a] * (kernel[a] - 1) + 1, dilation[a] * (kernel[a] - 1) + 6)) for a in (0, 1)]
    out = tuple(
        out_size(hw[a], kernel[a], stride[a], padding[2 * a], padding[2 * a + 1], dilation[a], ceil) for a in (0, 1)
    )
    shape = (draw(st.integers(0, 2)), *hw, draw(st.sampled_from([1, 3, 6, 16, 21, 70])))
    return {"shape": shape, "window": (kernel, stride, padding), "dilation": dilation, "out": out}


def images(shape: tuple[int, ...], seed: int = 0, ties: bool = False) -> np.ndarray:
    """Random numbers; with ``ties``, few different ones and a NaN here and there."""
    rng = np.random.default_rng(seed)
    if not ties:
        return rng.standard_normal(shape).astype(np.float32)
    x = rng.integers(-2, 2, shape).astype(np.float32)
    x[rng.random(shape) < 0.05] = np.nan
    return x


def run(reading: str, kernel: str, *args: Any) -> Any:
    with kernels.use(reading):
        return pick(kernel)(*args)


def assert_all_agree(kernel: str, *args: Any, rtol: float = 0.0) -> Any:
    """The three readings give the same; return it."""
    truth = run("loops", kernel, *args)
    for reading in READINGS[1:]:
        found = run(reading, kernel, *args)
        for a, b in zip(np.atleast_1d(found), np.atleast_1d(truth)) if isinstance(truth, tuple) else [(found, truth)]:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    return truth


@given(windows())
def test_readings_agree_on_the_largest_and_where_it_stands(case: Case) -> None:
    x = images(case["shape"], ties=True)
    y, index = run("loops", "max_pool2d", x, *case["window"], case["dilation"], case["out"])
    for reading in READINGS[1:]:
        found = run(reading, "max_pool2d", x, *case["window"], case["dilation"], case["out"])
        np.testing.assert_array_equal(found[0], y)
        np.testing.assert_array_equal(found[1], index)
        assert found[1].dtype == np.int32


@given(windows())
def test_the_window_changes_only_the_speed_of_the_max_gradient(case: Case) -> None:
    hw = case["shape"][1:3]
    _, index = run("numpy", "max_pool2d", images(case["shape"]), *case["window"], case["dilation"], case["out"])
    g = images(index.shape, 1)
    truth = run("loops", "max_pool2d_grad", g, index, hw)
    for reading in READINGS[1:]:
        np.testing.assert_allclose(run(reading, "max_pool2d_grad", g, index, hw), truth, rtol=1e-6, atol=1e-6)
        told = run(reading, "max_pool2d_grad", g, index, hw, *case["window"], case["dilation"])
        np.testing.assert_allclose(told, truth, rtol=1e-6, atol=1e-6)


@given(windows())
def test_picking_is_the_adjoint_of_spreading(case: Case) -> None:
    x = images(case["shape"]).astype(np.float64)
    _, index = run("numpy", "max_pool2d", x, *case["window"], case["dilation"], case["out"])
    g = images(index.shape, 1).astype(np.float64)
    for reading in READINGS:
        spread = run(reading, "max_pool2d_grad", g.astype(np.float32), index, case["shape"][1:3])
        picked = run(reading, "max_pool2d_gather", x.astype(np.float32), index)
        assert np.vdot(spread, x) == pytest.approx(np.vdot(g, picked), abs=1e-4)


@given(windows(dilate=False), st.booleans(), st.sampled_from([None, 3]))
def test_readings_agree_on_means_and_their_gradient(case: Case, with_padding: bool, override: int | None) -> None:
    x, g = images(case["shape"]), images((case["shape"][0], *case["out"], case["shape"][3]), 1)
    assert_all_agree("avg_pool2d", x, *case["window"], case["out"], with_padding, override, rtol=1e-5)
    back = (g, case["shape"][1:3], *case["window"], with_padding, override)
    assert_all_agree("avg_pool2d_grad", *back, rtol=1e-5)


sizes = st.integers(1, 7)


@given(sizes, sizes, sizes, sizes, st.sampled_from([2, 16, 18, 70]))
def test_readings_agree_on_adaptive_pooling(h: int, w: int, oh: int, ow: int, c: int) -> None:
    x, g = images((2, h, w, c)), images((2, oh, ow, c), 1)
    assert_all_agree("adaptive_avg_pool2d", x, (oh, ow), rtol=1e-5)
    assert_all_agree("adaptive_avg_pool2d_grad", g, (h, w), rtol=1e-5)
    y, index = run("loops", "adaptive_max_pool2d", x, (oh, ow))
    for reading in READINGS[1:]:
        found = run(reading, "adaptive_max_pool2d", x, (oh, ow))
        np.testing.assert_array_equal(found[0], y)
        np.testing.assert_array_equal(found[1], index)
    assert_all_agree("adaptive_max_pool2d_grad", g, index, (h, w), rtol=1e-6)


@pytest.mark.parametrize("channels", [40, 70])
@pytest.mark.parametrize(
    ("window", "out"), [(((3, 3), (2, 2), (1, 1, 1, 1)), (17, 16)), (((2, 2), (2, 2), (0, 0, 0, 0)), (16, 15))]
)
def test_bits_do_not_depend_on_the_number_of_threads(window: Any, out: Any, channels: int) -> None:
    x = images((3, 33, 31, channels))
    before, results = kernels.get_num_threads(), []
    with kernels.use("numba"):
        try:
            for threads in (1, 2, 4):
                kernels.set_num_threads(threads)
                y, index = pick("max_pool2d")(x, *window, (1, 1), out)
                mean = pick("avg_pool2d")(x, *window, out)
                spread = pick("max_pool2d_grad")(y, index, (33, 31), *window)
                scattered = pick("max_pool2d_grad")(y, index, (33, 31))
                back = pick("avg_pool2d_grad")(y, (33, 31), *window)
                results.append([a.tobytes() for a in (y, index, mean, spread, scattered, back)])
        finally:
            kernels.set_num_threads(before)
    assert results[0] == results[1] == results[2]
