"""Convolution kernels: three readings, three algorithms, any number of threads, one meaning."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels import conv_numba, winograd_plans
from tinygrad_cv.ops.kernels.cost import winograd_variant
from tinygrad_cv.ops.kernels.simd import LANES
from tinygrad_cv.ops.kernels.winograd_cut import SIZES, Variant, cut

Geometry = dict[str, Any]

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
"""Python takes minutes for what compiled code does in a millisecond: it is given fewer channels."""


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
    kind = draw(st.sampled_from(["depthwise", "side by side", "any", "any", "any"]))
    if kind == "depthwise":
        channels = filters = groups = draw(st.sampled_from([2, 7, 16, 21]))
    elif kind == "side by side":  # small groups that share a vector, and channels that fill two and that do not
        each, groups = draw(st.sampled_from([(2, 8), (2, 11), (4, 3), (4, 6), (8, 2), (8, 3)]))
        channels = filters = each * groups
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


@given(geometries(), st.sampled_from(["direct", "winograd", "auto", "im2col"]), st.booleans())
def test_a_factor_for_each_filter_gives_what_scaled_filters_give(geometry: Geometry, algorithm: str, own: bool) -> None:
    x, w, factor, _ = draw_arrays(geometry)
    if own:  # the layers' own order of memory, filters innermost
        w = np.ascontiguousarray(w.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)
    s = {**geometry["settings"], "algorithm": algorithm}
    found = kernels.conv2d(x, w, scale=factor, bias=factor, **s)
    expected = kernels.conv2d(x, w * factor.reshape(-1, 1, 1, 1), bias=factor, **s)
    assert_close([found] * 3, [expected] * 3, 1e-5)


@st.composite
def winograd_geometries(draw: st.DrawFn) -> tuple[Geometry, Variant]:
    """A 3x3 or 5x5 convolution with stride 1: whole, partial and smaller tiles, channels that fill vectors or not."""
    variant = draw(st.sampled_from([Variant(6, 3), Variant(6, 3), Variant(4, 3), Variant(2, 3), Variant(4, 5)]))
    r = variant.r
    padding = tuple(draw(st.integers(0, 2)) for _ in range(4))
    size = [draw(st.integers(max(1, r - sum(padding[2 * k : 2 * k + 2])), 8 if INTERPRETED else 16)) for k in (0, 1)]
    channels = draw(st.sampled_from([1, 3, 16] if INTERPRETED else [1, 3, 16, 24, 65, 130]))
    geometry = {
        "x": (draw(st.integers(1, 3)), *size, channels),
        "filters": draw(st.sampled_from([1, 6, 16] if INTERPRETED else [1, 6, 16, 33, 64, 70, 260])),
        "kernel": (r, r),
        "settings": {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": 1},
    }
    return geometry, variant


@contextmanager
def always(variant: Variant) -> Iterator[None]:
    """Have all that goes by Winograd go by tiles of one size, with smaller ones at the edge."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv_numba, "winograd_variant", lambda geometry: variant)
        conv_numba._chosen.cache_clear()
        yield
    conv_numba._chosen.cache_clear()


@given(winograd_geometries())
def test_winograd_gives_the_maps_of_the_exact_convolution(drawn: tuple[Geometry, Variant]) -> None:
    geometry, variant = drawn
    with always(variant):
        found = maps(geometry, "winograd")
    assert_close(found, maps(geometry, "im2col", dtype=np.float64), 3e-5)


