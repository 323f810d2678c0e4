"""What can watch a training: keep the best weights, stop early, write metrics, leave checkpoints."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_cv import io
from tinygrad_cv.io.files import PathLike
from tinygrad_cv.ops.errors import ArgumentError

if TYPE_CHECKING:
    from tinygrad_cv.train.trainer import Record, Trainer


class Callback:
    """Override what you want to be told of. Its state, if it has any, goes into the checkpoints."""

    def on_fit_start(self, trainer: Trainer) -> None:
        """The loop begins, or goes on from a checkpoint."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """An epoch begins, or goes on."""

    def on_step_end(self, trainer: Trainer) -> None:
        """The optimiser has made a step."""

    def on_epoch_trained(self, trainer: Trainer) -> None:
        """The last step of an epoch is made; ``trainer.evaluated`` will be measured next."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """An epoch is complete and measured; ``trainer.history[-1]`` describes it."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """The loop ends, also when it ends by an exception."""

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to continue: numbers, strings, arrays, tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any], trainer: Trainer) -> None:
        """Continue from a state."""


def better(metric: str, new: float, old: float) -> bool:
    """Tell whether a value improves on another: an accuracy by growing, anything else by falling."""
    if math.isnan(old):
        return not math.isnan(new)
    return new > old if "accuracy" in metric else new < old


def chosen_metric(record: Record, metric: str | None) -> str:
    """The metric to judge epochs by: the one asked for, or the best there is."""
    if metric is None:
        return next(m for m in ("test_accuracy", "test_loss", "train_loss") if m in record)
    if metric not in record:
        raise ArgumentError(f"metric: there is no {metric!r}; there are {', '.join(record)}")
    return metric


class BestWeights(Callback):
    """Writes the weights of the best epoch so far to ``path`` (safetensors).

    Of epochs with the same accuracy, the one with the lower loss is the best.

    ``metric`` is the entry of the history that counts, ``metadata`` words that go into the file's head.

    Attributes
    ----------
    value, epoch : of the best epoch so far; NaN and 0 before the first.
    """

    def __init__(self, path: PathLike, metric: str | None = None, metadata: dict[str, str] | None = None) -> None:
        self.path, self.metric, self.metadata = Path(path), metric, metadata
        self.value, self.tie, self.epoch = math.nan, math.nan, 0

    def on_epoch_end(self, trainer: Trainer) -> None:
        record = trainer.history[-1]
        metric = chosen_metric(record, self.metric)
        loss = record.get("test_loss", record["train_loss"])
        value = record[metric]
        if better(metric, value, self.value) or (value == self.value and loss < self.tie):
            io.save_file(trainer.evaluated.state_dict(), self.path, self.metadata)
            self.value, self.tie, self.epoch = value, loss, trainer.epoch

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value, "tie": self.tie, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any], trainer: Trainer) -> None:
        self.value, self.tie, self.epoch = state["value"], state["tie"], state["epoch"]


class LastWeights(BestWeights):
    """Writes the weights after every epoch, so that those of the last one stay: nothing is chosen."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        io.save_file(trainer.evaluated.state_dict(), self.path, self.metadata)
        self.epoch = trainer.epoch


class EarlyStopping(Callback):
    """Ends the training when ``patience`` epochs in a row bring no improvement of at least ``min_delta``.

    ``metric`` is the entry of the history that counts.
    """

    def __init__(self, patience: int = 10, metric: str | None = None, min_delta: float = 0.0) -> None:
        if patience < 1 or min_delta < 0:
            raise ArgumentError(
                f"EarlyStopping: got patience={patience}, min_delta={min_delta}; give 1 or more epochs, "
                "and 0 or more"
            )
        self.patience, self.metric, self.min_delta = patience, metric, min_delta
        self.value, self.waited = math.nan, 0

    def on_epoch_end(self, trainer: Trainer) -> None:
        metric = chosen_metric(trainer.history[-1], self.metric)
        value = trainer.history[-1][metric]
        shift = self.min_delta if "accuracy" in metric else -self.min_delta
        if better(metric, value, self.value + shift):
            self.value, self.waited = value, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop_reason = f"{metric} has not improved for {self.waited} epochs"

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any], trainer: Trainer) -> None:
        self.value, self.waited = state["value"], state["waited"]


class MetricsFile(Callback):
    """Writes each epoch as one line of JSON; after a crash, lines that the checkpoint does not know are dropped."""

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)

    def on_fit_start(self, trainer: Trainer) -> None:
        io.write_text(self.path, "".join(_line(record) for record in trainer.history))

    def on_epoch_end(self, trainer: Trainer) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(trainer.history[-1]))


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"


class Checkpoints(Callback):
    """Leaves a checkpoint after each epoch, within long ones every ``seconds``, and when the loop is stopped.

    Put it behind the callbacks whose files it must not be ahead of.

    ``extra`` is put into each of them.
    """

    def __init__(self, path: PathLike, seconds: float = 60.0, extra: dict[str, Any] | None = None) -> None:
        self.path, self.seconds, self.extra = Path(path), seconds, extra or {}
        self._next = 0.0

    def _save(self, trainer: Trainer) -> None:
        io.save_checkpoint({"trainer": trainer.state_dict(), **self.extra}, self.path)
        self._next = time.monotonic() + self.seconds

    def on_fit_start(self, trainer: Trainer) -> None:
        self._next = time.monotonic() + self.seconds

    def on_step_end(self, trainer: Trainer) -> None:
        if trainer.stop_reason or time.monotonic() >= self._next:
            self._save(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        self._save(trainer)
