"""Optimiser updates in plain loops: what is meant, on lists of parameters p, gradients g and their running means.

SGD (PyTorch's form; Sutskever et al. 2013 for Nesterov's), with the first direction v = g:

    g <- (-g if maximize else g) + weight_decay p
    v <- momentum v + (1 - dampening) g            d = g + momentum v if nesterov else v
    p <- p - lr d

Adam (Kingma and Ba 2015, algorithm 1) at step t, and AdamW (Loshchilov and Hutter 2019) with ``decoupled``:

    p <- p - lr weight_decay p   if decoupled, else   g <- g + weight_decay p
    m <- m + (1 - beta1) (g - m)                   v <- beta2 v + (1 - beta2) g^2
    p <- p - lr / (1 - beta1^t)  m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
"""

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
    """Change ``params`` and ``buffers`` in place; ``started`` tells which buffers hold a direction already."""
    for k, (p, g) in enumerate(zip(params, grads, strict=True)):
        for i in np.ndindex(*p.shape):
            d = (-g[i] if maximize else g[i]) + weight_decay * p[i]
            if momentum:
                v = buffers[k]
                assert v is not None
                v[i] = momentum * v[i] + (1 - dampening) * d if started[k] else d
                d = d + momentum * v[i] if nesterov else v[i]
            p[i] -= lr * d


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
    """Change ``params``, ``means`` and ``squares`` in place; ``steps`` count from 1."""
    for p, g, m, v, t in zip(params, grads, means, squares, steps, strict=True):
        for i in np.ndindex(*p.shape):
            d = -g[i] if maximize else g[i]
            if decoupled:
                p[i] *= 1 - lr * weight_decay
            else:
                d = d + weight_decay * p[i]
            m[i] += (1 - beta1) * (d - m[i])
            v[i] = beta2 * v[i] + (1 - beta2) * d * d
            p[i] -= lr / (1 - beta1**t) * m[i] / (math.sqrt(v[i]) / math.sqrt(1 - beta2**t) + eps)
