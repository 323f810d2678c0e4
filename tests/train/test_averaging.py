"""Averages of weights are the means that they say, and norms get statistics of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import io, nn, train
from tinygrad_cv.ops.errors import ArgumentError

from . import toy


class Remember(train.Callback):
    def __init__(self) -> None:
        self.weights: list[Any] = []

    def on_epoch_trained(self, trainer: train.Trainer) -> None:
        self.weights.append([p._data.copy() for p in trainer.model.parameters()])


def test_the_average_is_the_mean_over_the_last_epochs() -> None:
    remember, average = Remember(), train.StochasticWeightAverage(start=3)
    trainer = toy.trainer(callbacks=[remember, average])
    trainer.fit(toy.loader(), toy.loader(toy.blobs(9, 2)), epochs=5)
    assert trainer.evaluated is average.model is not trainer.model
    for k, p in enumerate(average.model.parameters()):
        np.testing.assert_allclose(p._data, np.mean([w[k] for w in remember.weights[2:]], axis=0), atol=1e-6)


def test_an_average_continues_to_the_same_bits(tmp_path: Path) -> None:
    def trained(*stops: int) -> bytes:
        for stop in (*stops, 0):
            average = train.StochasticWeightAverage(start=2)
            path = tmp_path / "checkpoint"
            trainer = toy.trainer(callbacks=[average, *([toy.Stop(stop)] if stop else []), train.Checkpoints(path)])
            loader = toy.loader()
            if stops and stop != stops[0]:
                trainer.load_state_dict(io.load_checkpoint(path)["trainer"], loader)
            trainer.fit(loader, epochs=4)
        return toy.bits(average.model)

    assert trained() == trained(19)


def test_norms_are_measured_anew_as_plain_means() -> None:
    norm = nn.BatchNorm1d(2, momentum=0.3)
    rng = np.random.default_rng(0)
    batches = [rng.normal(3.0, 2.0, (50, 2)).astype(np.float32) for _ in range(4)]
    norm.eval()
    train.reestimate(norm, (torch.tensor(b) for b in batches), batches=3)
    np.testing.assert_allclose(norm.running_mean.numpy(), np.mean([b.mean(0) for b in batches[:3]], 0), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var.numpy(), np.mean([b.var(0, ddof=1) for b in batches[:3]], 0), rtol=1e-5)
    assert norm.momentum == 0.3 and not norm.training


def test_senseless_averages_are_refused() -> None:
    with pytest.raises(ArgumentError, match="start=0"):
        train.StochasticWeightAverage(start=0)