@pytest.mark.skipif(INTERPRETED, reason="Python takes minutes for this many channels")
@pytest.mark.parametrize(("variant", "side"), [(Variant(6, 3), 14), (Variant(6, 3), 13), (Variant(4, 5), 8)])
def test_winograd_keeps_its_digits_over_long_sums(variant: Variant, side: int) -> None:
    padding = (variant.r // 2,) * 4
    kernel = (variant.r, variant.r)
    geometry = whole({"x": (2, side, side, 512), "filters": 32, "kernel": kernel, "settings": {"padding": padding}})
    with always(variant):
        found = maps(geometry, "winograd")
    for a, b in zip(found, maps(geometry, "im2col", dtype=np.float64), strict=True):
        assert np.abs(a - b).max() <= 3e-5 * np.abs(b).max()


@given(st.integers(1, 300), st.sampled_from([Variant(m, r) for r, sizes in SIZES.items() for m in sizes]))
def test_tiles_cover_an_axis_with_no_more_points_than_equal_ones(size: int, variant: Variant) -> None:
    tiles, rest, points = cut(size, variant)
    assert tiles >= 1 and 0 <= tiles * variant.m + rest - size < variant.m
    assert rest < variant.m and points <= -(-size // variant.m) * variant.points


GEOMETRIES = {
    "3x3": {"x": (3, 13, 9, 20), "filters": 40, "kernel": (3, 3), "settings": {"padding": (1, 1, 1, 1)}},
    "3x3, smaller tiles": {"x": (9, 14, 13, 64), "filters": 72, "kernel": (3, 3), "settings": {"padding": (1,) * 4}},
    "5x5": {"x": (2, 7, 9, 20), "filters": 34, "kernel": (5, 5), "settings": {"padding": (2,) * 4}},
    "5x5/2": {
        "x": (5, 17, 17, 3),
        "filters": 24,
        "kernel": (5, 5),
        "settings": {"stride": (2, 2), "padding": (2,) * 4},
    },
    "1x1": {"x": (4, 8, 8, 48), "filters": 33, "kernel": (1, 1), "settings": {}},
    "depthwise": {"x": (4, 12, 12, 18), "filters": 18, "kernel": (3, 3), "settings": {"groups": 18}},
    "depthwise/2": {
        "x": (3, 12, 13, 40),
        "filters": 40,
        "kernel": (3, 3),
        "settings": {"groups": 40, "stride": (2, 2), "padding": (1,) * 4},
    },
    "depthwise 5x5": {"x": (3, 9, 20, 18), "filters": 18, "kernel": (5, 5), "settings": {"groups": 18}},
    "grouped": {"x": (4, 12, 12, 16), "filters": 32, "kernel": (3, 3), "settings": {"groups": 4}},
    "pairs": {"x": (4, 7, 9, 18), "filters": 18, "kernel": (3, 3), "settings": {"groups": 9, "padding": (1,) * 4}},
    "fours": {"x": (3, 12, 19, 24), "filters": 24, "kernel": (3, 3), "settings": {"groups": 6, "padding": (1,) * 4}},
    "eights/2": {"x": (3, 13, 20, 40), "filters": 40, "kernel": (5, 5), "settings": {"groups": 5, "stride": (2, 2)}},
    "one channel": {"x": (5, 11, 12, 1), "filters": 6, "kernel": (5, 5), "settings": {"padding": (2,) * 4}},
    "three channels": {"x": (3, 40, 40, 3), "filters": 35, "kernel": (3, 3), "settings": {"padding": (1, 1, 0, 2)}},
    "small map/2": {
        "x": (37, 7, 8, 70),
        "filters": 40,
        "kernel": (3, 3),
        "settings": {"stride": (2, 2), "padding": (1,) * 4},
    },
    "small map, rows apart": {
        "x": (20, 6, 7, 64),
        "filters": 70,
        "kernel": (3, 3),
        "settings": {"stride": (1, 2), "padding": (2, 1, 1, 1), "dilation": (2, 1)},
    },
    "long sums": {"x": (8, 9, 9, 256), "filters": 192, "kernel": (3, 3), "settings": {"stride": (2, 2)}},
}
if INTERPRETED:
    GEOMETRIES = {name: geometry for name, geometry in GEOMETRIES.items() if geometry["x"][3] < 64}


def whole(geometry: Geometry) -> Geometry:
    """A geometry with PyTorch's defaults filled in."""
    defaults = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}
    return {**geometry, "settings": {**defaults, **geometry["settings"]}}


@pytest.mark.parametrize("algorithm", ["direct", "winograd"])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_results_are_the_same_bits_for_one_two_and_four_threads(name: str, algorithm: str) -> None:
    before, found = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            kernels.set_num_threads(threads)
            found.append(maps(whole(GEOMETRIES[name]), algorithm))
    finally:
        kernels.set_num_threads(before)
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("name", GEOMETRIES)
def test_direct_convolution_is_exact_to_a_few_roundings(name: str) -> None:
    geometry = whole(GEOMETRIES[name])
    for found, exact in zip(maps(geometry, "direct"), maps(geometry, "im2col", dtype=np.float64), strict=True):
        assert np.abs(found - exact).max() <= 1e-6 * np.abs(exact).max()


def test_float64_is_computed_in_float64() -> None:
    geometry = whole(GEOMETRIES["3x3"])
    with kernels.use("loops"):
        truth = maps(geometry, dtype=np.float64)
    found = maps(geometry, "winograd", dtype=np.float64)
    assert all(a.dtype == np.float64 for a in found)
    assert_close(found, truth, 1e-13)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 1, 0), (0, 2, 3, 1), (3, 2, 1, 0)])
