"""Callbacks keep the best weights, stop in time, write whole lines, and end a loop between two steps."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tinygrad_cv import io, train
from tinygrad_cv.ops.errors import ArgumentError

from . import toy


def feed(callback: train.Callback, records: list[dict[str, float]]) -> train.Trainer:
    """Tell a callback of epochs that never were."""
    trainer = toy.trainer()
    for record in records:
        trainer.epoch += 1
        trainer.history.append({"train_loss": 1.0, **record})
        if not trainer.stop_reason:
            callback.on_epoch_end(trainer)
    return trainer


def test_the_best_epoch_is_kept_and_ties_go_to_the_lower_loss(tmp_path: Path) -> None:
    best = train.BestWeights(tmp_path / "w")
    accuracies = [(0.5, 1.0), (0.9, 0.8), (0.9, 0.6), (0.9, 0.7), (0.2, 0.1)]
    feed(best, [{"test_accuracy": a, "test_loss": loss} for a, loss in accuracies])
    assert (best.epoch, best.value) == (3, 0.9)
    assert set(io.load(tmp_path / "w")) == set(toy.network().state_dict())


def test_without_a_test_set_the_training_loss_decides(tmp_path: Path) -> None:
    best = train.BestWeights(tmp_path / "w")
    feed(best, [{"train_loss": 2.0}, {"train_loss": 1.0}, {"train_loss": 1.5}])
    assert best.epoch == 2


def test_an_unknown_metric_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no 'acc'; there are train_loss"):
        feed(train.BestWeights(tmp_path / "w", metric="acc"), [{}])


def test_early_stopping_waits_as_long_as_told() -> None:
    losses = [{"test_loss": v} for v in (3, 2, 2.5, 2.1, 1.9, 2, 2, 2, 0)]
    trainer = feed(train.EarlyStopping(patience=3, metric="test_loss"), losses)
    assert trainer.stop_reason == "test_loss has not improved for 3 epochs"
    assert not feed(train.EarlyStopping(patience=4, metric="test_loss"), losses).stop_reason


def test_early_stopping_ends_the_loop() -> None:
    trainer = toy.trainer(lr=1e-12, callbacks=[train.EarlyStopping(2, "test_loss", min_delta=1.0)])
    trainer.fit(toy.loader(), toy.loader(), epochs=50)
    assert trainer.epoch == 3


def test_early_stopping_refuses_nonsense() -> None:
    with pytest.raises(ArgumentError, match="patience=0"):
        train.EarlyStopping(0)


def test_metrics_are_one_json_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text("a line that the checkpoint does not know\n")
    trainer = toy.trainer(callbacks=[train.MetricsFile(path)])
    trainer.fit(toy.loader(), epochs=2)
    assert [json.loads(line) for line in path.read_text().splitlines()] == trainer.history


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_loop_after_the_step_under_way(number: signal.Signals) -> None:
    class Send(train.Callback):
        def on_step_end(self, trainer: train.Trainer) -> None:
            if trainer.step == 3:
                os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with train.Interruption() as interruption:
        trainer = toy.trainer(callbacks=[Send(), interruption])
        trainer.fit(toy.loader(), epochs=5)
    assert trainer.step == 3 and interruption.signal is number and signal.getsignal(number) is before


def test_a_second_interrupt_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), train.Interruption():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_checkpoints_also_come_within_long_epochs(tmp_path: Path) -> None:
    saved = []

    class Watch(train.Callback):
        def on_step_end(self, trainer: train.Trainer) -> None:
            saved.append(io.load_checkpoint(tmp_path / "c")["trainer"]["step"])

    trainer = toy.trainer(callbacks=[train.Checkpoints(tmp_path / "c", seconds=0), Watch()])
    trainer.fit(toy.loader(), epochs=1)
    assert saved == list(range(1, 9))
