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


def cross_entropy(x: Array, target: Array, label_smoothing: float = 0.0) -> tuple[Array, Array]:
    """See `softmax_loops.cross_entropy`."""
    logs = log_softmax(x)
    loss = -(1 - label_smoothing) * logs[np.arange(len(x)), target]
    if label_smoothing:
        loss -= label_smoothing * logs.mean(1)
    return loss.astype(x.dtype, copy=False), np.exp(logs)


def cross_entropy_grad(g: Array, p: Array, target: Array, label_smoothing: float = 0.0) -> Array:
    """See `softmax_loops.cross_entropy_grad`."""
    gx = p - label_smoothing / p.shape[1] if label_smoothing else p.copy()
    gx[np.arange(len(p)), target] -= 1 - label_smoothing
    gx *= g[:, None]
    return gx.astype(p.dtype, copy=False)
