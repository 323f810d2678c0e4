"""Convolution kernels: three readings, three algorithms, any number of threads, one meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels

Geometry = dict[str, Any]


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    """A small convolution with any kernel, stride, dilation, one-sided padding and groups."""
    small = st.integers(1, 3)
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    kernel = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(4))
    size = []
    for axis in (0, 1):
        least = max(1, dilation[axis] * (kernel[axis] - 1) + 1 - sum(padding[2 * axis : 2 * axis + 2]))
        size.append(draw(st.integers(least, least + 6)))
    if draw(st.integers(0, 4)) == 0:
        channels = filters = groups = draw(st.sampled_from([2, 7, 16, 21]))  # depthwise
    else:
        channels = groups * draw(st.sampled_from([1, 2, 3, 5, 17]))
        filters = groups * draw(st.sampled_from([1, 2, 3, 6, 16, 19, 33]))
    return {
        "x": (draw(small), *size, channels),
        "filters": filters,
        "kernel": kernel,
        "settings": {
            "stride": (draw(small), draw(small)),
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
        },
    }


def draw_arrays(geometry: Geometry, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, w, bias and g for a geometry."""
    rng = np.random.default_rng(seed)
    N, H, W, C = geometry["x"]
    s, kernel = geometry["settings"], geometry["kernel"]
    out = [
        (size + s["padding"][2 * k] + s["padding"][2 * k + 1] - s["dilation"][k] * (kernel[k] - 1) - 1)
        // s["stride"][k]
        + 1
        for k, size in enumerate((H, W))
    ]
    shapes = [geometry["x"], (geometry["filters"], C // s["groups"], *kernel), (geometry["filters"],)]
    x, w, bias = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    return x, w, bias, rng.standard_normal((N, *out, geometry["filters"])).astype(np.float32)


def maps(geometry: Geometry, algorithm: str = "auto", seed: int = 0, dtype: Any = np.float32) -> list[np.ndarray]:
    """y (with bias and ReLU), gx and gw of a geometry."""
    x, w, bias, g = (a.astype(dtype) for a in draw_arrays(geometry, seed))
    s = {**geometry["settings"], "algorithm": algorithm}
    return [
        kernels.conv2d(x, w, bias=bias, relu=True, **s),
        kernels.conv2d_grad_x(g, w, (x.shape[1], x.shape[2]), **s),
        kernels.conv2d_grad_w(x, g, geometry["kernel"], **s),
    ]


def assert_close(found: list[np.ndarray], expected: list[np.ndarray], bound: float) -> None:
    for name, a, b in zip(("y", "gx", "gw"), found, expected, strict=True):
        assert a.shape == b.shape, name
        assert np.abs(a - b).max(initial=0) <= bound * max(1.0, np.abs(b).max(initial=0)), name


@given(geometries())
def test_all_readings_give_the_same_three_maps(geometry: Geometry) -> None:
    with kernels.use("loops"):
        truth = maps(geometry)
    for reading in ("numpy", "numba"):
        with kernels.use(reading):
            assert_close(maps(geometry, "direct"), truth, 1e-5)


@st.composite
def winograd_geometries(draw: st.DrawFn) -> Geometry:
    """A 3x3 or 5x5 convolution with stride 1: whole and partial tiles, channels that fill vectors and that do not."""
    r = draw(st.sampled_from([3, 3, 5]))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(4))
    size = [draw(st.integers(max(1, r - sum(padding[2 * k : 2 * k + 2])), 11)) for k in (0, 1)]
    return {
        "x": (draw(st.integers(1, 3)), *size, draw(st.sampled_from([1, 3, 16, 24, 65, 130]))),
        "filters": draw(st.sampled_from([1, 6, 16, 33, 64, 70, 260])),
        "kernel": (r, r),
        "settings": {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": 1},
    }


@given(winograd_geometries())
def test_winograd_gives_the_maps_of_the_exact_convolution(geometry: Geometry) -> None:
    assert_close(maps(geometry, "winograd"), maps(geometry, "im2col", dtype=np.float64), 3e-5)
