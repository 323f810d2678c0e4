"""Update kernels: three readings, any shapes and orders of memory, any number of threads, one meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels import update_numba
from tinygrad_cv.ops.kernels.readings import READINGS, pick

SHAPES = [(4, 3, 2, 2), (4,), (), (17, 5), (0,)]


def draw(seed: int, shapes: list[tuple[int, ...]] = SHAPES) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape), np.float32) for shape in shapes]


def zeros() -> list[np.ndarray]:
    return [np.zeros(shape, np.float32) for shape in SHAPES]


def sgd(reading: str, **settings: Any) -> list[np.ndarray]:
    """Parameters and buffers after three steps."""
    p, v = draw(0), zeros()
    with kernels.use(reading):
        for step in range(3):
            pick("sgd_update")(p, draw(step + 1), v, [step > 0] * len(p), lr=0.1, **settings)
    return p + v


def adam(reading: str, mixed: bool = False, **settings: Any) -> list[np.ndarray]:
    """Parameters and running means after three steps; with ``mixed``, one gradient lies in another order."""
    p, m, v = draw(0), zeros(), zeros()
    with kernels.use(reading):
        for step in range(3):
            g = draw(step + 1)
            if mixed:
                g[0] = np.ascontiguousarray(g[0].transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)
            pick("adam_update")(p, g, m, v, [step + 1] * len(p), lr=0.01, **settings)
    return p + m + v


def assert_close(found: list[np.ndarray], truth: list[np.ndarray]) -> None:
    for a, b in zip(found, truth, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@given(
    momentum=st.sampled_from([0.0, 0.9]), dampening=st.sampled_from([0.0, 0.1]),
    weight_decay=st.sampled_from([0.0, 0.1]), nesterov=st.booleans(), maximize=st.booleans(),
)  # fmt: skip
def test_readings_agree_on_sgd(**settings: Any) -> None:
    truth = sgd("loops", **settings)
    for reading in READINGS[1:]:
        assert_close(sgd(reading, **settings), truth)


@given(weight_decay=st.sampled_from([0.0, 0.1]), decoupled=st.booleans(), maximize=st.booleans(), mixed=st.booleans())
def test_readings_agree_on_adam(mixed: bool, **settings: Any) -> None:
    truth = adam("loops", **settings)
    for reading in READINGS[1:]:
        assert_close(adam(reading, mixed, **settings), truth)


def test_other_arrays_than_last_time_are_noticed() -> None:
    settings = {"lr": 0.5}
    p = draw(0)
    with kernels.use("numba"):
        pick("sgd_update")(p, draw(1), p, [False] * len(p), **settings)
        other = [p[0], *draw(2)[1:]]
        expected = [a - 0.5 * g for a, g in zip(other, draw(3), strict=True)]
        pick("sgd_update")(other, draw(3), other, [False] * len(p), **settings)
    assert_close(other, expected)


def test_parameters_with_gaps_in_memory_are_updated_too() -> None:
    block = np.zeros((6, 6), np.float32)
    p, g = [block[::2, 1:4]], [np.ones((3, 3), np.float32)]
    with kernels.use("numba"):
        pick("sgd_update")(p, g, [None], [False], lr=1.0)
    assert block.sum() == -9 and (p[0] == -1).all()


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    shapes: list[tuple[int, ...]] = [(10_007,), (33, 77), (5,), (40_000,)]
    before, results = kernels.get_num_threads(), []
    with kernels.use("numba"):
        try:
            for threads in (1, 2, 4):
                kernels.set_num_threads(threads)
                p, m, v = draw(0, shapes), draw(1, shapes), [abs(a) for a in draw(2, shapes)]
                pick("adam_update")(p, draw(3, shapes), m, v, [4] * 4, lr=0.01)
                pick("sgd_update")(p, draw(4, shapes), m, [True] * 4, lr=0.01, momentum=0.9, nesterov=True)
                results.append([a.tobytes() for a in p + m + v])
        finally:
            kernels.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.oracle
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}])
def test_sgd_is_pytorchs(settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    theirs = [torch.tensor(a, requires_grad=True) for a in draw(0)]
    optimizer = torch.optim.SGD(theirs, lr=0.1, **settings)
    for step in range(3):
        for p, g in zip(theirs, draw(step + 1), strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
    assert_close(sgd("numba", **settings)[: len(theirs)], [p.detach().numpy() for p in theirs])


@pytest.mark.oracle
@pytest.mark.parametrize("decoupled", [False, True])
def test_adam_is_pytorchs(decoupled: bool) -> None:
    torch = pytest.importorskip("torch")
    theirs = [torch.tensor(a, requires_grad=True) for a in draw(0)]
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    optimizer = kind(theirs, lr=0.01, weight_decay=0.1)
    for step in range(3):
        for p, g in zip(theirs, draw(step + 1), strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
    found = adam("numba", weight_decay=0.1, decoupled=decoupled)
    assert_close(found[: len(theirs)], [p.detach().numpy() for p in theirs])


def test_filters_of_one_channel_are_no_exception() -> None:
    """The stride of a dimension of size 1 is anything; it once sent LeNet's updates through NumPy."""
    p = [np.zeros((5, 5, 1, 6), np.float32).transpose(3, 2, 0, 1), np.zeros(6, np.float32)]
    v = [np.zeros_like(a) for a in p]
    assert p[0].strides != v[0].strides
    assert update_numba._reach(p, [np.ones_like(a) for a in p], [v]) is not None
