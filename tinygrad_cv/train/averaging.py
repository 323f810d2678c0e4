"""Averaged weights: a slow copy of the network that often generalises better than the fast one."""

from __future__ import annotations

import copy
from typing import Any

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.train.callbacks import Callback
from tinygrad_cv.train.trainer import Trainer


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
