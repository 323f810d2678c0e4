"""Softmax and cross entropy, compiled: float32 rows (N, K), a run of rows for each thread.

A row is read for its maximum, then for the sum of e^(x - m), and written; it stays in the first cache throughout, so
memory is read once and written once. Cross entropy keeps the softmax beside its loss, as many numbers as there are
scores: its gradient is then one multiplication a number (computing the exponentials again took as long as the whole
forward pass: 0.25 ns a number, and a number's way to memory and back 0.1). Sums run along the lanes of one vector and
are added up in a fixed tree. See `softmax_loops` for the algebra.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...typing import Array
from .jit import get_num_threads, inline, spread
from .memory import empty, flat
from .simd import LANES, fma, load_first, maximum, splat, store_first, total, where_gt
from .simd_math import exp
from .simd_select import highest

GRAIN = 1 << 12
"""Elements that are worth another thread: each costs an exponential."""

_LANE = np.arange(LANES, dtype=np.float32)
_LEAST = np.float32(-np.inf)


@inline
def _tail(x: Array, i: int, n: int, lane: Any) -> Any:
    """Return x[i:i+n], filled up with minus infinity, which neither wins a maximum nor adds to a sum."""
    return where_gt(splat(np.float32(n)), lane, load_first(x, i, n), splat(_LEAST))


@inline
def _top(x: Array, at: int, classes: int, lane: Any) -> Any:
    """Return the largest of a row, as a number that may be subtracted (0 where all are minus infinity)."""
    whole = classes // LANES * LANES
    m = splat(_LEAST)
    for k in range(0, whole, LANES):
        m = maximum(load_first(x, at + k, LANES), m)
    if whole < classes:
        m = maximum(_tail(x, at + whole, classes - whole, lane), m)
    top = highest(m)
    return top if top > _LEAST else np.float32(0)


@inline
def _exps(x: Array, y: Array, at: int, classes: int, top: Any, lane: Any, log: bool) -> Any:
    """Return the sum of e^(x - top) over a row, and keep the terms, or their exponents, in y."""
    whole = classes // LANES * LANES
    s = splat(np.float32(0))
    for k in range(0, whole, LANES):
        d = load_first(x, at + k, LANES) - splat(top)
        e = exp(d)
        s = s + e
        store_first(y, at + k, d if log else e, LANES)
    if whole < classes:
        d = _tail(x, at + whole, classes - whole, lane) - splat(top)
        e = exp(d)
        s = s + e
        store_first(y, at + whole, d if log else e, classes - whole)
    return total(s)


@inline
def _affine(x: Array, y: Array, at: int, classes: int, scale: Any, shift: Any) -> None:
    """y = scale x + shift over a row."""
    whole = classes // LANES * LANES
    for k in range(at, at + whole, LANES):
        store_first(y, k, fma(load_first(x, k, LANES), splat(scale), splat(shift)), LANES)
    if whole < classes:
        n = classes - whole
        store_first(y, at + whole, fma(load_first(x, at + whole, n), splat(scale), splat(shift)), n)


@spread
def _softmax(worker: int, workers: int, x: Array, y: Array, lanes: Array, rows: int, classes: int, log: bool) -> None:
    lane = load_first(lanes, 0, LANES)
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        at = row * classes
        s = _exps(x, y, at, classes, _top(x, at, classes, lane), lane, log)
        scale, shift = np.float32(1 if log else 1 / s), np.float32(-math.log(s) if log else 0)
        _affine(y, y, at, classes, scale, shift)


@spread
def _cross_entropy(
    worker: int, workers: int, x: Array, target: Array, loss: Array, p: Array, lanes: Array, rows: int, classes: int,
    smooth: Any,
) -> None:  # fmt: skip
    lane = load_first(lanes, 0, LANES)
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        at = row * classes
        top = _top(x, at, classes, lane)
        s = _exps(x, p, at, classes, top, lane, False)
        _affine(p, p, at, classes, np.float32(1 / s), np.float32(0))
        peak = np.float64(top) + math.log(np.float64(s))
        value = (1 - smooth) * (peak - x[at + target[row]])
        if smooth > 0:
            rest = 0.0
            for k in range(classes):
                rest += peak - x[at + k]
            value += smooth / classes * rest
        loss[row] = value


@spread
def _cross_entropy_grad(
    worker: int, workers: int, g: Array, p: Array, target: Array, gx: Array, rows: int, classes: int, smooth: Any
) -> None:
    for row in range(worker * rows // workers, (worker + 1) * rows // workers):
        at, by = row * classes, np.float64(g[row])
        _affine(p, gx, at, classes, g[row], np.float32(-by * smooth / classes))
        gx[at + target[row]] -= by * (1 - smooth)


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


def cross_entropy(x: Array, target: Array, label_smoothing: float = 0.0) -> tuple[Array, Array]:
    """See `softmax_loops.cross_entropy`."""
    loss, p = np.empty(len(x), np.float32), empty(x.shape)
    labels = flat(np.ascontiguousarray(target, np.int64))
    _cross_entropy(_workers(x), flat(x), labels, loss, flat(p), _LANE, *x.shape, float(label_smoothing))
    return loss, p


def cross_entropy_grad(g: Array, p: Array, target: Array, label_smoothing: float = 0.0) -> Array:
    """See `softmax_loops.cross_entropy_grad`."""
    gx = empty(p.shape)
    rows, labels = flat(np.ascontiguousarray(g)), flat(np.ascontiguousarray(target, np.int64))
    _cross_entropy_grad(_workers(p), rows, flat(p), labels, flat(gx), *p.shape, float(label_smoothing))
    return gx
