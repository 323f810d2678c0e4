"""Schedules that follow a formula of the step."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable

from ...ops.errors import ArgumentError
from ..optimizer import Optimizer
from .base import LRScheduler, per_group


class LambdaLR(LRScheduler):
    """lr(t) = base * lr_lambda(t); one function, or one for each group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas = per_group("LambdaLR: lr_lambda", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def at(self, i: int, t: int) -> float:
        return self.base_lrs[i] * float(self.lr_lambdas[i](t))

    def get_lr(self) -> list[float]:
        return [self.at(i, self.last_epoch) for i in range(len(self.base_lrs))]


class StepLR(LRScheduler):
    """Multiply by ``gamma`` every ``step_size`` steps.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> from tinygrad_cv.optim import SGD
    >>> schedule = StepLR(SGD([tg.zeros(1, requires_grad=True)], lr=1.0), step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if step_size < 1:
            raise ArgumentError(f"StepLR: step_size is {step_size}; give at least 1")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def share(self, t: int) -> float:
        return float(self.gamma ** (t // self.step_size))


class MultiStepLR(LRScheduler):
    """Multiply by ``gamma`` at each of the ``milestones``; at one given twice, twice."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if not isinstance(milestones, Iterable):
            raise ArgumentError(f"MultiStepLR: milestones is {milestones!r}; give the epochs as a list")
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def share(self, t: int) -> float:
        return float(self.gamma ** bisect_right(self.milestones, t))


class ExponentialLR(LRScheduler):
    """Multiply by ``gamma`` at every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def share(self, t: int) -> float:
        return float(self.gamma**t)


class ConstantLR(LRScheduler):
    """Multiply by ``factor`` for the first ``total_iters`` steps."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise ArgumentError(f"ConstantLR: factor is {factor}; give a number from 0 to 1")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def share(self, t: int) -> float:
        return self.factor if t < self.total_iters else 1.0


class LinearLR(LRScheduler):
    """Multiply by a factor that goes evenly from ``start_factor`` to ``end_factor`` in ``total_iters`` steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ArgumentError(f"LinearLR: start_factor is {start_factor}; give a number above 0, up to 1")
        if not 0 <= end_factor <= 1:
            raise ArgumentError(f"LinearLR: end_factor is {end_factor}; give a number from 0 to 1")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def share(self, t: int) -> float:
        if t >= self.total_iters:
            return self.end_factor
        return self.start_factor + (self.end_factor - self.start_factor) * t / self.total_iters


class PolynomialLR(LRScheduler):
    """lr(t) = base (1 - t / total_iters)^power, and 0 from then on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        if total_iters < 1:
            raise ArgumentError(f"PolynomialLR: total_iters is {total_iters}; give at least 1")
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def share(self, t: int) -> float:
        return float((1.0 - min(t, self.total_iters) / self.total_iters) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """Half a period of a cosine from base to ``eta_min`` in ``T_max`` steps; after that it rises again.

    Source: Loshchilov and Hutter 2017, "SGDR", equation 5, without the restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_max < 1:
            raise ArgumentError(f"CosineAnnealingLR: T_max is {T_max}; give at least 1")
        self.T_max, self.eta_min = T_max, eta_min
        self.floor = eta_min
        super().__init__(optimizer, last_epoch)

    def share(self, t: int) -> float:
        return (1 + math.cos(math.pi * t / self.T_max)) / 2
