"""Adam and those that follow from it: AdamW, NAdam. Adam's update of all parameters is one kernel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops.kernels.readings import pick
from ..tensors import Tensor
from ..typing import Array
from .optimizer import Group, Optimizer, arrays, gradients, zeros


class Adam(Optimizer):
    """p <- p - lr m' / (sqrt(v') + eps), with running means m of the gradient and v of its square.

    m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t) undo the start from zero (Kingma and Ba 2015, algorithm 1).

    Parameters
    ----------
    betas : how much of m and v stays at each step.
    eps : keeps the division finite.
    weight_decay : added to the gradient as weight_decay p; taken off p itself with ``decoupled_weight_decay``.
    amsgrad : divide by the largest v so far (Reddi, Kale and Kumar 2018).
    maximize : climb instead of descend.
    foreach, fused : accepted for PyTorch's sake; there is one way.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, {**defaults, "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay})

    def _update(self, group: Group, params: list[Tensor]) -> None:
        states = [self._state(p, _start) for p in params]
        for state in states:
            state["step"] += 1
        settings: dict[str, Any] = {
            "lr": float(group["lr"]),
            "beta1": float(group["betas"][0]),
            "beta2": float(group["betas"][1]),
            "eps": float(group["eps"]),
            "weight_decay": float(group["weight_decay"]),
            "decoupled": bool(group["decoupled_weight_decay"]),
        }
        means = [s["exp_avg"]._data for s in states]
        squares = [s["exp_avg_sq"]._data for s in states]
        steps = [s["step"] for s in states]
        if group["amsgrad"]:
            largest = [s.setdefault("max_exp_avg_sq", zeros(p))._data for p, s in zip(params, states)]
            descent = gradients(params, group["maximize"])
            _amsgrad(arrays(params), descent, means, squares, largest, steps, **settings)
        else:
            update = pick("adam_update", params[0].dtype)
            maximize = bool(group["maximize"])
            update(arrays(params), gradients(params), means, squares, steps, maximize=maximize, **settings)


class AdamW(Adam):
    """Adam whose weight decay shrinks p by the factor 1 - lr weight_decay, apart from the gradient.

    Source: Loshchilov and Hutter 2019.

    ``betas``, ``eps``, ``amsgrad`` and ``maximize`` as in `Adam`.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)


class NAdam(Optimizer):
    """Adam with Nesterov's momentum: the step already counts the coming decay of m (Dozat 2016).

    The momentum mu[t] = beta1 (1 - 0.96^(t momentum_decay) / 2) grows towards beta1.

    ``lr``, ``betas``, ``eps``, ``weight_decay``, ``decoupled_weight_decay`` and ``maximize`` as in `Adam`.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        more = {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, {**defaults, **more, "maximize": maximize})

    def _check_settings(self, group: Group) -> None:
        super()._check_settings(group)
        self._at_least_0(group, "momentum_decay")

    def _update(self, group: Group, params: list[Tensor]) -> None:
        beta1, beta2 = group["betas"]
        lr, decay = float(group["lr"]), group["weight_decay"]
        for p, g in zip(params, gradients(params, group["maximize"])):
            state = self._state(p, lambda p: {**_start(p), "mu_product": 1.0})
            x = p._data
            if decay != 0 and group["decoupled_weight_decay"]:
                x *= 1 - lr * decay
            elif decay != 0:
                g = g + decay * x
            t = state["step"] = state["step"] + 1
            m, v = state["exp_avg"]._data, state["exp_avg_sq"]._data
            m += (1 - beta1) * (g - m)
            v *= beta2
            v += (1 - beta2) * g * g
            mu = beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))
            following = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * group["momentum_decay"]))
            product = state["mu_product"] = state["mu_product"] * mu
            scale = np.sqrt(v / (1 - beta2**t)) + group["eps"]
            x -= (lr * (1 - mu) / (1 - product)) * g / scale
            x -= (lr * following / (1 - product * following)) * m / scale


def _start(p: Tensor) -> dict[str, Any]:
    return {"step": 0, "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}


def _amsgrad(
    params: list[Array],
    grads: list[Array],
    means: list[Array],
    squares: list[Array],
    largest: list[Array],
    steps: list[int],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    """Adam's update with the largest v so far in the place of v; arrays change in place, ``steps`` count from 1."""
    for p, g, m, v, top, t in zip(params, grads, means, squares, largest, steps):
        if weight_decay != 0 and decoupled:
            p *= 1 - lr * weight_decay
        elif weight_decay != 0:
            g = g + weight_decay * p
        m += (1 - beta1) * (g - m)
        v *= beta2
        v += (1 - beta2) * g * g
        np.maximum(top, v, out=top)
        scale = np.sqrt(top)
        scale /= math.sqrt(1 - beta2**t)
        scale += eps
        p -= (lr / (1 - beta1**t)) * (m / scale)
