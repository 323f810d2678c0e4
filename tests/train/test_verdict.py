"""The verdict names what made-up curves show."""

from __future__ import annotations

import math

import pytest

from tinygrad_cv.train import verdict
from tinygrad_cv.train.verdict import KINDS


def history(*columns: list[float]) -> list[dict[str, float]]:
    names = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


N = 20
FALL = [2.0 * 0.8**k for k in range(N)]
FLAT = [1.5] * N
CURVES = {
    "diverging": history([2.0 + k for k in range(N)], FLAT, [0.1] * N, [0.1] * N),
    "over-fitting": history(FALL, [1.0 + 0.02 * k for k in range(N)], [1 - f / 2 for f in FALL], [0.7] * N),
    "unfinished": history(FALL, FALL, [0.04 * k for k in range(N)], [0.04 * k for k in range(N)]),
    "under-fitting": history([1.6] + FLAT[1:], FLAT, [0.45] * N, [0.45] * N),
    "plateau": history(FALL, FLAT, [0.96] * N, [0.93] * N),
    "good": history(FALL, FALL, [0.999] * N, [0.99] * N),
    "unknown": history([1.0], [1.0], [0.5], [0.5]),
}


@pytest.mark.parametrize("kind", CURVES)
def test_each_kind_of_curve_is_named(kind: str) -> None:
    assert verdict(CURVES[kind]).kind == kind


def test_every_kind_is_covered() -> None:
    assert set(CURVES) == set(KINDS)


def test_every_verdict_but_a_good_one_advises() -> None:
    assert [kind for kind in CURVES if not verdict(CURVES[kind]).advice] == ["good"]


def test_nan_is_diverging() -> None:
    assert verdict(history([2.0, 1.0, math.nan], [1.0] * 3, [0.5] * 3, [0.5] * 3)).kind == "diverging"


def test_a_tiny_rise_at_a_high_accuracy_is_no_over_fitting() -> None:
    tiny = [0.02 - 0.0005 * k for k in range(10)] + [0.0155 + 0.0003 * k for k in range(10)]
    assert verdict(history(FALL, tiny, [0.999] * N, [0.992] * N)).kind == "good"
