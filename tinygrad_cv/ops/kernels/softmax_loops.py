"""Softmax and cross entropy in plain loops: what is meant. Scores come in rows, (N, K): one per class.

softmax      p_k = e^(x_k - m) / s,  s = sum_k e^(x_k - m),  m = max_k x_k
its log      x_k - m - ln s
loss         of a row with target t, weights w and smoothing e (Szegedy et al. 2016, section 7):
             (1 - e) w_t (-ln p_t) + e/K sum_k w_k (-ln p_k)
derivative   (1 - e) w_t (p_k - [k = t]) + e/K (p_k sum_j w_j - w_k)
"""

from __future__ import annotations

import math

import numpy as np

from ...typing import Array


def log_softmax(x: Array) -> Array:
    """Return ln of the softmax of each row."""
    y = np.empty_like(x)
    for i, row in enumerate(x):
        top = max(row)
        total = sum(math.exp(v - top) for v in row)
        for k, v in enumerate(row):
            y[i, k] = v - top - math.log(total)
    return y


def softmax(x: Array) -> Array:
    """Return the softmax of each row."""
    y = np.empty_like(x)
    for i, row in enumerate(x):
        top = max(row)
        total = sum(math.exp(v - top) for v in row)
        for k, v in enumerate(row):
            y[i, k] = math.exp(v - top) / total
    return y


def cross_entropy(
    x: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, label_smoothing: float = 0.0
) -> Array:
    """Return the loss of each row, (N,), 0 where the target is ``ignore_index``; dividing by sum w_t is left to do."""
    n, classes = x.shape
    logs, w = log_softmax(x), np.ones(classes) if weight is None else weight
    loss = np.zeros(n, x.dtype)
    for i, t in enumerate(target):
        if t != ignore_index:
            spread = sum(-w[k] * logs[i, k] for k in range(classes))
            loss[i] = -(1 - label_smoothing) * w[t] * logs[i, t] + label_smoothing / classes * spread
    return loss


def cross_entropy_grad(
    g: Array,
    x: Array,
    target: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """Return g_n times the derivative of row n's loss, (N, K); the softmax is computed again, not kept."""
    n, classes = x.shape
    p, w = softmax(x), np.ones(classes) if weight is None else weight
    gx = np.zeros_like(x)
    for i, k in np.ndindex(n, classes):
        t = target[i]
        if t != ignore_index:
            hit = (1 - label_smoothing) * w[t] * (p[i, k] - (k == t))
            gx[i, k] = g[i] * (hit + label_smoothing / classes * (p[i, k] * sum(w) - w[k]))
    return gx
