"""The training loop: forward, loss, backward, step; everything else is a callback or an option."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from tinygrad_cv import optim
from tinygrad_cv.functional import cross_entropy
from tinygrad_cv.nn import Module
from tinygrad_cv.nn.utils import clip_grad_norm_
from tinygrad_cv.ops.errors import ArgumentError, TinygradError
from tinygrad_cv.tensors.random import get_rng_state, set_rng_state
from tinygrad_cv.train.metrics import Tally, evaluate

if TYPE_CHECKING:
    from tinygrad_cv.train.callbacks import Callback

Record = dict[str, float]

AUXILIARY_WEIGHT = 0.3
"""Share of the losses of auxiliary heads (Szegedy et al., "Going Deeper with Convolutions", 2015, section 5)."""


class TrainingError(TinygradError):
    """A training that cannot go on: the loss is no number any more."""


class Trainer:
    """Trains a network on batches (images, class numbers).

    Parameters
    ----------
    model : the network; its output are scores (N, K). Of a tuple, as `GoogLeNet` returns in training, the first are
        the scores, and the losses of the others are added with the weight `AUXILIARY_WEIGHT`.
    optimizer : holds the network's parameters.
    criterion : the loss of (scores, targets), a mean over the batch.
    scheduler : changes the learning rate, after every step or every epoch as ``schedule_by`` says.
    label_smoothing : share of the uniform distribution in the targets of the default criterion.
    clip_grad_norm : longest gradient, all parameters taken as one vector; longer ones are shortened.
    accumulate : batches whose gradients are averaged into one step.
    callbacks : told of everything, in their order; see `Callback`.

    Attributes
    ----------
    epoch, step : epochs that are complete, optimiser steps made.
    history : one dict per complete epoch.
    tally : loss and accuracy of the epoch under way, on the batches as they were trained on.
    stop_reason : set it, and the loop ends after the step under way.
    evaluated : the network that `evaluate` measures: ``model``, unless averaged weights take its place.
    """

    def __init__(
        self,
        model: Module,
        optimizer: optim.Optimizer,
        *,
        criterion: Callable[[Any, Any], Any] | None = None,
        scheduler: Any = None,
        schedule_by: Literal["step", "epoch"] = "epoch",
        label_smoothing: float = 0.0,
        clip_grad_norm: float | None = None,
        accumulate: int = 1,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        if accumulate < 1 or (clip_grad_norm is not None and clip_grad_norm <= 0):
            raise ArgumentError(
                f"Trainer: got accumulate={accumulate}, clip_grad_norm={clip_grad_norm}; give 1 or more batches, "
                "and a norm above zero"
            )
        self.model, self.optimizer, self.scheduler, self.schedule_by = model, optimizer, scheduler, schedule_by
        self.label_smoothing, self.clip_grad_norm, self.accumulate = label_smoothing, clip_grad_norm, accumulate
        self.criterion = criterion or self._smoothed_cross_entropy
        self.callbacks = list(callbacks)
        self.evaluated = model
        self.epoch, self.step, self.epochs = 0, 0, 0
        self.history: list[Record] = []
        self.tally = Tally()
        self.stop_reason = ""
        self.loader: Any = None
        self._seconds = 0.0

    def fit(self, loader: Any, test_loader: Iterable[Any] | None = None, epochs: int = 1) -> list[Record]:
        """Train until ``epochs`` epochs are complete (those of an earlier call or a loaded state count).

        Parameters
        ----------
        loader : batches to train on, the same every epoch but for their order and augmentation.
        test_loader : batches to measure on after each epoch.
        epochs : when to end.

        Returns
        -------
        list of dict
            ``history``: for each epoch ``train_loss``, ``train_accuracy``, ``lr``, ``seconds``,
            ``images_per_second`` and, with ``test_loader``, ``test_loss`` and ``test_accuracy``.

        Raises
        ------
        TrainingError
            The loss became infinite or NaN.
        """
        self.loader, self.epochs, self.stop_reason = loader, epochs, ""
        self._tell("on_fit_start")
        try:
            while self.epoch < epochs and not self.stop_reason:
                self._tell("on_epoch_start")
                if self._train_epoch():
                    self._end_epoch(test_loader)
        finally:
            self._tell("on_fit_end")
        return self.history

    def _train_epoch(self) -> bool:
        """Make the steps that are left of this epoch; tell whether it is complete."""
        self.model.train()
        begun = time.perf_counter() - self._seconds
        batches = iter(self.loader)
        left = self.accumulate
        self.optimizer.zero_grad()
        for images, targets in batches:
            self._learn(images, targets)
            left -= 1
            if left:
                continue
            self._step()
            left = self.accumulate
            self._seconds = time.perf_counter() - begun
            self._tell("on_step_end")
            if self.stop_reason:
                return False
        if left < self.accumulate:
            self._step()
            self._seconds = time.perf_counter() - begun
            self._tell("on_step_end")
        return True

    def _learn(self, images: Any, targets: Any) -> None:
        outputs = self.model(images)
        scores, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = self.criterion(scores, targets)
        for head in auxiliary:
            loss = loss + self.criterion(head, targets) * AUXILIARY_WEIGHT
        value = float(loss.item())
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss became {value} in epoch {self.epoch + 1} after {self.step} steps at a learning rate of "
                f"{self.lr:.3g}; try a tenth of it, clip the gradients, or look for NaN in the images"
            )
        self.tally.add(value, scores._data, targets._data)
        (loss if self.accumulate == 1 else loss * (1 / self.accumulate)).backward()

    def _step(self) -> None:
        if self.clip_grad_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.clip_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        if self.scheduler is not None and self.schedule_by == "step":
            self.scheduler.step()

    def _end_epoch(self, test_loader: Iterable[Any] | None) -> None:
        self._tell("on_epoch_trained")
        self.epoch += 1
        record: Record = {
            "epoch": self.epoch,
            "train_loss": self.tally.loss,
            "train_accuracy": self.tally.accuracy,
            "lr": self.lr,
            "seconds": round(self._seconds, 3),
            "images_per_second": round(self.tally.count / max(self._seconds, 1e-9), 1),
        }
        if test_loader is not None:
            measured = evaluate(self.evaluated, test_loader)
            record |= {"test_loss": measured.loss, "test_accuracy": measured.accuracy}
        if self.scheduler is not None and self.schedule_by == "epoch":
            if isinstance(self.scheduler, optim.lr_scheduler.ReduceLROnPlateau):
                self.scheduler.step(record.get("test_loss", record["train_loss"]))
            else:
                self.scheduler.step()
        self.history.append(record)
        self.tally, self._seconds = Tally(), 0.0
        self._tell("on_epoch_end")

    def _smoothed_cross_entropy(self, scores: Any, targets: Any) -> Any:
        return cross_entropy(scores, targets, label_smoothing=self.label_smoothing)

    @property
    def lr(self) -> float:
        """The learning rate of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def epoch_seconds(self) -> float:
        """Time spent on the training steps of the epoch under way."""
        return self._seconds

    @property
    def seconds(self) -> float:
        """Time spent on training steps, over all epochs."""
        return sum(record["seconds"] for record in self.history) + self._seconds

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on, between two steps."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "loader": self.loader.state_dict() if hasattr(self.loader, "state_dict") else None,
            "random": get_rng_state(),
            "epoch": self.epoch,
            "step": self.step,
            "history": self.history,
            "tally": vars(self.tally),
            "seconds": self._seconds,
            "callbacks": {type(c).__name__: c.state_dict() for c in self.callbacks},
        }

    def load_state_dict(self, state: dict[str, Any], loader: Any = None) -> None:
        """Continue from ``state_dict()``: the next `fit` gives the same bits as if nothing had been interrupted.

        Parameters
        ----------
        loader : the loader that `fit` will be given, built as it was; it is put back to its place in the epoch.
        """
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        if loader is not None and state["loader"] is not None:
            loader.load_state_dict(state["loader"])
        set_rng_state(state["random"])
        self.epoch, self.step, self.history = state["epoch"], state["step"], list(state["history"])
        self.tally, self._seconds = Tally(**state["tally"]), state["seconds"]
        for callback in self.callbacks:
            if type(callback).__name__ in state["callbacks"]:
                callback.load_state_dict(state["callbacks"][type(callback).__name__], self)


def fit(
    model: Module,
    loader: Any,
    test_loader: Iterable[Any] | None = None,
    *,
    epochs: int = 1,
    lr: float = 1e-3,
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> list[Record]:
    """Train a network with AdamW and return its history: `Trainer` in one call.

    ``options`` are those of `Trainer`; an ``optimizer`` of your own takes the place of AdamW.

    ``lr`` is AdamW's; ``test_loader`` is measured after each epoch.
    """
    optimizer = options.pop("optimizer", None) or optim.AdamW(model.parameters(), lr=lr)
    return Trainer(model, optimizer, callbacks=callbacks, **options).fit(loader, test_loader, epochs)
