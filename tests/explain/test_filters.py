"""Learned filters are named after the classical ones, and layers follow or ignore a shift as their kind says."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.data.features import PREWITT_X, PREWITT_Y, SOBEL_X, SOBEL_Y, gabor_kernel
from tinygrad_cv.explain.filters import classical_filters, nearest_classical
from tinygrad_cv.explain.shifts import shift_curves, shift_response
from tinygrad_cv.ops.errors import ArgumentError, ShapeError


@pytest.mark.parametrize(
    ("kernel", "name"),
    [
        (SOBEL_X, "Sobel, 0 degrees"),
        (-3 * SOBEL_Y + 1, "Sobel, 90 degrees"),
        (SOBEL_X + SOBEL_Y, "Sobel, 45 degrees"),
        (PREWITT_X, "Prewitt, 0 degrees"),
        (-PREWITT_Y, "Prewitt, 90 degrees"),  # [1 1 1; 0 0 0; -1 -1 -1], which notes print as Sobel's
        (gabor_kernel(7, math.pi / 4, 5.25), "Gabor even, 45 degrees, wavelength 5.25"),
    ],
)
def test_a_classical_filter_is_named_up_to_a_factor_and_an_offset(kernel: np.ndarray, name: str) -> None:
    coloured = np.stack([kernel, -2 * kernel, 0.5 * kernel])[None]
    for filters in (kernel[None, None], coloured):
        (match,) = nearest_classical(filters - filters.mean())
        assert match.name == name and match.score == pytest.approx(1) and match.chance == 0


@pytest.mark.parametrize("size", [3, 4, 5, 8])
def test_every_classical_filter_has_the_size_and_is_no_average(size: int) -> None:
    bank = classical_filters(size)
    assert all(kernel.shape == (size, size) for kernel in bank.values())
    assert all(abs(kernel.mean()) < 1e-12 < np.abs(kernel).max() for kernel in bank.values())


def test_random_filters_match_by_chance_and_say_so() -> None:
    matches = nearest_classical(tg.Tensor(np.random.default_rng(5).standard_normal((40, 1, 5, 5))))
    assert 0.3 < np.mean([m.chance for m in matches]) < 0.7
    assert nearest_classical(np.ones((1, 1, 3, 3)))[0].score == 0


def test_filters_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeError, match="give \\(OC, C, K, K\\)"):
        nearest_classical(np.ones((4, 3, 3)))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    tg.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.AdaptiveMaxPool2d(1)]
    return nn.Sequential(*layers)


def test_convolutions_follow_a_shift_exactly_and_are_not_indifferent_to_it(network: nn.Module) -> None:
    found = shift_response(network, (1, 1, 24, 24), range(5))
    for name in ("0", "1"):
        assert max(found[name].followed) < 1e-6 and min(found[name].changed[1:]) > 0.5
    assert found["3"].jump == 2 and max(found["3"].followed[::2]) < 1e-6
    assert all(math.isnan(v) for v in found["3"].followed[1::2])


def test_pooling_makes_a_layer_less_sensitive_to_a_shift(network: nn.Module) -> None:
    found = shift_response(network, (2, 1, 24, 24), (0, 1, 2))
    sensitive = [found[name].changed[1] for name in ("1", "2", "4")]
    assert sensitive == sorted(sensitive, reverse=True) and sensitive[2] < 0.5 * sensitive[0]


def test_the_curves_name_every_layer(network: nn.Module) -> None:
    found = shift_response(network, (1, 1, 16, 16), (0, 1, 2), layers=["0", "4"])
    svg = shift_curves(found).svg
    assert list(found) == ["0", "4"] and svg.count("<path") == 2 and "pixels to the right" in svg
    with pytest.raises(ArgumentError, match="from 0 to 15"):
        shift_response(network, (1, 1, 16, 16), (16,))
