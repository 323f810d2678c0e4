"""Optimisers that scale each element's step by the gradients it has seen: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensors import Tensor
from .optimizer import Group, Optimizer, gradients, zeros


class RMSprop(Optimizer):
    """p <- p - lr g / (sqrt(v) + eps), v the running mean of g^2 (Tieleman and Hinton 2012, lecture 6.5).

    ``weight_decay`` times p is added to g; ``maximize`` climbs instead of descending.

    Parameters
    ----------
    alpha : how much of v stays at each step.
    momentum : how much of the last step stays.
    centered : divide by the standard deviation of g instead, v - (mean of g)^2 (Graves 2013).
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, {**defaults, "centered": centered, "maximize": maximize})

    def _check_settings(self, group: Group) -> None:
        super()._check_settings(group)
        self._at_least_0(group, "alpha")

    def _update(self, group: Group, params: list[Tensor]) -> None:
        lr, alpha, momentum = float(group["lr"]), group["alpha"], group["momentum"]
        for p, g in zip(params, gradients(params, group["maximize"])):
            state = self._state(p, lambda p: {"step": 0, "square_avg": zeros(p)})
            state["step"] += 1
            x, v = p._data, state["square_avg"]._data
            if group["weight_decay"] != 0:
                g = g + group["weight_decay"] * x
            v *= alpha
            v += (1 - alpha) * g * g
            if group["centered"]:
                mean = state.setdefault("grad_avg", zeros(p))._data
                mean += (1 - alpha) * (g - mean)
                scale = np.sqrt(v - mean * mean)
            else:
                scale = np.sqrt(v)
            scale += group["eps"]
            if momentum > 0:
                buffer = state.setdefault("momentum_buffer", zeros(p))._data
                buffer *= momentum
                buffer += g / scale
                x -= lr * buffer
            else:
                x -= lr * (g / scale)


class Adagrad(Optimizer):
    """p <- p - lr[t] g / (sqrt(sum of all g^2) + eps), lr[t] = lr / (1 + (t - 1) lr_decay) (Duchi et al. 2011).

    The sum starts at ``initial_accumulator_value``; ``weight_decay`` times p is added to g; ``maximize`` climbs.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps}
        more = {"initial_accumulator_value": initial_accumulator_value, "maximize": maximize}
        super().__init__(params, {**defaults, **more})

    def _check_settings(self, group: Group) -> None:
        super()._check_settings(group)
        self._at_least_0(group, "lr_decay", "initial_accumulator_value")

    def _update(self, group: Group, params: list[Tensor]) -> None:
        first = group["initial_accumulator_value"]
        for p, g in zip(params, gradients(params, group["maximize"])):
            state = self._state(p, lambda p: {"step": 0, "sum": Tensor(np.full_like(p._data, first))})
            state["step"] += 1
            x, total = p._data, state["sum"]._data
            if group["weight_decay"] != 0:
                g = g + group["weight_decay"] * x
            total += g * g
            lr = float(group["lr"]) / (1 + (state["step"] - 1) * group["lr_decay"])
            x -= lr * (g / (np.sqrt(total) + group["eps"]))


class Adadelta(Optimizer):
    """p <- p - lr d, d = g sqrt(u + eps) / sqrt(v + eps), v and u the running means of g^2 and d^2 (Zeiler 2012).

    ``rho`` is how much of u and v stays at each step, ``weight_decay`` times p is added to g; ``maximize`` climbs.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def _check_settings(self, group: Group) -> None:
        super()._check_settings(group)
        self._fraction(group, "rho")

    def _update(self, group: Group, params: list[Tensor]) -> None:
        rho, eps = group["rho"], group["eps"]
        for p, g in zip(params, gradients(params, group["maximize"])):
            state = self._state(p, lambda p: {"step": 0, "square_avg": zeros(p), "acc_delta": zeros(p)})
            state["step"] += 1
            x, v, u = p._data, state["square_avg"]._data, state["acc_delta"]._data
            if group["weight_decay"] != 0:
                g = g + group["weight_decay"] * x
            v *= rho
            v += (1 - rho) * g * g
            delta = np.sqrt(u + eps)
            delta /= np.sqrt(v + eps)
            delta *= g
            u *= rho
            u += (1 - rho) * delta * delta
            x -= float(group["lr"]) * delta
