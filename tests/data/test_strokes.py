"""Pen-drawn digits: made from a seed, in two parts, and near enough to handwriting to learn it from."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_cv import datasets
from tinygrad_cv.ops.errors import ArgumentError


def test_the_same_drawings_come_every_time_and_other_ones_for_testing() -> None:
    once, again, other = (datasets.Strokes(train=t, count=30) for t in (True, True, False))
    assert np.array_equal(once.data, again.data) and once.data.shape == (30, 28, 28)
    assert not (once.data == other.data).all((1, 2)).any()
    assert once.targets.tolist() == [*range(10)] * 3


def test_ink_reaches_two_opposite_edges_and_fills_no_drawing() -> None:
    small = datasets.Strokes(count=60, size=8).data
    rows, columns = small.max(2) > 0, small.max(1) > 0
    assert np.all((rows[:, 0] & rows[:, -1]) | (columns[:, 0] & columns[:, -1]))
    assert small.max((1, 2)).min() == 255 and small.mean((1, 2)).max() < 0.75 * 255


def test_scans_of_handwriting_lie_next_to_drawings_of_the_same_digit() -> None:
    drawn, scans = datasets.Strokes(count=1000, size=8), datasets.Digits(size=8)
    a, b = (np.float32(x.data.reshape(len(x.data), -1)) for x in (drawn, scans))
    nearest = ((a**2).sum(1) - 2 * b @ a.T).argmin(1)
    assert (drawn.targets[nearest] == scans.targets).mean() > 0.6  # guessing: 0.1


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": 7}])
def test_sizes_that_cannot_be_drawn_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ArgumentError, match="give at least one, of 8 to 512 pixels"):
        datasets.Strokes(**wrong)
