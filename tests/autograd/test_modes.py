"""Recording is switched per thread, and threads may train at once."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg


def leaf(*values: float) -> Any:
    return tg.tensor(values, dtype=tg.float64, requires_grad=True)


def test_no_grad_and_enable_grad_nest() -> None:
    x = leaf(1.0)
    with tg.no_grad():
        assert not (x * 2).requires_grad
        with tg.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_modes_are_restored_after_an_exception() -> None:
    for mode in (tg.no_grad, tg.inference_mode, lambda: tg.set_grad_enabled(False)):
        with pytest.raises(ZeroDivisionError), mode():
            raise ZeroDivisionError
        assert tg.is_grad_enabled()


def test_no_grad_decorates_with_and_without_parentheses() -> None:
    x = leaf(1.0)

    @tg.no_grad
    def bare(t: Any) -> Any:
        return t * 2

    @tg.no_grad()
    def called(t: Any) -> Any:
        return t * 2

    assert not bare(x).requires_grad and not called(x).requires_grad and (x * 2).requires_grad


def test_set_grad_enabled_acts_at_once_and_as_a_block() -> None:
    with tg.set_grad_enabled(False):
        assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()
    tg.set_grad_enabled(False)
    assert not tg.is_grad_enabled()
    tg.set_grad_enabled(True)
    assert tg.is_grad_enabled()


def test_a_mode_belongs_to_its_thread() -> None:
    seen: dict[str, bool] = {}

    def look() -> None:
        seen["other"] = (leaf(1.0) * 2).requires_grad

    with tg.no_grad():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        seen["own"] = (leaf(1.0) * 2).requires_grad
    assert seen == {"other": True, "own": False}


def train(seed: int, steps: int = 30) -> list[float]:
    rng = np.random.default_rng(seed)
    w = tg.tensor(rng.standard_normal((3, 2, 3, 3)).astype("f4") * 0.3, requires_grad=True)
    v = tg.tensor(rng.standard_normal((12, 2)).astype("f4"), requires_grad=True)
    x = tg.tensor(rng.standard_normal((4, 2, 4, 4)).astype("f4"))
    losses = []
    for _ in range(steps):
        hidden = tg.max_pool2d(tg.conv2d(x, w, padding=1).relu(), 2).flatten(1)
        loss = ((hidden @ v) ** 2).mean()
        gw, gv = tg.autograd.grad(loss, [w, v])
        with tg.no_grad():
            w.sub_(gw * 0.01)
            v.sub_(gv * 0.01)
        losses.append(loss.item())
    return losses


def test_threads_that_train_at_once_do_not_disturb_each_other() -> None:
    alone = [train(seed) for seed in range(4)]
    together: list[Any] = [None] * 4

    def work(seed: int) -> None:
        together[seed] = train(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert together == alone  # to the last bit
    assert alone[0][-1] < alone[0][0]
