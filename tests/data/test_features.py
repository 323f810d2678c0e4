"""What designed features see: edges, stripes, directions, and not brightness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tinygrad_cv.data import features
from tinygrad_cv.ops.errors import TinygradError


def ramp(angle: float, side: int = 32) -> np.ndarray:
    """An image that grows in one direction, measured from the x axis downwards."""
    y, x = np.mgrid[:side, :side]
    return x * math.cos(angle) + y * math.sin(angle)


def test_sobel_and_prewitt_measure_the_slope_of_a_ramp() -> None:
    inside = (slice(2, -2), slice(2, -2))
    for angle in (0.0, 0.7, math.pi / 2):
        assert np.allclose(features.sobel(ramp(angle))[inside], 8)
        assert np.allclose(features.prewitt(ramp(angle))[inside], 6)


def test_edges_ignore_brightness_and_see_steps() -> None:
    step = np.zeros((2, 3, 9, 9))
    step[..., 5:] = 1
    assert np.allclose(features.sobel(step + 7), features.sobel(step))
    assert np.all(features.sobel(step)[..., 4:6] == 4) and np.all(features.sobel(step)[..., :4] == 0)


def test_the_notes_second_kernel_is_prewitts() -> None:
    printed = np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]])
    assert np.array_equal(printed, -features.PREWITT_Y)
    assert not np.array_equal(abs(printed), abs(features.SOBEL_Y))


def test_correlate_does_not_flip() -> None:
    x, w = np.zeros((5, 5)), np.arange(9.0).reshape(3, 3)
    x[2, 2] = 1
    assert np.array_equal(features.correlate(x, w)[1:4, 1:4], w[::-1, ::-1])


@pytest.mark.parametrize("k", range(4))
def test_gabor_answers_most_to_its_own_direction(k: int) -> None:
    stripes = np.sin(2 * math.pi * ramp(math.pi * k / 4, 48) / 6)
    energy = features.gabor(stripes)[:, 12:-12, 12:-12].mean((1, 2))
    assert energy.argmax() == k and energy[k] > 2 * np.delete(energy, k).max()


def test_gabor_is_silent_on_flat_ground_and_steady_along_a_wave() -> None:
    assert np.allclose(features.gabor(np.full((20, 20), 5.0)), 0)
    energy = features.gabor(np.sin(2 * math.pi * ramp(0, 48) / 6))[0, 12:-12, 12:-12]
    assert energy.std() < 0.1 * energy.mean()


@pytest.mark.parametrize(("cell", "values"), [(8, 324), (4, 1764), (2, 8100)])
def test_hog_has_the_lengths_of_the_notes(cell: int, values: int) -> None:
    assert features.hog(np.zeros((2, 3, 32, 32), np.uint8), cell=cell).shape == (2, values)
    assert features.hog(np.zeros((32, 32))).shape == (324,)


@pytest.mark.parametrize("k", range(9))
def test_hog_votes_for_the_direction_of_the_gradient(k: int) -> None:
    h = features.hog(ramp(math.pi * (k + 0.5) / 9), norm="none").reshape(3, 3, 4, 9)[1, 1]
    assert h.sum(0).argmax() == k and h.sum(0)[k] > 0.99 * h.sum()


def test_hog_has_no_sign_and_ignores_contrast() -> None:
    x = np.random.default_rng(0).random((32, 32))
    assert np.allclose(features.hog(-x), features.hog(x))
    assert np.allclose(features.hog(50 * x + 3), features.hog(x), atol=1e-6)
    blocks = features.hog(x, norm="l2").reshape(9, 36)
    assert np.allclose(np.linalg.norm(blocks, axis=1), 1, atol=1e-6)


def test_the_strongest_channel_speaks() -> None:
    x = np.stack([ramp(0), 3 * ramp(1.0), 0 * ramp(0)])
    assert np.allclose(features.hog(x), features.hog(x[1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: features.hog(np.zeros((15, 40))), "give at least 16 pixels a side"),
        (lambda: features.hog(np.zeros(4)), "give (H, W)"),
        (lambda: features.hog(np.zeros((1, 1, 1, 32, 32))), "give (H, W), (C, H, W)"),
        (lambda: features.hog(np.zeros((32, 32)), norm="l1"), "norm is 'l1'"),
        (lambda: features.correlate(np.zeros((4, 4)), np.zeros((2, 3))), "give two odd sides"),
        (lambda: features.gabor_kernel(4), "give an odd size"),
        (lambda: features.gabor(np.zeros((9, 9)), 0), "orientations is 0"),
    ],
)
def test_what_has_no_meaning_is_refused(call: Any, message: str) -> None:
    with pytest.raises(TinygradError) as caught:
        call()
    assert message in str(caught.value)
