"""The loop learns, counts right, averages what it accumulates, and continues to the bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import io, models, nn, optim, train
from tinygrad_cv.functional import cross_entropy
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.train.metrics import Tally
from tinygrad_cv.utils.data import DataLoader

from . import toy


def test_the_loop_learns() -> None:
    torch.manual_seed(0)
    history = train.fit(toy.network(), toy.loader(), toy.loader(toy.blobs(30, 1)), epochs=15, lr=0.05)
    assert history[-1]["test_accuracy"] > 0.9 and history[-1]["train_loss"] < history[0]["train_loss"]
    assert [record["epoch"] for record in history] == list(range(1, 16))


def test_an_epoch_weighs_every_image_alike() -> None:
    tally = Tally()
    scores = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    tally.add(1.0, scores[:2], np.array([0, 0]))
    tally.add(4.0, scores[2:], np.array([1]))
    assert (tally.loss, tally.accuracy, tally.count) == (2.0, 2 / 3, 3)


def test_shares_count_as_their_largest_class() -> None:
    tally = Tally()
    tally.add(0.0, np.array([[1.0, 0.0]]), np.array([[0.6, 0.4]]))
    assert tally.accuracy == 1.0


@pytest.mark.parametrize("stop_at", [1, 7, 8, 9, 15, 16])
def test_a_resumed_training_ends_in_the_same_bits(stop_at: int, tmp_path: Path) -> None:
    def prepared(*callbacks: train.Callback) -> tuple[train.Trainer, DataLoader]:
        trainer = toy.trainer(dropout=0.3, callbacks=[train.WeightAverage(0.9), *callbacks], schedule_by="step")
        trainer.scheduler = optim.lr_scheduler.CosineAnnealingLR(trainer.optimizer, 24)
        return trainer, toy.loader()

    whole, loader = prepared()
    whole.fit(loader, DataLoader(toy.blobs(9, 2), 4), epochs=3)

    path = tmp_path / "checkpoint"
    first, loader = prepared(toy.Stop(stop_at), train.Checkpoints(path))
    first.fit(loader, DataLoader(toy.blobs(9, 2), 4), epochs=3)
    assert first.step == stop_at

    torch.manual_seed(99)
    second, loader = prepared()
    second.load_state_dict(io.load_checkpoint(path)["trainer"], loader)
    second.fit(loader, DataLoader(toy.blobs(9, 2), 4), epochs=3)
    assert toy.bits(second.model) == toy.bits(whole.model)
    assert toy.bits(second.evaluated) == toy.bits(whole.evaluated)
    losses = [[r["train_loss"], r["test_loss"]] for r in whole.history]
    assert [[r["train_loss"], r["test_loss"]] for r in second.history] == losses


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    def trained(seed: int) -> bytes:
        trainer = toy.trainer(seed, dropout=0.2)
        trainer.fit(toy.loader(), epochs=1)
        return toy.bits(trainer.model)

    assert trained(0) == trained(0) != trained(1)


def test_accumulated_batches_make_the_step_of_one_large_batch() -> None:
    def stepped(batch: int, accumulate: int) -> Any:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(2, 3))
        sgd = optim.SGD(model.parameters(), lr=0.1)
        train.Trainer(model, sgd, accumulate=accumulate).fit(DataLoader(toy.blobs(12), batch), epochs=1)
        return model[1].weight._data

    assert np.allclose(stepped(4, 3), stepped(12, 1), atol=1e-6)


def test_a_clipped_step_is_no_longer_than_allowed() -> None:
    trainer = toy.trainer(optimizer=None, clip_grad_norm=0.01)
    trainer.optimizer = optim.SGD(trainer.model.parameters(), lr=1.0)
    before = [np.array(p._data) for p in trainer.model.parameters()]
    trainer.fit(DataLoader(toy.blobs(8), 8), epochs=1)
    moved = sum(float(((p._data - b) ** 2).sum()) for p, b in zip(trainer.model.parameters(), before, strict=True))
    assert 0 < math.sqrt(moved) <= 0.01 * 1.001


def test_label_smoothing_reaches_the_loss() -> None:
    sharp, smooth = toy.trainer(), toy.trainer(label_smoothing=0.5)
    sharp.fit(toy.loader(), epochs=8)
    smooth.fit(toy.loader(), epochs=8)
    assert smooth.history[-1]["train_loss"] > sharp.history[-1]["train_loss"] + 0.2


def test_a_loss_that_is_no_number_ends_with_a_sentence() -> None:
    trainer = toy.trainer(criterion=lambda scores, targets: scores.sum() * float("nan"))
    with pytest.raises(train.TrainingError, match=r"loss became nan in epoch 1 after 0 steps at a learning rate of"):
        trainer.fit(toy.loader(), epochs=1)


def test_evaluation_changes_nothing() -> None:
    trainer = toy.trainer(dropout=0.5)
    before = toy.bits(trainer.model)
    measured = train.evaluate(trainer.model, toy.loader())
    assert toy.bits(trainer.model) == before and trainer.model.training
    assert measured.labels.shape == measured.predictions.shape == measured.confidence.shape == (60,)
    assert all(p.grad is None for p in trainer.model.parameters())


def test_evaluating_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="gave no batch"):
        train.evaluate(toy.network(), [])


@pytest.mark.parametrize("options", [{"accumulate": 0}, {"clip_grad_norm": -1.0}])
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="give 1 or more batches"):
        toy.trainer(**options)


def test_the_average_starts_at_the_weights_and_follows_them_slowly() -> None:
    average = train.WeightAverage(0.99)
    trainer = toy.trainer(callbacks=[average])
    start = [np.array(p._data) for p in trainer.model.parameters()]
    trainer.fit(toy.loader(), epochs=2)
    triples = list(zip(start, average.model.parameters(), trainer.model.parameters(), strict=True))
    assert trainer.evaluated is average.model
    far = sum(float(((p._data - s) ** 2).sum()) for s, _, p in triples)
    near = sum(float(((a._data - s) ** 2).sum()) for s, a, _ in triples)
    assert 0 < near < far


def test_auxiliary_heads_weigh_three_tenths() -> None:
    class ThreeHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.ModuleList([nn.Linear(2, 3) for _ in range(3)])

        def forward(self, x: Any) -> Any:
            scores = tuple(head(x.flatten(1)) for head in self.heads)
            return scores if self.training else scores[0]

    torch.manual_seed(0)
    net, (images, labels) = ThreeHeads(), next(iter(toy.loader()))
    losses = [cross_entropy(scores, labels) for scores in net(images)]
    (losses[0] + 0.3 * losses[1] + 0.3 * losses[2]).backward()
    expected = [p.grad.numpy().copy() for p in net.parameters()]
    before = [p._data.copy() for p in net.parameters()]
    net.zero_grad()
    trained = train.Trainer(net, optim.SGD(net.parameters(), lr=1.0))
    trained.fit([(images, labels)])
    assert trained.history[0]["train_loss"] == pytest.approx(losses[0].item() + 0.3 * (losses[1] + losses[2]).item())
    for p, b, g in zip(net.parameters(), before, expected):
        assert np.allclose(b - p.detach().numpy(), g, atol=1e-6)


def test_googlenet_trains_with_its_auxiliary_heads() -> None:
    torch.manual_seed(0)
    net = models.googlenet(num_classes=3, image_size=32, aux_logits=True)
    before = net.aux2.fc2.weight._data.copy()
    batch = (torch.randn(3, 3, 32, 32), torch.tensor([0, 1, 2]))
    history = train.Trainer(net, optim.SGD(net.parameters(), lr=0.01)).fit([batch], [batch])
    assert history[0]["train_loss"] == pytest.approx(1.6 * np.log(3), rel=0.05)  # three undecided heads
    assert not np.array_equal(net.aux2.fc2.weight._data, before)