@pytest.mark.parametrize("algorithm", ["direct", "winograd"])
def test_filters_may_lie_in_memory_in_any_order(order: tuple[int, ...], algorithm: str) -> None:
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((2, 6, 7, 5), (9, 5, 3, 3)))
    moved = np.ascontiguousarray(w.transpose(order)).transpose(np.argsort(order))
    moved.flags.writeable = False
    assert np.array_equal(kernels.conv2d(x, w, algorithm=algorithm), kernels.conv2d(x, moved, algorithm=algorithm))
    g = kernels.conv2d(x, w)
    a, b = (kernels.conv2d_grad_x(g, v, (6, 7), algorithm=algorithm) for v in (w, moved))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("shape", [(0, 5, 5, 3), (2, 5, 5, 0)])
def test_empty_operands_give_empty_or_zero_results(shape: tuple[int, ...]) -> None:
    for reading in ("loops", "numpy", "numba"):
        with kernels.use(reading):
            x, w = np.ones(shape, np.float32), np.ones((4, shape[3], 3, 3), np.float32)
            y = kernels.conv2d(x, w)
            assert y.shape == (shape[0], 3, 3, 4) and not y.any()
            assert kernels.conv2d_grad_x(y, w, (5, 5)).shape == shape
            gw = kernels.conv2d_grad_w(x, y, (3, 3))
            assert gw.shape == w.shape and not gw.any()


def test_gradients_of_weights_come_in_the_order_that_packs_best() -> None:
    x, _, _, g = draw_arrays(whole(GEOMETRIES["3x3"]))
    assert kernels.conv2d_grad_w(x, g, (3, 3), padding=(1, 1, 1, 1)).transpose(2, 3, 1, 0).flags.c_contiguous


def test_the_global_algorithm_serves_calls_that_name_none() -> None:
    x, w, _, _ = draw_arrays(whole(GEOMETRIES["3x3"]))
    results = {}
    try:
        for name in ("direct", "winograd", "im2col"):
            kernels.set_algorithm(name)
            results[name] = kernels.conv2d(x, w)
            assert np.array_equal(results[name], kernels.conv2d(x, w, algorithm=name))
    finally:
        kernels.set_algorithm("auto")
    assert not np.array_equal(results["direct"], results["winograd"])
    with pytest.raises(ValueError, match="'fft' is unknown"):
        kernels.set_algorithm("fft")


@pytest.mark.parametrize("images", [1, 250, 4096])
def test_every_number_of_images_has_a_plan_that_covers_its_tiles(images: int) -> None:
    for variant in (Variant(6, 3), Variant(4, 3), Variant(4, 5)):
        tiles = winograd_plans.forward(variant, images, 31, 31, 24, 64, (31, 31), 1, 1, 2).tiles
        assert tiles.blocks * tiles.block >= tiles.total


@pytest.mark.skipif(INTERPRETED, reason="Python takes minutes for layers of which several tasks share a transform")
@pytest.mark.parametrize(("images", "channels", "filters"), [(40, 96, 160), (6, 40, 200), (3, 200, 40), (1, 65, 200)])
def test_what_winograd_transforms_beforehand_changes_no_bit(
    images: int, channels: int, filters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry = whole({"x": (images, 8, 8, channels), "filters": filters, "kernel": (3, 3), "settings": {}})
    planners = (winograd_plans.forward, winograd_plans.weights)
    variant = winograd_variant(kernels.Geometry(images, channels, filters, (6, 6), (3, 3)))
    sizes = (variant, images, 8, 8, channels, filters, (6, 6), 0, 0, 4)
    before, found, launches = kernels.get_num_threads(), [], []
    try:
        kernels.set_num_threads(4)
        monkeypatch.setattr(winograd_plans, "CACHE", 1 << 20)
        for shared in (1 << 25, 0):
            monkeypatch.setattr(winograd_plans, "SHARED", shared)
            for planner in planners:
                planner.cache_clear()
            found.append(maps(geometry, "winograd"))
            launches.append(sum(len(planner(*sizes).before) for planner in planners))
    finally:
        kernels.set_num_threads(before)
        for planner in planners:
            planner.cache_clear()
    assert launches[1] == 0 and (launches[0] > 0 or LANES < 16)
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


def test_depthwise_filters_that_see_no_pixel_give_no_gradient() -> None:
    g, w = np.ones((1, 2, 3, 4), np.float32), np.ones((4, 1, 1, 1), np.float32)
    gx = conv_numba.conv2d_grad_x(g, w, (1, 5), (2, 2), (1, 1, 0, 0), (1, 1), 4, "direct")
    np.testing.assert_array_equal(gx, np.zeros((1, 1, 5, 4)))
