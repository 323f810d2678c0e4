"""Softmax and cross entropy in array expressions; the algebra stands in `softmax_loops`."""

from __future__ import annotations

import numpy as np

from ...typing import Array


def _shifted(x: Array) -> Array:
    return x - x.max(1, keepdims=True) if x.size else x.copy()


def softmax(x: Array) -> Array:
    """See `softmax_loops.softmax`."""
    y = _shifted(x)
    np.exp(y, out=y)
    y /= y.sum(1, keepdims=True)
    return y


def log_softmax(x: Array) -> Array:
    """See `softmax_loops.log_softmax`."""
    y = _shifted(x)
    y -= np.log(np.exp(y).sum(1, keepdims=True))
    return y


def _targets(target: Array, ignore_index: int) -> tuple[Array, Array]:
    """Return which rows count, and a class for each row that does not lead astray."""
    counts = target != ignore_index
    return counts, np.where(counts, target, 0)


def cross_entropy(
    x: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, label_smoothing: float = 0.0
) -> Array:
    """See `softmax_loops.cross_entropy`."""
    logs = log_softmax(x)
    counts, t = _targets(target, ignore_index)
    w = np.ones(x.shape[1], x.dtype) if weight is None else weight
    loss = -(1 - label_smoothing) * w[t] * logs[np.arange(len(x)), t]
    if label_smoothing:
        loss -= label_smoothing / x.shape[1] * (logs @ w)
    return np.where(counts, loss, 0).astype(x.dtype, copy=False)


def cross_entropy_grad(
    g: Array,
    x: Array,
    target: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """See `softmax_loops.cross_entropy_grad`."""
    gx = softmax(x)
    counts, t = _targets(target, ignore_index)
    w = np.ones(x.shape[1], x.dtype) if weight is None else weight
    hit = (1 - label_smoothing) * w[t]
    gx *= (hit + label_smoothing / x.shape[1] * w.sum())[:, None]
    gx[np.arange(len(x)), t] -= hit
    if label_smoothing:
        gx -= label_smoothing / x.shape[1] * w
    gx *= np.where(counts, g, 0)[:, None]
    return gx.astype(x.dtype, copy=False)
