"""Softmax and cross entropy, compiled: float32 rows (N, K), a run of rows for each thread.

A row is read for its maximum, then for the sum of e^(x - m), and written; it stays in the first cache throughout, so
memory is read once and written once. Cross entropy keeps only its loss: the gradient computes the softmax again and
writes it straight to its place, for an exponential costs less than a number's way to memory and back. Sums run along
the lanes of one vector and are added up in a fixed tree. See `softmax_loops` for the algebra.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, spread
from .memory import empty, flat
from .simd import LANES, load_first, maximum, splat, store_first, total, where_gt
from .simd_math import exp
from .simd_select import highest

GRAIN = 1 << 13
"""Elements that are worth another thread: each costs an exponential."""

_LANE = np.arange(LANES, dtype=np.float32)
_LEAST = np.float32(-np.inf)


@inline
def _load(x: Array, i: int, n: int, lane: Any) -> Any:
    """Return x[i:i+n], filled up with minus infinity, which neither wins a maximum nor adds to a sum."""
    return where_gt(splat(np.float32(n)), lane, load_first(x, i, n), splat(_LEAST))


@inline
def _top(x: Array, at: int, classes: int, lane: Any) -> Any:
    """Return the largest of a row, as a number that may be subtracted (0 where all are minus infinity)."""
    m = splat(_LEAST)
    for k in range(0, classes, LANES):
        m = maximum(_load(x, at + k, classes - k, lane), m)
    top = highest(m)
    return top if top > _LEAST else np.float32(0)


@inline
def _exps(x: Array, y: Array, at: int, classes: int, top: Any, lane: Any, keeps: bool, log: bool) -> Any:
    """Return the sum of e^(x - top) over a row, and keep the terms, or their exponents, in y."""
    s = splat(np.float32(0))
    for k in range(0, classes, LANES):
        d = _load(x, at + k, classes - k, lane) - splat(top)
        e = exp(d)
        s = s + e
        if keeps:
            store_first(y, at + k, d if log else e, classes - k)
    return total(s)


@spread
def _softmax(worker: int, workers: int, x: Array, y: Array, lanes: Array, rows: int, classes: int, log: bool) -> None:
    lane = load_first(lanes, 0, LANES)
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        at = row * classes
        top = _top(x, at, classes, lane)
        s = _exps(x, y, at, classes, top, lane, True, log)
        rest, scale = splat(np.float32(math.log(s))), splat(np.float32(1) / s)
        for k in range(0, classes, LANES):
            n = classes - k
            v = load_first(y, at + k, n)
            v = v - rest if log else v * scale
            store_first(y, at + k, v, n)


@spread
def _cross_entropy(
    worker: int, workers: int, x: Array, target: Array, weight: Array, loss: Array, lanes: Array, rows: int,
    classes: int, ignore: int, smooth: Any,
) -> None:  # fmt: skip
    lane = load_first(lanes, 0, LANES)
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        at, t = row * classes, target[row]
        if t == ignore:
            loss[row] = 0
            continue
        top = _top(x, at, classes, lane)
        rest = math.log(np.float64(_exps(x, x, at, classes, top, lane, False, False)))
        value = (1 - smooth) * weight[t] * (np.float64(top) - x[at + t] + rest)
        if smooth > 0:
            s = splat(np.float32(0))
            for k in range(0, classes, LANES):
                n = classes - k
                s = s + load_first(weight, k, n) * (splat(top) - load_first(x, at + k, n) + splat(np.float32(rest)))
            value += smooth / classes * total(s)
        loss[row] = value


@spread
def _cross_entropy_grad(
    worker: int, workers: int, g: Array, x: Array, target: Array, weight: Array, gx: Array, lanes: Array, rows: int,
    classes: int, ignore: int, smooth: Any, weights: Any,
) -> None:  # fmt: skip
    lane = load_first(lanes, 0, LANES)
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        at, t = row * classes, target[row]
        if t == ignore:
            for k in range(classes):
                gx[at + k] = 0
            continue
        s = _exps(x, gx, at, classes, _top(x, at, classes, lane), lane, True, False)
        hit = (1 - smooth) * weight[t]
        scale = splat(np.float32(g[row] * (hit + smooth * weights / classes) / s))
        share = splat(np.float32(g[row] * smooth / classes))
        for k in range(0, classes, LANES):
            n = classes - k
            store_first(gx, at + k, load_first(gx, at + k, n) * scale - load_first(weight, k, n) * share, n)
        gx[at + t] -= g[row] * hit


def _workers(x: Array) -> int:
    return max(1, min(get_num_threads(), len(x), x.size // GRAIN))


def _rows(x: Array, log: bool) -> Array:
    y = empty(x.shape)
    _softmax(_workers(x), flat(x), flat(y), _LANE, *x.shape, log)
    return y


def softmax(x: Array) -> Array:
    """See `softmax_loops.softmax`."""
    return _rows(x, False)


def log_softmax(x: Array) -> Array:
    """See `softmax_loops.log_softmax`."""
    return _rows(x, True)


def _weights(weight: Array | None, classes: int) -> Array:
    return np.ones(classes, np.float32) if weight is None else np.ascontiguousarray(weight, np.float32)


def _labels(target: Array) -> Array:
    return flat(np.ascontiguousarray(target, np.int64))


def cross_entropy(
    x: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, label_smoothing: float = 0.0
) -> Array:
    """See `softmax_loops.cross_entropy`."""
    loss = np.empty(len(x), np.float32)
    w = flat(_weights(weight, x.shape[1]))
    _cross_entropy(
        _workers(x), flat(x), _labels(target), w, loss, _LANE, *x.shape, ignore_index, float(label_smoothing)
    )
    return loss


def cross_entropy_grad(
    g: Array,
    x: Array,
    target: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Array:
    """See `softmax_loops.cross_entropy_grad`."""
    gx = empty(x.shape)
    w, smooth = flat(_weights(weight, x.shape[1])), float(label_smoothing)
    _cross_entropy_grad(
        _workers(x), flat(np.ascontiguousarray(g)), flat(x), _labels(target), w, flat(gx), _LANE, *x.shape,
        ignore_index, smooth, float(w.sum()),
    )  # fmt: skip
    return gx
