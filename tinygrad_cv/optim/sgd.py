"""Stochastic gradient descent. The update of all parameters is one kernel; its formula stands in `update_loops`."""

from __future__ import annotations

from typing import Any

from ..ops.errors import ArgumentError
from ..ops.kernels.readings import pick
from ..tensors import Tensor
from ..typing import Array
from .optimizer import Group, Optimizer, arrays, gradients, zeros


class SGD(Optimizer):
    """p <- p - lr v, with v <- momentum v + (1 - dampening) (g + weight_decay p); v starts as the first gradient.

    Parameters
    ----------
    lr : the learning rate.
    momentum : how much of the last direction stays (Polyak 1964); 0 for plain descent.
    dampening : how much of the new gradient is left out of the direction.
    weight_decay : pull towards zero, as if weight_decay/2 |p|^2 were part of the loss.
    nesterov : step along g + momentum v (Sutskever et al. 2013).
    maximize : climb instead of descend.
    foreach, fused : accepted for PyTorch's sake; there is one way.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "nesterov": nesterov, "maximize": maximize})

    def _check_settings(self, group: Group) -> None:
        super()._check_settings(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ArgumentError(
                f"SGD: nesterov needs momentum above 0 and dampening 0; "
                f"they are {group['momentum']} and {group['dampening']}"
            )

    def _update(self, group: Group, params: list[Tensor]) -> None:
        buffers: list[Array] = []
        started: list[bool] = []
        if group["momentum"] != 0:
            for p in params:
                state = self.state.setdefault(p, {})
                started.append(state.get("momentum_buffer") is not None)
                if not started[-1]:
                    state["momentum_buffer"] = zeros(p)
                buffers.append(state["momentum_buffer"]._data)
        pick("sgd_update", params[0].dtype)(
            arrays(params),
            gradients(params),
            buffers,
            started,
            lr=float(group["lr"]),
            momentum=float(group["momentum"]),
            dampening=float(group["dampening"]),
            weight_decay=float(group["weight_decay"]),
            nesterov=bool(group["nesterov"]),
            maximize=bool(group["maximize"]),
        )
