"""Learning rates follow their formulas, restart, combine, and continue from a saved state."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import optim
from tinygrad_cv.ops.errors import ArgumentError, DTypeError
from tinygrad_cv.optim import lr_scheduler as sched


def optimizer(lr: float = 1.0, **settings: Any) -> optim.Optimizer:
    return optim.SGD([tg.zeros(1, requires_grad=True)], lr=lr, **settings)


def walk(schedule: Any, steps: int) -> list[float]:
    out = []
    for _ in range(steps):
        out.append(schedule.optimizer.param_groups[0]["lr"])
        schedule.step()
    return out


FORMULAS: dict[str, tuple[Callable[[Any], Any], Callable[[int], float]]] = {
    "step": (lambda o: sched.StepLR(o, 3, 0.5), lambda t: 0.5 ** (t // 3)),
    "multistep": (lambda o: sched.MultiStepLR(o, [6, 2, 6], 0.1), lambda t: 0.1 ** ((t >= 2) + 2 * (t >= 6))),
    "exponential": (lambda o: sched.ExponentialLR(o, 0.9), lambda t: 0.9**t),
    "constant": (lambda o: sched.ConstantLR(o, 0.25, 4), lambda t: 0.25 if t < 4 else 1),
    "linear": (lambda o: sched.LinearLR(o, 0.2, 0.8, 6), lambda t: 0.2 + 0.1 * min(t, 6)),
    "linear to zero": (lambda o: sched.LinearLR(o, 1.0, 0.0, 5), lambda t: 1 - min(t, 5) / 5),
    "polynomial": (lambda o: sched.PolynomialLR(o, 8, 2.0), lambda t: (1 - min(t, 8) / 8) ** 2),
    "cosine": (lambda o: sched.CosineAnnealingLR(o, 5, 0.1), lambda t: 0.1 + 0.45 * (1 + math.cos(math.pi * t / 5))),
    "lambda": (lambda o: sched.LambdaLR(o, lambda t: 1 / (1 + t)), lambda t: 1 / (1 + t)),
    "restarts": (
        lambda o: sched.CosineAnnealingWarmRestarts(o, 2, 2),
        lambda t: (1 + math.cos(math.pi * [0, 1 / 2, 0, 1 / 4, 2 / 4, 3 / 4, *(k / 8 for k in range(8))][t])) / 2,
    ),
    "one cycle": (
        lambda o: sched.OneCycleLR(
            o, 2.0, total_steps=13, pct_start=4 / 13, anneal_strategy="linear", cycle_momentum=False
        ),
        lambda t: 0.08 + 1.92 * t / 3 if t <= 3 else 2.0 + (8e-6 - 2.0) * (t - 3) / 9,
    ),
    "warm-up": (
        lambda o: sched.LinearWarmup(o, 4, sched.ExponentialLR(o, 0.5), start_factor=0.2),
        lambda t: 0.2 + 0.2 * t if t < 4 else 0.5 ** (t - 4),
    ),
    "sequence": (
        lambda o: sched.SequentialLR(o, [sched.ConstantLR(o, 0.1, 99), sched.ExponentialLR(o, 0.9)], [5]),
        lambda t: 0.1 if t < 5 else 0.9 ** (t - 5),
    ),
    "chain": (
        lambda o: sched.ChainedScheduler(
            [sched.ConstantLR(o, 0.1, 3), sched.ExponentialLR(o, 0.9), sched.StepLR(o, 2)]
        ),
        lambda t: (0.1 if t < 3 else 1) * 0.9**t * 0.1 ** (t // 2),
    ),
}
STEPS = 12


@pytest.mark.parametrize("name", FORMULAS)
def test_the_learning_rate_follows_its_formula(name: str) -> None:
    build, formula = FORMULAS[name]
    assert np.allclose(walk(build(optimizer()), STEPS), [formula(t) for t in range(STEPS)], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_schedule_continues_from_its_saved_state(name: str) -> None:
    build, formula = FORMULAS[name]
    first = build(optimizer())
    walk(first, 5)
    state, lrs = json.loads(json.dumps(first.state_dict())), first.optimizer.state_dict()
    o = optimizer()
    second = build(o)
    second.load_state_dict(state)
    o.load_state_dict(lrs)
    assert np.allclose(walk(second, STEPS - 5), [formula(t) for t in range(5, STEPS)], rtol=1e-12, atol=1e-15)
    assert len(second.get_last_lr()) == 1


def test_every_group_keeps_its_own_base() -> None:
    o = optim.SGD([{"params": [tg.zeros(1)]}, {"params": [tg.zeros(1)], "lr": 3.0}], lr=1.0)
    schedule = sched.StepLR(o, 1, 0.5)
    schedule.step()
    assert schedule.get_last_lr() == [0.5, 1.5] and schedule.base_lrs == [1.0, 3.0]


def test_a_learning_rate_changed_by_hand_is_carried_on() -> None:
    o = optimizer()
    schedule = sched.ExponentialLR(o, 0.5)
    o.param_groups[0]["lr"] = 0.2
    schedule.step()
    assert o.param_groups[0]["lr"] == pytest.approx(0.1)


def test_nothing_accumulates_over_many_steps() -> None:
    schedule = sched.CosineAnnealingLR(optimizer(), 100000)
    walk(schedule, 100000)
    assert abs(schedule.get_last_lr()[0]) < 1e-15


def test_a_schedule_can_begin_in_the_midst() -> None:
    o = optimizer()
    with pytest.raises(ArgumentError, match="has no initial_lr"):
        sched.StepLR(o, 2, 0.5, last_epoch=3)
    o.param_groups[0]["initial_lr"] = 1.0
    assert sched.StepLR(o, 2, 0.5, last_epoch=3).get_last_lr() == [0.25]


def test_restarts_accept_fractions_of_an_epoch() -> None:
    schedule = sched.CosineAnnealingWarmRestarts(optimizer(), 4)
    schedule.step(4.5)
    assert schedule.get_last_lr()[0] == pytest.approx((1 + math.cos(math.pi / 8)) / 2)


def test_one_cycle_moves_momentum_against_the_learning_rate() -> None:
    for o in (optimizer(momentum=0.9), optim.Adam([tg.zeros(1)], lr=1.0)):
        schedule = sched.OneCycleLR(o, 1.0, total_steps=11, pct_start=0.5)
        rates, momenta = [], []
        for _ in range(11):
            group = o.param_groups[0]
            rates.append(group["lr"])
            momenta.append(group["betas"][0] if "betas" in group else group["momentum"])
            schedule.step()
        assert np.argmax(rates) == np.argmin(momenta) and momenta[0] == 0.95 and min(momenta) < 0.86


def test_one_cycle_ends_with_a_sentence() -> None:
    schedule = sched.OneCycleLR(optimizer(), 1.0, epochs=1, steps_per_epoch=2, cycle_momentum=False)
    walk(schedule, 2)
    with pytest.raises(ArgumentError, match="step 3 of 2; give a larger total_steps"):
        schedule.step()


def test_a_plateau_lowers_the_rate_after_patience_and_cools_down() -> None:
    o = optimizer()
    schedule = sched.ReduceLROnPlateau(o, factor=0.5, patience=1, cooldown=1, min_lr=0.2)
    seen = []
    for metric in [1.0, 0.9, 0.9, 0.95, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]:
        schedule.step(metric)
        seen.append(o.param_groups[0]["lr"])
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2]


def test_a_plateau_can_wait_for_a_maximum() -> None:
    schedule = sched.ReduceLROnPlateau(optimizer(), mode="max", patience=0, threshold=0.1, threshold_mode="abs")
    for metric in (0.5, 0.55, 0.7):
        schedule.step(tg.tensor(metric))
    assert schedule.best == pytest.approx(0.7) and schedule.get_last_lr() == [0.1]


def test_a_plateau_continues_from_its_saved_state() -> None:
    first, second = (sched.ReduceLROnPlateau(optimizer(), patience=2) for _ in range(2))
    for metric in (1.0, 1.0, 1.0):
        first.step(metric)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    second.step(1.0)
    assert second.optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda o: sched.StepLR(o, 0), "step_size is 0"),
        (lambda o: sched.LinearLR(o, 0.0), "start_factor is 0.0"),
        (lambda o: sched.LinearLR(o, end_factor=2.0), "end_factor is 2.0"),
        (lambda o: sched.ConstantLR(o, 2.0), "factor is 2.0"),
        (lambda o: sched.PolynomialLR(o, 0), "total_iters is 0"),
        (lambda o: sched.CosineAnnealingLR(o, 0), "T_max is 0"),
        (lambda o: sched.CosineAnnealingWarmRestarts(o, 0), "T_0 is 0"),
        (lambda o: sched.OneCycleLR(o, 1.0), "the length is unknown"),
        (lambda o: sched.OneCycleLR(o, 1.0, 10, pct_start=2), "pct_start is 2"),
        (lambda o: sched.OneCycleLR(o, 1.0, 10, anneal_strategy="sine"), "anneal_strategy is 'sine'"),
        (lambda o: sched.OneCycleLR(o, [1.0, 2.0], 10), "2 values for 1 parameter groups"),
        (lambda o: sched.OneCycleLR(optim.Adagrad([tg.zeros(1)]), 1.0, 10), "no momentum to cycle"),
        (lambda o: sched.ReduceLROnPlateau(o, factor=1.0), "factor is 1.0"),
        (lambda o: sched.ReduceLROnPlateau(o, mode="least"), "mode 'least'"),
        (lambda o: sched.SequentialLR(o, [sched.StepLR(o, 1)], [3]), "1 milestones for 1 schedulers"),
        (lambda o: sched.SequentialLR(o, [sched.StepLR(optimizer(), 1)], []), "belongs to another optimizer"),
        (lambda o: sched.ChainedScheduler([sched.ReduceLROnPlateau(o)]), "step it by itself"),
        (lambda o: sched.ChainedScheduler([]), "no schedulers"),
        (lambda o: sched.LinearWarmup(o, 0), "total_iters is 0"),
        (lambda o: sched.SequentialLR(o, [sched.StepLR(o, 1)], []).step(3), "cannot jump to an epoch"),
    ],
)
def test_schedules_that_cannot_be_meant_are_refused(build: Callable[[Any], Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        build(optimizer())


def test_what_is_no_optimizer_is_refused() -> None:
    with pytest.raises(DTypeError, match="first argument is a list; give an optimizer"):
        sched.StepLR([], 1)
