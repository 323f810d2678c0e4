"""Weights that stream past a few pixels: any geometry, any order of memory, any number of threads, one meaning."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels import cost, stream
from tinygrad_cv.ops.kernels.memory import empty
from tinygrad_cv.ops.kernels.micro import NO_FLOOR

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def arrays(N: int, size: tuple[int, int], C: int, OC: int, kernel: tuple[int, int]) -> Arrays:
    """x, w, bias and scale."""
    rng = np.random.default_rng(C)
    shapes: list[tuple[int, ...]] = [(N, *size, C), (OC, C, *kernel), (OC,), (OC,)]
    x, w, bias, scale = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    return x, w, bias, scale


@given(st.data())
def test_streamed_filters_give_the_exact_convolution_to_a_few_roundings(data: st.DataObject) -> None:
    draw, small = data.draw, st.integers(1, 3)
    kernel, stride, dilation = ((draw(small), draw(small)) for _ in range(3))
    padding = tuple(draw(st.integers(0, 3)) for _ in range(4))
    size = tuple(dilation[k] * (kernel[k] - 1) + draw(small) for k in (0, 1))
    C, OC = draw(st.sampled_from([1, 7, 16, 43])), draw(st.sampled_from([1, 15, 33, 70]))
    x, w, bias, scale = arrays(draw(small), size, C, OC, kernel)
    order = draw(st.sampled_from(list(itertools.permutations(range(4)))))
    moved = np.ascontiguousarray(w.transpose(order)).transpose(np.argsort(order))
    relu, scaled = draw(st.booleans()), draw(st.booleans())
    with kernels.use("numpy"):
        wide = (a.astype(np.float64) for a in (x, w * scale.reshape(-1, 1, 1, 1) if scaled else w))
        exact = kernels.conv2d(*wide, stride, padding, dilation, bias=bias.astype(np.float64), relu=relu)
    y, floor = empty(exact.shape), np.float32(0) if relu else NO_FLOOR
    stream.convolve(x, moved, bias, y, stride, padding, dilation, floor, scale if scaled else scale[:0])
    assert np.abs(y - exact).max() <= 1e-6 * max(10.0, np.abs(exact).max())


@pytest.mark.skipif(INTERPRETED, reason="Python takes minutes for so many weights")
@pytest.mark.parametrize(("side", "C", "OC"), [(4, 160, 100), (2, 512, 512), (7, 83, 517)])
def test_neither_threads_nor_the_order_of_memory_change_a_bit(side: int, C: int, OC: int) -> None:
    x, w, bias, scale = arrays(1, (side, side), C, OC, (3, 3))
    own = np.ascontiguousarray(w.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)
    s: dict[str, Any] = {"padding": (1, 1, 1, 1), "bias": bias, "scale": scale, "algorithm": "direct"}
    assert cost.streams(kernels.Geometry(1, C, OC, (side, side), (3, 3)))
    before, found = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            kernels.set_num_threads(threads)
            found += [kernels.conv2d(x, filters, **s) for filters in (w, own)]
    finally:
        kernels.set_num_threads(before)
    with kernels.use("numpy"):
        exact = kernels.conv2d(*(a.astype(np.float64) for a in (x, w)), **{**s, "scale": scale.astype(np.float64)})
    assert all(np.array_equal(found[0], other) for other in found[1:])
    assert np.abs(found[0] - exact).max() <= 1e-6 * np.abs(exact).max()


def test_a_block_of_columns_is_a_matter_of_room_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, bias = (
        np.random.default_rng(k).standard_normal(s).astype(np.float32) for k, s in enumerate([(5, 40), (40, 300), 300])
    )
    found = []
    for held in (1 << 16, 0):
        monkeypatch.setattr(stream, "HELD", held)
        stream.plan.cache_clear()
        found.append(empty((5, 300)))
        stream.product(a, b, found[-1], bias, NO_FLOOR)
        cut = stream.plan(5, 300, 1, 40, 300)
        assert (cut.block < 300) == (held == 0)
    stream.plan.cache_clear()
    np.testing.assert_allclose(found[0], a @ b + bias, atol=1e-4)
    assert np.array_equal(*found)


@pytest.mark.parametrize(
    ("images", "channels", "side", "groups", "dtype", "streamed"),
    [
        (1, 512, 4, 1, "float32", True),
        (4, 512, 4, 1, "float32", True),
        (64, 512, 2, 1, "float32", True),
        (64, 512, 4, 1, "float32", False),
        (1, 16, 4, 1, "float32", False),
        (1, 512, 4, 2, "float32", False),
        (1, 512, 4, 1, "float64", False),
    ],
)
def test_few_pixels_of_many_weights_stream_and_others_do_not(
    images: int, channels: int, side: int, groups: int, dtype: str, streamed: bool
) -> None:
    g = kernels.Geometry(images, channels, channels, (side, side), (3, 3), groups=groups, dtype=dtype)
    assert (kernels.forward_algorithm(g) == "direct" and cost.streams(g)) == streamed
