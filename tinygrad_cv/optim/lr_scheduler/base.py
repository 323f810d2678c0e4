"""What schedules share. Most have the form

    lr(t) = floor + (base - floor) * share(t)

with the learning rate ``base`` that the group began with, and the count ``t`` of steps. As long as nobody else
changes the learning rate, it is computed from this form, so that no error accumulates. If somebody does (another
schedule on the same optimiser, or the user), the step is taken relative to the present value instead, as PyTorch does:

    lr <- floor + (lr - floor) * share(t) / share(t - 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...ops.errors import ArgumentError, DTypeError
from ..optimizer import Optimizer


class LRScheduler:
    """Base of the schedules: override ``share`` (and ``floor``), or ``get_lr`` and ``at``.

    Parameters
    ----------
    optimizer : whose groups' learning rates are set, at once and at every ``step``.
    last_epoch : the steps already taken, minus 1: -1 to begin; the groups must know their ``initial_lr`` otherwise.

    Attributes
    ----------
    base_lrs : the learning rates that the groups began with.
    last_epoch : the steps taken.
    """

    floor: float = 0.0

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        name = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise DTypeError(f"{name}: the first argument is a {type(optimizer).__name__}; give an optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise ArgumentError(
                    f"{name}: last_epoch is {last_epoch}, but group {i} has no initial_lr; "
                    f"load the optimizer's state first, or give last_epoch=-1"
                )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch: int = last_epoch + 1
        self._last_lr: list[float] = []
        if last_epoch == -1:
            self._apply(self.get_lr())
        else:
            self._jump(self.last_epoch)

    def share(self, t: int) -> float:
        """Return the share of the base learning rate at step ``t``."""
        raise TypeError(f"{type(self).__name__} defines neither share nor get_lr")

    def at(self, i: int, t: int) -> float:
        """Return the learning rate of group ``i`` at step ``t``."""
        return self.floor + (self.base_lrs[i] - self.floor) * self.share(t)

    def get_lr(self) -> list[float]:
        """Return the learning rates for the step that ``last_epoch`` counts."""
        present = [float(group["lr"]) for group in self.optimizer.param_groups]
        return [self._following(i, lr, self.last_epoch) for i, lr in enumerate(present)]

    def _following(self, i: int, lr: float, t: int) -> float:
        if t == 0:
            return self.floor + (lr - self.floor) * self.share(0)
        if lr == self.at(i, t - 1):
            return self.at(i, t)
        before, now = self.share(t - 1), self.share(t)
        if now == before:
            return lr
        if abs(before) < 1e-12:
            return lr + (self.base_lrs[i] - self.floor) * (now - before)
        return self.floor + (lr - self.floor) * (now / before)

    def _apply(self, values: Sequence[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values):
            group["lr"] = lr
        self._last_lr = list(values)

    def _jump(self, t: int) -> None:
        """Go to step ``t``, whatever the present learning rates."""
        self.last_epoch = t
        self._apply([self.at(i, t) for i in range(len(self.base_lrs))])

    def step(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next step, or of step ``epoch``. Call it after the optimizer's step."""
        if epoch is not None:
            self._jump(epoch)
        else:
            self.last_epoch += 1
            self._apply(self.get_lr())

    def get_last_lr(self) -> list[float]:
        """Return the learning rates that were set last, one for each group."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain values; functions and the optimizer are left out."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer" and not _holds_functions(v)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what ``state_dict`` returned."""
        self.__dict__.update(state_dict)


def _holds_functions(value: Any) -> bool:
    return callable(value) or (isinstance(value, list) and any(callable(v) for v in value))


def per_group(what: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Read one value for all groups, or a list with one for each."""
    n = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * n
    if len(value) != n:
        raise ArgumentError(f"{what}: {len(value)} values for {n} parameter groups; give one for each, or a single one")
    return list(value)
