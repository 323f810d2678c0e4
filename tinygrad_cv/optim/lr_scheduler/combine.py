"""Schedules made of schedules: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ...ops.errors import ArgumentError
from ..optimizer import Optimizer
from .base import LRScheduler
from .decay import ConstantLR, LinearLR
from .plateau import ReduceLROnPlateau


class _Combined(LRScheduler):
    _schedulers: list[LRScheduler]

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer) -> None:
        name = type(self).__name__
        for i, scheduler in enumerate(schedulers):
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ArgumentError(
                    f"{name}: scheduler {i} is ReduceLROnPlateau, whose step needs a metric; step it by itself"
                )
            if scheduler.optimizer is not optimizer:
                raise ArgumentError(
                    f"{name}: scheduler {i} belongs to another optimizer; give schedulers of one optimizer"
                )
        self.optimizer, self._schedulers = optimizer, list(schedulers)

    def _no_jump(self, epoch: int | None) -> None:
        if epoch is not None:
            raise ArgumentError(
                f"{type(self).__name__}: step({epoch}) cannot jump to an epoch; call step() once for every step"
            )

    def state_dict(self) -> dict[str, Any]:
        own = {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "_schedulers")}
        return {**own, "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"]):
            scheduler.load_state_dict(state)


class SequentialLR(_Combined):
    """One schedule after another: schedule i begins, at its own step 0, after ``milestones[i - 1]`` steps.

    ``schedulers`` act on one optimiser; there is one milestone less than schedules.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR: {len(milestones)} milestones for {len(schedulers)} schedulers; "
                f"give one milestone between each two schedulers"
            )
        self._take(schedulers, optimizer)
        self._milestones = list(milestones)
        self._jump(0)
        self.last_epoch = last_epoch + 1

    def _jump(self, t: int) -> None:
        self.last_epoch = t
        i = bisect_right(self._milestones, t)
        self._schedulers[i]._jump(t - (self._milestones[i - 1] if i else 0))
        self._last_lr = self._schedulers[i].get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        self._no_jump(epoch)
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i and self._milestones[i - 1] == self.last_epoch:
            scheduler._jump(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class LinearWarmup(SequentialLR):
    """Rise evenly from ``start_factor`` of the learning rate to all of it, then follow the schedule ``after``.

    The rise takes ``total_iters`` steps; without ``after`` the learning rate then stays. Source: Goyal et al. 2017,
    section 2.2.
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int, after: LRScheduler | None = None, start_factor: float = 0.01
    ) -> None:
        if total_iters < 1:
            raise ArgumentError(f"LinearWarmup: total_iters is {total_iters}; give at least 1")
        rise = LinearLR(optimizer, start_factor, 1.0, total_iters)
        rest = ConstantLR(optimizer, 1.0, 0) if after is None else after
        super().__init__(optimizer, [rise, rest], [total_iters])


class ChainedScheduler(_Combined):
    """Several schedules at once: each changes what the one before it has set.

    ``schedulers`` act on one optimiser.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ArgumentError("ChainedScheduler: no schedulers were given; give at least one")
        self._take(schedulers, schedulers[0].optimizer if optimizer is None else optimizer)
        self._last_lr = [float(group["lr"]) for group in self.optimizer.param_groups]

    def step(self, epoch: int | None = None) -> None:
        self._no_jump(epoch)
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = [float(group["lr"]) for group in self.optimizer.param_groups]
