"""Softmax and cross entropy in plain loops: what is meant. Scores come in rows, (N, K): one per class.

softmax      p_k = e^(x_k - m) / s,  s = sum_k e^(x_k - m),  m = max_k x_k
its log      x_k - m - ln s
loss         of a row with target t and smoothing e (Szegedy et al. 2016, section 7):
             (1 - e) (-ln p_t) + e/K sum_k (-ln p_k)
derivative   p_k - (1 - e) [k = t] - e/K
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


def cross_entropy(x: Array, target: Array, label_smoothing: float = 0.0) -> tuple[Array, Array]:
    """Return the loss of each row, (N,), and the softmax, of which its derivative is made."""
    n, classes = x.shape
    logs, loss = log_softmax(x), np.zeros(n, x.dtype)
    for i, t in enumerate(target):
        spread = sum(-logs[i, k] for k in range(classes))
        loss[i] = -(1 - label_smoothing) * logs[i, t] + label_smoothing / classes * spread
    return loss, softmax(x)


def cross_entropy_grad(g: Array, p: Array, target: Array, label_smoothing: float = 0.0) -> Array:
    """Return g_n times the derivative of row n's loss, (N, K); p is the softmax."""
    n, classes = p.shape
    gx = np.zeros_like(p)
    for i, k in np.ndindex(n, classes):
        gx[i, k] = g[i] * (p[i, k] - (1 - label_smoothing) * (k == target[i]) - label_smoothing / classes)
    return gx
