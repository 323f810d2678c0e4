"""Batch norm kernels: three readings, any number of threads, one meaning; and no mean drowns the variance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels.readings import READINGS, pick

pixels, channels = st.integers(1, 70), st.sampled_from([1, 3, 6, 16, 20, 33, 70])


def draw(p: int, c: int) -> dict[str, np.ndarray]:
    """x with a mean of its own per channel, and everything else that batch norm takes."""
    rng = np.random.default_rng(p * 100 + c)
    arrays = {
        "x": rng.standard_normal((p, c)) * 2 + rng.standard_normal(c) * 10,
        "g": rng.standard_normal((p, c)),
        "residual": rng.standard_normal((p, c)),
        "weight": rng.standard_normal(c),
        "bias": rng.standard_normal(c),
    }
    return {name: a.astype(np.float32) for name, a in arrays.items()}


def run(reading: str, kernel: str, *args: Any, **settings: Any) -> Any:
    with kernels.use(reading):
        return pick(kernel)(*args, **settings)


def close(found: Any, truth: Any, bound: float = 3e-5) -> None:
    for a, b in zip(found, truth, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=bound, atol=bound * max(1, np.abs(b).max(initial=0)))


@given(pixels, channels)
def test_readings_agree_on_statistics(p: int, c: int) -> None:
    x = draw(p, c)["x"]
    truth = run("loops", "batch_norm_stats", x)
    for reading in READINGS[1:]:
        close(run(reading, "batch_norm_stats", x), truth, 2e-6)


@given(pixels, channels, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_readings_agree_forward_and_backward(
    p: int, c: int, relu: bool, residual: bool, affine: bool, training: bool
) -> None:
    a = draw(p, c)
    mean, variance = run("loops", "batch_norm_stats", a["x"])
    r = (1 / np.sqrt(variance + 0.1)).astype(np.float32)
    weight, bias = (a["weight"], a["bias"]) if affine else (None, None)
    settings = {"residual": a["residual"] if residual else None, "relu": relu}
    y = run("loops", "batch_norm_apply", a["x"], mean, r, weight, bias, **settings)
    # Where the readings may differ on which side of the ReLU's kink a number falls, they must be told.
    given_y = y if residual else None
    back = {"relu": relu, "residual": residual, "training": training}
    if relu and not residual:
        safe = np.abs(run("loops", "batch_norm_apply", a["x"], mean, r, weight, bias)) > 1e-4
        a["g"] *= safe
    truth = run("loops", "batch_norm_grad", a["g"], a["x"], mean, r, weight, bias, given_y, **back)
    assert len(truth) == 3 + residual
    for reading in READINGS[1:]:
        close([run(reading, "batch_norm_apply", a["x"], mean, r, weight, bias, **settings)], [y])
        close(run(reading, "batch_norm_grad", a["g"], a["x"], mean, r, weight, bias, given_y, **back), truth)


def test_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    x, g, direction = (rng.standard_normal((9, 4)) for _ in range(3))
    w, b = rng.standard_normal(4), rng.standard_normal(4)

    def value(x: np.ndarray) -> float:
        mean, variance = pick("batch_norm_stats", x.dtype)(x)
        return float((g * pick("batch_norm_apply", x.dtype)(x, mean, 1 / np.sqrt(variance + 1e-3), w, b)).sum())

    mean, variance = pick("batch_norm_stats", x.dtype)(x)
    gx = pick("batch_norm_grad", x.dtype)(g, x, mean, 1 / np.sqrt(variance + 1e-3), w, b)[0]
    slope = (value(x + 1e-6 * direction) - value(x - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose((gx * direction).sum(), slope, rtol=1e-6)


def test_a_large_mean_does_not_drown_the_variance() -> None:
    x = (np.random.default_rng(0).standard_normal((40_000, 3)) + [0, 1e3, -1e4]).astype(np.float32)
    truth = x.astype(np.float64).var(0)
    for reading in READINGS[1:]:
        np.testing.assert_allclose(run(reading, "batch_norm_stats", x)[1], truth, rtol=1e-5)


def test_a_batch_that_is_sorted_has_the_same_variance() -> None:
    x = np.sort(np.random.default_rng(0).standard_normal((40_000, 2)).astype(np.float32), 0)
    np.testing.assert_allclose(run("numba", "batch_norm_stats", x)[1], x.astype(np.float64).var(0), rtol=1e-6)


def test_rows_that_begin_far_from_the_others_have_the_same_variance() -> None:
    x = np.random.default_rng(0).standard_normal((2_000, 3)).astype(np.float32)
    x[:40] += 1e3
    x[:, 2] = 0.1
    found = run("numba", "batch_norm_stats", x)[1]
    np.testing.assert_allclose(found, x.astype(np.float64).var(0), rtol=1e-5, atol=1e-12)
    assert found[2] >= 0


@pytest.mark.parametrize(("p", "c"), [(20_000, 16), (9_001, 130), (1_500, 600), (4_099, 300)])
def test_many_blocks_of_any_width_agree_with_float64(p: int, c: int) -> None:
    a = draw(p, c)
    mean, variance = run("numpy", "batch_norm_stats", a["x"].astype(np.float64))
    close(run("numba", "batch_norm_stats", a["x"]), (mean.astype(np.float32), variance.astype(np.float32)), 2e-6)
    r, names = 1 / np.sqrt(variance + 1e-5), ("g", "x", "weight", "bias")
    exact = [a[n].astype(np.float64) for n in names]
    truth = run("numpy", "batch_norm_grad", *exact[:2], mean, r, *exact[2:], a["residual"], True, True)
    given = [a["g"], a["x"], mean.astype(np.float32), r.astype(np.float32), a["weight"], a["bias"], a["residual"]]
    close(run("numba", "batch_norm_grad", *given, True, True), [t.astype(np.float32) for t in truth])


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    before, results = kernels.get_num_threads(), []
    with kernels.use("numba"):
        try:
            for threads in (1, 2, 4):
                kernels.set_num_threads(threads)
                found: list[np.ndarray] = []
                for p, c in ((10_007, 16), (3_001, 70)):
                    rng = np.random.default_rng(c)
                    x, g = (rng.standard_normal((p, c)).astype(np.float32) for _ in range(2))
                    mean, variance = pick("batch_norm_stats")(x)
                    r = (1 / np.sqrt(variance)).astype(np.float32)
                    found += [mean, variance, pick("batch_norm_apply")(x, mean, r, relu=True)]
                    found += pick("batch_norm_grad")(g, x, mean, r, relu=True)
                results.append([a.tobytes() for a in found])
        finally:
            kernels.set_num_threads(before)
    assert results[0] == results[1] == results[2]
