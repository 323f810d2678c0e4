"""Optimisers whose step has a fixed size: Lion takes signs of elements, Muon orthogonal matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops.errors import ArgumentError, ShapeError
from ..tensors import Tensor
from ..typing import Array
from .optimizer import Group, Optimizer, gradients, zeros


class Lion(Optimizer):
    """p <- p - lr (sign(beta1 m + (1 - beta1) g) + weight_decay p), then m <- beta2 m + (1 - beta2) g.

    Every element moves by lr: take a learning rate three to ten times smaller than for AdamW, and a weight decay as
    much larger (Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2).

    ``betas`` are beta1 and beta2; ``maximize`` climbs instead of descending.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize})

    def _update(self, group: Group, params: list[Tensor]) -> None:
        beta1, beta2 = group["betas"]
        lr = float(group["lr"])
        for p, g in zip(params, gradients(params, group["maximize"])):
            state = self._state(p, lambda p: {"exp_avg": zeros(p)})
            x, m = p._data, state["exp_avg"]._data
            direction = np.sign(m + (1 - beta1) * (g - m))
            x *= 1 - lr * group["weight_decay"]
            x -= lr * direction
            m += (1 - beta2) * (g - m)


class Muon(Optimizer):
    """Momentum whose matrix is replaced by the nearest orthogonal one: all directions are learned at one speed.

    m <- momentum m + (1 - momentum) g;  p <- (1 - lr weight_decay) p - lr' orthogonal(m), where with ``nesterov``
    g mixed with m takes the place of m.

    Parameters
    ----------
    params : of two or more dimensions; filters (OC, C, KH, KW) are taken as matrices (OC, C*KH*KW). Give biases,
        norms and the last layer to another optimiser.
    ns_coefficients, ns_steps : of the iteration in `orthogonalised`.
    unit_filters : before each step, scale the matrix to the Frobenius norm sqrt(rows). For filters before a norm, whose
        scale means nothing, a step then always turns by the same angle (K. Jordan's airbench, 2024).
    adjust_lr_fn : scale lr by sqrt(max(1, rows/columns)) ('original') or 0.2 sqrt(max(rows, columns))
        ('match_rms_adamw').

    Notes
    -----
    The iteration runs in float32 (PyTorch's in bfloat16), so steps agree to about two digits with PyTorch's.
    Source: Jordan 2024, "Muon: an optimizer for hidden layers in neural networks"; Liu et al. 2025, arXiv 2502.16982.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        unit_filters: bool = False,
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        more = {"ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn}
        more["unit_filters"] = unit_filters
        super().__init__(params, {**defaults, **more})

    def _check_parameter(self, i: int, p: Tensor) -> None:
        if p.ndim < 2:
            raise ShapeError(
                f"Muon: parameter {i} has shape {p.shape}, which is no matrix; "
                f"give it to another optimiser, such as AdamW"
            )

    def _check_settings(self, group: Group) -> None:
        super()._check_settings(group)
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ArgumentError(
                f"Muon: adjust_lr_fn is {group['adjust_lr_fn']!r}; give 'original' or 'match_rms_adamw'"
            )

    def _update(self, group: Group, params: list[Tensor]) -> None:
        lr, momentum = float(group["lr"]), group["momentum"]
        for p, g in zip(params, gradients(params)):
            state = self._state(p, lambda p: {"momentum_buffer": zeros(p)})
            x, m = p._data, state["momentum_buffer"]._data
            m += (1 - momentum) * (g - m)
            direction = g + momentum * (m - g) if group["nesterov"] else m
            matrix = direction.reshape(x.shape[0], -1)
            rows, columns = matrix.shape
            step = orthogonalised(matrix, group["ns_coefficients"], group["ns_steps"], group["eps"])
            if group["adjust_lr_fn"] == "match_rms_adamw":
                size = 0.2 * math.sqrt(max(rows, columns))
            else:
                size = math.sqrt(max(1, rows / columns))
            if group["unit_filters"]:
                x *= math.sqrt(rows) / max(float(np.linalg.norm(x)), group["eps"])
            x *= 1 - lr * group["weight_decay"]
            x -= (lr * size) * step.reshape(x.shape)


def orthogonalised(
    matrix: Array,
    coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
    steps: int = 5,
    eps: float = 1e-7,
) -> Array:
    """Return a matrix with the same singular vectors and singular values near 1 (between about 0.7 and 1.2).

    Newton-Schulz iteration X <- a X + (b A + c A^2) X, A = X X^T, an odd polynomial applied to every singular value.
    Its coefficients are chosen for a steep slope at zero, so that five steps suffice, not for convergence to 1.
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / max(float(np.linalg.norm(x)), eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x
