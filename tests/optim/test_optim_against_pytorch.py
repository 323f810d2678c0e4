"""Optimisers and schedules take the same steps as PyTorch's, and continue from each other's saved states."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import optim

pytestmark = pytest.mark.oracle

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    *(
        (name, {"lr": 0.05, **settings})
        for name in ("Adam", "AdamW")
        for settings in ({}, {"weight_decay": 0.1}, {"amsgrad": True}, {"maximize": True, "betas": (0.8, 0.9)})
    ),
    *(("NAdam", s) for s in ({}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True})),
    *(("RMSprop", s) for s in ({}, {"weight_decay": 0.1, "momentum": 0.9}, {"centered": True, "maximize": True})),
    *(("Adagrad", s) for s in ({}, {"weight_decay": 0.1, "lr_decay": 0.1}, {"initial_accumulator_value": 0.5})),
    *(("Adadelta", s) for s in ({}, {"weight_decay": 0.1, "rho": 0.7})),
]
SHAPES = [(4, 3), (5,), (2, 3, 2, 2)]


@pytest.fixture
def torch() -> Iterator[Any]:
    library = pytest.importorskip("torch")
    before = library.get_default_dtype()
    library.set_default_dtype(library.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield library
    library.set_default_dtype(before)


@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS)
def test_an_optimizer_agrees_with_pytorch(name: str, settings: dict[str, Any], torch: Any) -> None:
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(s) for s in SHAPES]
    ps, ts = [tg.tensor(a, requires_grad=True) for a in start], [torch.tensor(a, requires_grad=True) for a in start]
    ours, theirs = getattr(optim, name)(ps, **settings), getattr(torch.optim, name)(ts, **settings)
    for step in range(12):
        if step == 5:  # let ours continue from PyTorch's state
            ours = getattr(optim, name)(ps)
            ours.load_state_dict(theirs.state_dict())
        for p, t in zip(ps, ts):
            g = rng.standard_normal(p.shape)
            p.grad, t.grad = tg.tensor(g), torch.tensor(g)
        ours.step()
        theirs.step()
    for p, t in zip(ps, ts):
        assert np.allclose(p.detach().numpy(), t.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_muon_agrees_with_pytorch_up_to_its_bfloat16(torch: Any) -> None:
    rng = np.random.default_rng(0)
    p, t = (make(np.ones((6, 9)), requires_grad=True) for make in (tg.tensor, torch.tensor))
    ours, theirs = optim.Muon([p], lr=0.02), torch.optim.Muon([t], lr=0.02)
    for _ in range(5):
        g = rng.standard_normal((6, 9))
        p.grad, t.grad = tg.tensor(g), torch.tensor(g)
        ours.step()
        theirs.step()
    assert np.abs(p.detach().numpy() - t.detach().numpy()).max() < 5 * 0.02 * 0.03


SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "step": lambda s, o: s.StepLR(o, 7, 0.3),
    "multistep": lambda s, o: s.MultiStepLR(o, [5, 9, 9, 20], 0.5),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 12, 0.01),
    "linear": lambda s, o: s.LinearLR(o, 0.1, 0.8, 10),
    "linear to zero": lambda s, o: s.LinearLR(o, 1.0, 0.0, 10),
    "constant": lambda s, o: s.ConstantLR(o, 0.2, 6),
    "polynomial": lambda s, o: s.PolynomialLR(o, 15, 2.0),
    "lambda": lambda s, o: s.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (1 + t)]),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 2, 0.001),
    "one cycle": lambda s, o: s.OneCycleLR(o, [0.5, 1.0], total_steps=40),
    "three phases": lambda s, o: s.OneCycleLR(
        o, 0.5, epochs=5, steps_per_epoch=8, three_phase=True, anneal_strategy="linear", pct_start=0.25
    ),
    "sequence": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, 1.0, 5), s.CosineAnnealingLR(o, 20), s.ExponentialLR(o, 0.9)], [5, 22]
    ),
    "chain": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o, 0.5, 1.0, 6), s.CosineAnnealingLR(o, 15, 0.01), s.StepLR(o, 4, 0.5)]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_agrees_with_pytorch(name: str, torch: Any) -> None:
    def settings(library: Any, make: Any) -> np.ndarray:
        o = library.SGD([{"params": [make([1.0])]}, {"params": [make([1.0])], "lr": 0.3}], lr=0.1, momentum=0.9)
        schedule = SCHEDULES[name](library.lr_scheduler, o)
        out = []
        for _ in range(40):
            out.append([group[k] for group in o.param_groups for k in ("lr", "momentum")])
            schedule.step()
        return np.array(out)

    ours = settings(optim, lambda v: tg.tensor(v, requires_grad=True))
    assert np.allclose(
        ours, settings(torch.optim, lambda v: torch.tensor(v, requires_grad=True)), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"patience": 2, "factor": 0.5, "cooldown": 3, "min_lr": 1e-3},
        {"mode": "max", "patience": 1, "threshold": 0.05, "threshold_mode": "abs"},
    ],
)
def test_the_plateau_schedule_agrees_with_pytorch(settings: dict[str, Any], torch: Any) -> None:
    def rates(library: Any, make: Any) -> list[float]:
        o = library.SGD([make([1.0])], lr=0.1)
        schedule = library.lr_scheduler.ReduceLROnPlateau(o, **copy.deepcopy(settings))
        rng, out = np.random.default_rng(3), []
        for k in range(60):
            schedule.step(float(rng.random() + 1 / (k + 1)))
            out.append(o.param_groups[0]["lr"])
        return out

    assert rates(optim, lambda v: tg.tensor(v, requires_grad=True)) == pytest.approx(
        rates(torch.optim, lambda v: torch.tensor(v, requires_grad=True)), rel=1e-12
    )
