"""A schedule that looks at a metric."""

from __future__ import annotations

import math
from typing import Any

from ...ops.errors import ArgumentError, DTypeError
from ..optimizer import Optimizer
from .base import LRScheduler, per_group


class ReduceLROnPlateau(LRScheduler):
    """Multiply by ``factor`` when a metric has not improved for more than ``patience`` steps.

    Parameters
    ----------
    mode : 'min' if a smaller metric is better, 'max' if a larger.
    threshold, threshold_mode : by how much it must beat the best: relative ('rel') or absolute ('abs').
    cooldown : steps after a reduction during which nothing is counted.
    min_lr : the learning rate (or one for each group) below which none falls.
    eps : a smaller change is not made.

    Attributes
    ----------
    best, num_bad_epochs : the best metric, and the steps since it was reached.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise DTypeError(
                f"ReduceLROnPlateau: the first argument is a {type(optimizer).__name__}; give an optimizer"
            )
        if not factor < 1:
            raise ArgumentError(f"ReduceLROnPlateau: factor is {factor}; give a number below 1")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ArgumentError(
                f"ReduceLROnPlateau: mode {mode!r} and threshold_mode {threshold_mode!r}; "
                f"give 'min' or 'max', and 'rel' or 'abs'"
            )
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.min_lrs = per_group("ReduceLROnPlateau: min_lr", optimizer, min_lr)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self._last_lr = [float(group["lr"]) for group in optimizer.param_groups]

    def is_better(self, a: float, best: float) -> bool:
        """Tell whether the metric ``a`` beats ``best`` by the threshold."""
        sign = 1 if self.mode == "max" else -1
        margin = self.threshold if self.threshold_mode == "abs" else self.threshold * best
        if math.isinf(best):
            return sign * a > sign * best
        return sign * a > sign * (best + sign * margin)

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of the metric, and reduce the learning rates if it is time."""
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value, self.best):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(self.optimizer.param_groups, self.min_lrs):
                lower = max(float(group["lr"]) * self.factor, least)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [float(group["lr"]) for group in self.optimizer.param_groups]
