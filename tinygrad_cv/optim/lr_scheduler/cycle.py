"""Schedules that rise and fall: restarts, and the single cycle."""

from __future__ import annotations

import math
from typing import Any

from ...ops.errors import ArgumentError
from ..optimizer import Optimizer
from .base import LRScheduler, per_group


class CosineAnnealingWarmRestarts(LRScheduler):
    """Fall along a cosine to ``eta_min`` in ``T_0`` steps, start again, and take ``T_mult`` times as long each time.

    ``step(epoch)`` accepts fractions: ``step(epoch + batch / batches)`` changes the learning rate within an epoch.
    Source: Loshchilov and Hutter 2017, "SGDR", equation 5.

    Attributes
    ----------
    T_cur, T_i : the steps since the last restart, and how many there will be until the next.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if value < 1 or int(value) != value:
                raise ArgumentError(
                    f"CosineAnnealingWarmRestarts: {name} is {value}; give a whole number of at least 1"
                )
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        self.T_i: int = T_0
        self.T_cur: float = 0
        super().__init__(optimizer, last_epoch)

    def _seek(self, t: float) -> None:
        """Find the cycle that step ``t`` lies in."""
        length = self.T_0
        if self.T_mult == 1:
            t %= length
        while t >= length:
            t -= length
            length *= self.T_mult
        self.T_cur, self.T_i = t, length

    def at(self, i: int, t: int) -> float:
        share = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return self.eta_min + (self.base_lrs[i] - self.eta_min) * share

    def get_lr(self) -> list[float]:
        return [self.at(i, self.last_epoch) for i in range(len(self.base_lrs))]

    def _jump(self, t: float) -> None:
        if t < 0:
            raise ArgumentError(f"CosineAnnealingWarmRestarts: step({t}); give at least 0")
        self._seek(t)
        self.last_epoch = math.floor(t)
        self._apply(self.get_lr())

    def step(self, epoch: float | None = None) -> None:
        """Set the learning rates of the next step, or of a point in time, which may be a fraction."""
        if epoch is not None:
            self._jump(epoch)
            return
        self.T_cur += 1
        if self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult
        self.last_epoch += 1
        self._apply(self.get_lr())


class OneCycleLR(LRScheduler):
    """Rise from max_lr / div_factor to ``max_lr``, then fall to a tiny learning rate; momentum goes the other way.

    Call ``step`` after every batch. Source: Smith and Topin 2018, "Super-convergence".

    Parameters
    ----------
    max_lr : the peak, one for all groups or one for each.
    total_steps : the length; or ``epochs`` times ``steps_per_epoch``.
    pct_start : the share of the steps spent rising.
    anneal_strategy : 'cos' or 'linear'.
    cycle_momentum, base_momentum, max_momentum : the momentum (or beta1) falls while the learning rate rises.
    div_factor, final_div_factor : the start is max_lr / div_factor, the end the start / final_div_factor.
    three_phase : fall back to the start as evenly as it rose, and to the end only then.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ArgumentError("OneCycleLR: the length is unknown; give total_steps, or epochs and steps_per_epoch")
        steps = epochs * steps_per_epoch if total_steps is None else total_steps  # type: ignore[operator]
        if steps < 1:
            raise ArgumentError(f"OneCycleLR: {steps} steps; give at least 1")
        if not 0 <= pct_start <= 1:
            raise ArgumentError(f"OneCycleLR: pct_start is {pct_start}; give a number from 0 to 1")
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"OneCycleLR: anneal_strategy is {anneal_strategy!r}; give 'cos' or 'linear'")
        self.total_steps, self.anneal_strategy, self.cycle_momentum = steps, anneal_strategy, cycle_momentum
        # each phase: its last step, and what goes from where to where
        rise = pct_start * steps - 1
        if three_phase:
            fall = 2 * pct_start * steps - 2
            self._phases = [(rise, "start", "peak"), (fall, "peak", "start"), (steps - 1, "start", "end")]
        else:
            self._phases = [(rise, "start", "peak"), (steps - 1, "peak", "end")]
        peaks = per_group("OneCycleLR: max_lr", optimizer, max_lr)
        low = per_group("OneCycleLR: base_momentum", optimizer, base_momentum)
        high = per_group("OneCycleLR: max_momentum", optimizer, max_momentum)
        self._marks: list[dict[str, float]] = []
        for i, group in enumerate(optimizer.param_groups):
            start = peaks[i] / div_factor
            if last_epoch == -1:
                group["initial_lr"] = start
                group["max_lr"], group["min_lr"] = peaks[i], start / final_div_factor
            self._marks.append({"start": start, "peak": peaks[i], "end": start / final_div_factor})
            if cycle_momentum and "momentum" not in group and "betas" not in group:
                raise ArgumentError("OneCycleLR: the optimizer has no momentum to cycle; give cycle_momentum=False")
        self._momenta = [{"start": h, "peak": b, "end": h} for b, h in zip(low, high)]
        super().__init__(optimizer, last_epoch)

    def _along(self, marks: dict[str, float], t: int) -> float:
        begin = 0.0
        for last, source, target in self._phases:
            if t <= last or last == self._phases[-1][0]:
                share = (t - begin) / (last - begin) if last > begin else 1.0
                if self.anneal_strategy == "cos":
                    share = (1 - math.cos(math.pi * share)) / 2
                return marks[source] + (marks[target] - marks[source]) * share
            begin = last
        return marks["end"]

    def at(self, i: int, t: int) -> float:
        return self._along(self._marks[i], t)

    def get_lr(self) -> list[float]:
        return [self.at(i, self.last_epoch) for i in range(len(self.base_lrs))]

    def _apply(self, values: Any) -> None:
        if self.last_epoch > self.total_steps:
            raise ArgumentError(
                f"OneCycleLR: step {self.last_epoch} of {self.total_steps}; give a larger total_steps, or stop stepping"
            )
        if self.cycle_momentum:
            for group, marks in zip(self.optimizer.param_groups, self._momenta):
                momentum = self._along(marks, self.last_epoch)
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
        super()._apply(values)
