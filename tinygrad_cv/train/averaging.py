"""Averaged weights: a slow copy of the network that often generalises better than the fast one.

Batch norm's statistics do not average as weights do: `reestimate` measures them anew.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from itertools import islice
from typing import Any

from tinygrad_cv.autograd import no_grad
from tinygrad_cv.nn import Module
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.train.callbacks import Callback
from tinygrad_cv.train.trainer import Trainer
from tinygrad_cv.utils.data import DataLoader


class WeightAverage(Callback):
    """Exponential moving average of the weights; it is what the trainer measures and keeps.

    After step t, average = d average + (1 - d) weights with d = min(decay, (1 + t) / (10 + t)), so that the
    first steps are soon forgotten. Buffers (batch norm's statistics) are copied.

    Source: B. T. Polyak, A. B. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J.
    Control and Optimization 30(4), 1992; the warm-up of the decay is TensorFlow's.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ArgumentError(f"WeightAverage: got decay={decay}; give a share of the past in [0, 1)")
        self.decay = decay
        self.model: Any = None

    def on_fit_start(self, trainer: Trainer) -> None:
        if self.model is None:
            self.model = copy.deepcopy(trainer.model)
        trainer.evaluated = self.model

    def on_step_end(self, trainer: Trainer) -> None:
        d = min(self.decay, (1 + trainer.step) / (10 + trainer.step))
        for slow, fast in zip(self.model.parameters(), trainer.model.parameters(), strict=True):
            slow._data += (1 - d) * (fast._data - slow._data)
        for copied, buffer in zip(self.model.buffers(), trainer.model.buffers(), strict=True):
            copied._data[...] = buffer._data

    def state_dict(self) -> dict[str, Any]:
        return {"model": None if self.model is None else self.model.state_dict()}

    def load_state_dict(self, state: dict[str, Any], trainer: Trainer) -> None:
        self.model = copy.deepcopy(trainer.model)
        self.model.load_state_dict(state["model"])


class StochasticWeightAverage(Callback):
    """The plain mean of the weights after each epoch from ``start`` on; it is what the trainer measures and keeps.

    Until then the network itself is measured. Batch norm's statistics are measured anew for each mean, on ``batches``
    batches of training images.

    Parameters
    ----------
    start : the first epoch that counts, from 1.

    Source: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018.
    """

    def __init__(self, start: int, batches: int = 50) -> None:
        if start < 1 or batches < 1:
            raise ArgumentError(f"StochasticWeightAverage: got start={start}, batches={batches}; give 1 or more")
        self.start, self.batches, self.count = start, batches, 0
        self.model: Any = None

    def on_fit_start(self, trainer: Trainer) -> None:
        if self.model is not None:
            trainer.evaluated = self.model

    def on_epoch_trained(self, trainer: Trainer) -> None:
        if trainer.epoch + 1 < self.start:
            return
        if self.model is None:
            self.model = copy.deepcopy(trainer.model)
        self.count += 1
        for mean, new in zip(self.model.parameters(), trainer.model.parameters(), strict=True):
            mean._data += (new._data - mean._data) / self.count
        # a loader of its own, so that the order of the batches to come stays what it was
        loader = DataLoader(trainer.loader.dataset, trainer.loader.batch_size, shuffle=True, generator=self.count)
        reestimate(self.model, (images for images, _ in loader), self.batches)
        trainer.evaluated = self.model

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "model": None if self.model is None else self.model.state_dict()}

    def load_state_dict(self, state: dict[str, Any], trainer: Trainer) -> None:
        self.count = state["count"]
        if state["model"] is not None:
            self.model = copy.deepcopy(trainer.model)
            self.model.load_state_dict(state["model"])


def reestimate(model: Module, images: Iterable[Any], batches: int = 50) -> None:
    """Measure the running statistics of all norms anew, as plain means over batches of images; weights stay.

    Parameters
    ----------
    batches : how many to look at, at most.
    """
    norms = [m for m in model.modules() if getattr(m, "running_mean", None) is not None]
    if not norms:
        return
    before, was_training = [norm.momentum for norm in norms], model.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    try:
        with no_grad():
            for batch in islice(images, batches):
                model(batch)
    finally:
        model.train(was_training)
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
