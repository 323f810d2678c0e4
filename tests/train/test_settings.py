"""Settings, recipes, optimisers and schedules are what their names say, and choices never see the test images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import models, nn, optim
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.train import job as jobs
from tinygrad_cv.train import report
from tinygrad_cv.train.config import Config
from tinygrad_cv.train.looks import scores
from tinygrad_cv.train.optimizers import build_optimizer, build_schedule
from tinygrad_cv.train.recipes import RECIPES
from tinygrad_cv.train.sources import build_model, held_apart, load_data


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_its_network_and_optimiser(name: str) -> None:
    config = Config.make(recipe=name, data_root="somewhere")
    c, size = (3, 32) if config.data == "cifar10" else (1, 28)
    with models.registry.unfilled():
        model = build_model(config.model, c, size, 10, config.options)
    build_schedule(config, build_optimizer(config, model), 10)


def test_wishes_overrule_the_recipe_and_the_recipe_the_data_set() -> None:
    config = Config.make(recipe="mnist-99.4", data_root="x", epochs=2)
    assert (config.epochs, config.model, config.optimizer, config.data) == (2, "airbench", "muon", "mnist")
    assert Config.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"recipe": "mnist-99"}, "no recipe 'mnist-99'; did you mean mnist-99.4"),
        ({"augment": "shift+flop"}, "got 'shift\\+flop'; give one of none, shift"),
        ({"optimizer": "sdg"}, "got 'sdg'; give one of adamw, sgd, muon"),
        ({"held_out": 1.0}, "held_out: got 1.0"),
        ({"accumulate": 0}, "accumulate: got 0; give 1 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wish: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        Config.make(**wish)


def test_held_out_images_are_the_same_in_every_run_and_not_trained_on() -> None:
    whole = load_data(Config.make(augment="none"))
    pairs = [load_data(Config.make(augment="none", held_out=0.2, seed=seed)) for seed in (0, 1)]
    first, second = pairs
    assert np.array_equal(first.test.data, second.test.data)
    assert len(first.train) + len(first.test) == len(whole.train)
    joined = np.concatenate([first.train.data, first.test.data])
    assert np.array_equal(np.sort(joined, axis=0), np.sort(whole.train.data, axis=0))
    assert held_apart(10, 0.3).sum() == 3


@pytest.mark.parametrize(("keep", "times"), [("last", 1), ("best", 4)])
def test_the_test_images_are_looked_at_once_where_nothing_is_chosen(
    keep: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal looks
        looks += 1
        return report_evaluate(*args, **options)

    report_evaluate = report.evaluate
    monkeypatch.setattr(report, "evaluate", counted)
    monkeypatch.setattr("tinygrad_cv.train.trainer.evaluate", counted)
    config = Config.make(model="softmax_regression", epochs=3, keep=keep)
    job = jobs.start(config, tmp_path / "run")
    job.train()
    report.finish(job)
    assert looks == times


def test_sgd_pulls_matrices_alone_towards_zero() -> None:
    optimizer = build_optimizer(Config(optimizer="sgd", weight_decay=0.1), nn.Conv2d(2, 3, 3))
    assert [(g["params"][0].ndim, g["weight_decay"]) for g in optimizer.param_groups] == [(4, 0.1), (1, 0.0)]


def test_muon_takes_the_filters_and_leaves_the_rest_to_sgd() -> None:
    config = Config.make(recipe="cifar10-94", data_root="x")
    net = models.airbench(widths=(8, 8, 8))
    optimizer = build_optimizer(config, net)
    muon, *others = optimizer.param_groups
    assert [p.ndim for p in muon["params"]] == [4] * 6
    assert [g["params"][0].shape for g in others] == [(24,), (8,), (10, 8)]
    owned = {id(p) for g in optimizer.param_groups for p in g["params"]}
    assert owned == {id(p) for p in net.parameters() if p.requires_grad}
    with pytest.raises(ArgumentError, match="muon is for filters, and softmax_regression has none"):
        build_optimizer(Config(optimizer="muon", model="softmax_regression"), models.softmax_regression())


@pytest.mark.parametrize("schedule", ["cycle", "linear", "cosine"])
def test_schedules_rise_and_fall_to_zero(schedule: str) -> None:
    config = Config(schedule=schedule, warm_up=0.2, epochs=5, lr=0.5, optimizer="sgd")
    optimizer = build_optimizer(config, nn.Linear(2, 2))
    rates = []
    plan = build_schedule(config, optimizer, 8)
    for _ in range(40):
        rates.append(optimizer.param_groups[0]["lr"])
        plan.step()
    top = int(np.argmax(rates))
    assert 6 <= top <= 9 and rates[top] == pytest.approx(0.5, rel=5e-3)
    assert rates == sorted(rates[: top + 1]) + sorted(rates[top + 1 :], reverse=True)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-5)


def test_stairs_go_down_by_a_twentieth_every_five_epochs() -> None:
    config = Config(schedule="stairs", warm_up=0.0, epochs=11, lr=1.0, optimizer="sgd")
    optimizer = build_optimizer(config, nn.Linear(2, 2))
    plan = build_schedule(config, optimizer, 2)
    rates = []
    for _ in range(22):
        rates.append(optimizer.param_groups[0]["lr"])
        plan.step()
    assert rates == pytest.approx([1.0] * 10 + [0.95] * 10 + [0.95**2] * 2)


def test_the_whitening_offset_rests_after_three_epochs() -> None:
    config = Config.make(recipe="cifar10-94", data_root="x", epochs=9)
    optimizer = build_optimizer(config, models.airbench(widths=(8, 8, 8)))
    plan = build_schedule(config, optimizer, 4)
    for _ in range(12):
        plan.step()
    assert [group["lr"] > 0 for group in optimizer.param_groups] == [True, False, True, True]


def test_unit_filters_keep_their_norm_before_each_step() -> None:
    w = torch.tensor(np.full((4, 9), 3.0, np.float32), requires_grad=True)
    muon = optim.Muon([w], lr=0.0, weight_decay=0.0, unit_filters=True)
    w.sum().backward()
    muon.step()
    assert np.linalg.norm(w._data) == pytest.approx(2.0)


def test_looks_average_an_image_its_mirror_and_its_shifts() -> None:
    x = torch.tensor(np.random.default_rng(0).standard_normal((2, 3, 5, 6)).astype(np.float32))

    def corner(images: Any) -> Any:
        return torch.tensor(np.ascontiguousarray(images._data[:, :, 0, 0]))

    a = x.numpy()
    np.testing.assert_allclose(scores(corner, x, "flip").numpy(), (a[:, :, 0, 0] + a[:, :, 0, 5]) / 2, rtol=1e-6)
    corners = (a[:, :, 1, 1] + a[:, :, 1, 4] + a[:, :, 1, 1] + a[:, :, 1, 4]) / 4
    expected = (a[:, :, 0, 0] + a[:, :, 0, 5]) / 4 + corners / 2
    np.testing.assert_allclose(scores(corner, x, "flip+shift").numpy(), expected, rtol=1e-5)
    with pytest.raises(ArgumentError, match="got 'twice'; give once, flip"):
        scores(corner, x, "twice")
