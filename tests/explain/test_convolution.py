"""What `explain_conv` says about a convolution is what happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv.explain import conv_plan
from tinygrad_cv.ops import conv2d, kernels
from tinygrad_cv.ops.errors import ArgumentError, ShapeError

LAYERS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((4, 32, 12, 12), (32, 32, 3, 3), {"padding": 1}),
    ((4, 32, 12, 12), (32, 32, 3, 3), {"padding": 1, "algorithm": "direct"}),
    ((4, 64, 9, 9), (48, 64, 3, 3), {"stride": 2}),
    ((2, 16, 11, 11), (16, 16, 5, 5), {"padding": 2}),
    ((4, 20, 9, 9), (20, 1, 3, 3), {"padding": 1, "groups": 20}),
    ((4, 20, 9, 9), (20, 4, 3, 3), {"padding": 1, "groups": 5}),
    ((3, 8, 7, 7), (24, 8, 1, 1), {}),
    ((1, 96, 4, 4), (96, 96, 3, 3), {"padding": 1}),
]


@pytest.mark.parametrize(("x_shape", "w_shape", "settings"), LAYERS)
def test_shape_work_and_error_are_those_of_the_convolution(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], settings: dict[str, Any]
) -> None:
    plan = conv_plan(x_shape, w_shape, **settings)
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(s) for s in (x_shape, w_shape))
    call = {k: v for k, v in settings.items() if k != "algorithm"}
    exact = conv2d(x, w, **call)
    kernels.set_algorithm(settings.get("algorithm", "auto"))
    try:
        y = conv2d(x.astype(np.float32), w.astype(np.float32), **call)
    finally:
        kernels.set_algorithm("auto")
    assert plan.shapes[2] == y.shape
    assert plan.multiply_adds == y.size * w[0].size
    assert np.abs(y - exact).max() / np.abs(exact).max() <= 4 * plan.error
    assert (plan.products < plan.multiply_adds) == (plan.algorithm == "winograd")


def test_the_text_names_algorithm_loops_and_a_measured_time(capsys: pytest.CaptureFixture[str]) -> None:
    tg.explain_conv((2, 16, 8, 8), (16, 16, 3, 3), padding=1, algorithm="winograd", measure=True)
    said = capsys.readouterr().out
    for word in ("winograd F(", "B^T d B", "measured time", "73,728 in the products", "294,912;"):
        assert word in said, said


def test_the_loops_of_small_groups_count_vectors_of_several_groups() -> None:
    from tinygrad_cv.ops.kernels.simd import LANES

    said = "\n".join(conv_plan((2, 24, 10, 20), (24, 2, 3, 3), padding=1, groups=12).loops)
    found = f"for vector of {-(-24 // LANES)} ({LANES} channels, {LANES // 2} groups)" in said
    assert found == (LANES > 2), said


def test_few_pixels_of_many_weights_are_said_to_pass_in_slices() -> None:
    assert (
        conv_plan((1, 96, 4, 4), (96, 96, 3, 3), padding=1).loops[0].startswith("for slice of 4 (9 taps x 96 channels")
    )


def test_float64_is_never_explained_as_winograd() -> None:
    plan = conv_plan((8, 64, 32, 32), (64, 64, 3, 3), padding=1, dtype="float64", algorithm="winograd")
    assert plan.algorithm == "im2col" and plan.error < 1e-14


def test_wrong_sizes_are_told_apart() -> None:
    with pytest.raises(ShapeError, match="x has 4 channels"):
        conv_plan((1, 4, 8, 8), (8, 3, 3, 3))
    with pytest.raises(ArgumentError, match="'fft'"):
        conv_plan((1, 3, 8, 8), (8, 3, 3, 3), algorithm="fft")
