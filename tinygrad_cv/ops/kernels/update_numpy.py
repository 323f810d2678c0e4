"""Optimiser updates in array expressions, parameter by parameter; the formulas stand in `update_loops`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...typing import Array


def sgd_update(
    params: Sequence[Array],
    grads: Sequence[Array],
    buffers: Sequence[Array | None],
    started: Sequence[bool],
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> None:
    """See `update_loops.sgd_update`."""
    for k, (p, g) in enumerate(zip(params, grads, strict=True)):
        g = -g if maximize else g
        if weight_decay:
            g = g + weight_decay * p
        v = buffers[k] if momentum else None
        if v is not None:
            if started[k]:
                v *= momentum
                v += (1 - dampening) * g
            else:
                v[...] = g
            g = g + momentum * v if nesterov else v
        p -= lr * g


def adam_update(
    params: Sequence[Array],
    grads: Sequence[Array],
    means: Sequence[Array],
    squares: Sequence[Array],
    steps: Sequence[int],
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    maximize: bool = False,
) -> None:
    """See `update_loops.adam_update`."""
    for p, g, m, v, t in zip(params, grads, means, squares, steps, strict=True):
        g = -g if maximize else g
        if decoupled:
            p *= 1 - lr * weight_decay
        elif weight_decay:
            g = g + weight_decay * p
        m += (1 - beta1) * (g - m)
        v *= beta2
        v += (1 - beta2) * g * g
        p -= lr / (1 - beta1**t) * m / (np.sqrt(v) / math.sqrt(1 - beta2**t) + eps)
