"""Optimiser updates, compiled: all parameters of a group in one launch.

A network has many small parameters, and a launch each would cost more than the arithmetic. So the arrays are listed
by their addresses, and all are reached through the lowest of them. Each thread takes the same share of all elements,
wherever that begins and ends. Every element is computed alone, so the bits do not depend on the shares. (Copying
parameters into one long array instead would need every other user of them to follow, and gradients to be copied at
each step.)

A gradient that lies in another order of memory than its parameter is first copied into that order.

Where a step has little to compute, Python is what takes time: for the 58 parameters of ResNet-20 it was 117 us of 151,
most of it for asking NumPy where gradients lie and for filling tables number by number; now it is 38.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_ssize_t
from typing import Any
from weakref import ref

import numpy as np

from ...typing import Array
from . import update_numpy
from .jit import get_num_threads, inline, spread
from .memory import FLOAT32, flat
from .simd import LANES, MODE, fma, load_first, splat, sqrt, store_first

GRAIN = 1 << 13
"""Elements that are worth another thread."""


@inline
def _sgd(
    base: Array, p: int, g: int, v: int, i: int, n: int, old: Any, new: Any, lr: Any, momentum: Any, sign: Any,
    decay: Any, keeps: bool, nesterov: bool,
) -> None:  # fmt: skip
    value = load_first(base, p + i, n)
    d = fma(value, splat(decay), load_first(base, g + i, n) * splat(sign))
    if keeps:
        held = fma(load_first(base, v + i, n), splat(old), d * splat(new))
        store_first(base, v + i, held, n)
        d = fma(held, splat(momentum), d) if nesterov else held
    store_first(base, p + i, fma(d, splat(-lr), value), n)


@spread
def _sgd_all(
    worker: int, workers: int, base: Array, origin: int, table: Array, places: Array, factors: Array, lr: Any,
    momentum: Any, sign: Any, decay: Any, keeps: bool, nesterov: bool,
) -> None:  # fmt: skip
    """table: of each parameter how many elements come before it and with it, and the addresses of p and v; places:
    those of g; origin: that of base; factors: how much of v and of g goes into the new v."""
    total = table[-1, 1]
    first, last = worker * total // workers, (worker + 1) * total // workers
    for k in range(len(table)):
        start, stop = max(first, table[k, 0]) - table[k, 0], min(last, table[k, 1]) - table[k, 0]
        p, v, g = (table[k, 2] - origin) >> 2, (table[k, 3] - origin) >> 2, (places[k] - origin) >> 2
        old, new = factors[0, k], factors[1, k]
        for i in range(start, stop - LANES + 1, LANES):
            _sgd(base, p, g, v, i, LANES, old, new, lr, momentum, sign, decay, keeps, nesterov)
        if start < stop:
            i = start + (stop - start) // LANES * LANES
            _sgd(base, p, g, v, i, stop - i, old, new, lr, momentum, sign, decay, keeps, nesterov)


@inline
def _adam(
    base: Array, p: int, g: int, m: int, v: int, i: int, n: int, step: Any, root: Any, beta1: Any, beta2: Any,
    eps: Any, shrink: Any, sign: Any, decay: Any,
) -> None:  # fmt: skip
    value = load_first(base, p + i, n)
    d = fma(value, splat(decay), load_first(base, g + i, n) * splat(sign))
    mean, square = load_first(base, m + i, n), load_first(base, v + i, n)
    mean = fma(d - mean, splat(beta1), mean)
    square = fma(d * d, splat(np.float32(1) - beta2), square * splat(beta2))
    store_first(base, m + i, mean, n)
    store_first(base, v + i, square, n)
    move = mean / fma(sqrt(square), splat(root), splat(eps))
    store_first(base, p + i, fma(move, splat(-step), value * splat(shrink)), n)


@spread
def _adam_all(
    worker: int, workers: int, base: Array, origin: int, table: Array, places: Array, factors: Array, beta1: Any,
    beta2: Any, eps: Any, shrink: Any, sign: Any, decay: Any,
) -> None:  # fmt: skip
    """table: of each parameter how many elements come before it and with it, and the addresses of p, m and v; places:
    those of g; origin: that of base; factors: the step and 1/sqrt(1 - beta2^t)."""
    total = table[-1, 1]
    first, last = worker * total // workers, (worker + 1) * total // workers
    for k in range(len(table)):
        start, stop = max(first, table[k, 0]) - table[k, 0], min(last, table[k, 1]) - table[k, 0]
        p, g = (table[k, 2] - origin) >> 2, (places[k] - origin) >> 2
        m, v = (table[k, 3] - origin) >> 2, (table[k, 4] - origin) >> 2
        step, root = factors[0, k], factors[1, k]
        for i in range(start, stop - LANES + 1, LANES):
            _adam(base, p, g, m, v, i, LANES, step, root, beta1, beta2, eps, shrink, sign, decay)
        if start < stop:
            i = start + (stop - start) // LANES * LANES
            _adam(base, p, g, m, v, i, stop - i, step, root, beta1, beta2, eps, shrink, sign, decay)


def _dense(a: Array) -> bool:
    """Tell whether the elements of a fill a stretch of memory without gaps."""
    flags = a.flags
    if flags.c_contiguous or flags.f_contiguous:
        return True
    return all(s > 0 for s in a.strides) and a.nbytes == a.itemsize + sum(
        (n - 1) * s for n, s in zip(a.shape, a.strides, strict=True)
    )


def _alike(a: Array, strides: tuple[int, ...]) -> bool:
    """Tell whether a lies in memory in the order that ``strides`` describe: those of a single element say nothing."""
    return a.strides == strides or all(n == 1 or s == t for n, s, t in zip(a.shape, a.strides, strides, strict=True))


def _place(a: Array) -> int:
    """Return the address of the elements: what an array object holds first (NumPy's C interface, PyArray_DATA).

    ``a.ctypes.data`` says the same in eight times as long.
    """
    return c_ssize_t.from_address(id(a) + object.__basicsize__).value


class _Listed:
    """Parameters and their means, with where they lie; kept from step to step while all are the same arrays."""

    def __init__(self, params: Sequence[Array], means: Sequence[Sequence[Array]]) -> None:
        self.refs = [[ref(a) for a in column] for column in (params, *means)]
        self.strides = [p.strides for p in params]
        self.fits = all(_dense(p) for p in params) and all(
            a.dtype == FLOAT32 and _alike(a, s) and _place(a) % 4 == 0
            for column in (params, *means)
            for a, s in zip(column, self.strides, strict=True)
        )
        ends = np.cumsum([0, *(p.size for p in params)])
        self.total = int(ends[-1])
        places = [[_place(a) for a in column] for column in (params, *means)]
        self.table = np.ascontiguousarray(np.array([ends[:-1], ends[1:], *places], np.int64).T)
        held = [a for column in (params, *means) for a in column]
        self.lowest = min(range(len(held)), key=lambda k: _place(held[k]))

    def still(self, columns: Sequence[Sequence[Array]]) -> bool:
        """Tell whether these are the arrays that were listed."""
        return len(columns) == len(self.refs) and all(
            len(column) == len(refs) and all(r() is a for r, a in zip(refs, column, strict=True))
            for column, refs in zip(columns, self.refs, strict=True)
        )


_lists: dict[int, _Listed] = {}

Reached = tuple[Array, int, Array, Array]


def _reach(
    params: Sequence[Array], grads: Sequence[Array], means: Sequence[Sequence[Array]]
) -> tuple[Reached, Sequence[Array]] | None:
    """Return base, origin, table and places for the kernels, and what must stay alive; None where an array does not
    fit in."""
    if not params:
        return None
    columns = (params, *means)
    listed = _lists.get(id(params[0]))
    if listed is None or not listed.still(columns):
        if len(_lists) >= 16:
            _lists.clear()
        listed = _lists[id(params[0])] = _Listed(params, means)
    if not listed.fits or not listed.total:
        return None
    if {g.dtype for g in grads} != {FLOAT32} or [g.strides for g in grads] != listed.strides:
        grads = [_as(g, p, s) for g, p, s in zip(grads, params, listed.strides, strict=True)]
    places = [_place(g) for g in grads]
    base, lowest = columns[listed.lowest // len(params)][listed.lowest % len(params)], min(places)
    if lowest < _place(base):
        base = grads[places.index(lowest)]
    origin, start = _place(base), flat(base)
    if MODE == "plain":  # Python, unlike machine code, looks at how long the array is
        length = max(int(listed.table[:, 2:].max()), *places) - origin >> 2
        start = np.lib.stride_tricks.as_strided(start, (length + listed.total,), (4,))
    return (start, origin, listed.table, np.array(places, np.int64)), grads


def _as(g: Array, p: Array, strides: tuple[int, ...]) -> Array:
    """Return a gradient in the dtype of its parameter, and in its order in memory."""
    if g.dtype == FLOAT32 and _alike(g, strides):
        return g
    copy = np.empty_like(p)
    copy[...] = g
    return copy


def _workers(elements: int) -> int:
    return max(1, min(get_num_threads(), elements // GRAIN))


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
    velocities: Sequence[Any] = buffers if momentum else params
    reached = _reach(params, grads, [velocities])
    if reached is None:
        update_numpy.sgd_update(
            params, grads, buffers, started, lr=lr, momentum=momentum, dampening=dampening,
            weight_decay=weight_decay, nesterov=nesterov, maximize=maximize,
        )  # fmt: skip
        return
    places, _alive = reached
    factors = np.empty((2, len(params)), np.float32)
    goes_on = np.array(started) if momentum else False
    factors[0], factors[1] = np.where(goes_on, momentum, 0), np.where(goes_on, 1 - dampening, 1)
    f = np.float32
    _sgd_all(
        _workers(int(places[2][-1, 1])), *places, factors, f(lr), f(momentum), f(-1 if maximize else 1),
        f(weight_decay), bool(momentum), nesterov,
    )  # fmt: skip


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
    reached = _reach(params, grads, [means, squares])
    if reached is None:
        update_numpy.adam_update(
            params, grads, means, squares, steps, lr=lr, beta1=beta1, beta2=beta2, eps=eps,
            weight_decay=weight_decay, decoupled=decoupled, maximize=maximize,
        )  # fmt: skip
        return
    places, _alive = reached
    factors, t = np.empty((2, len(params)), np.float32), np.array(steps, np.float64)
    factors[0], factors[1] = lr / (1 - beta1**t), 1 / np.sqrt(1 - beta2**t)
    f = np.float32
    _adam_all(
        _workers(int(places[2][-1, 1])), *places, factors, f(1 - beta1), f(beta2), f(eps),
        f(1 - lr * weight_decay if decoupled else 1), f(-1 if maximize else 1), f(0 if decoupled else weight_decay),
    )  # fmt: skip
