"""Recording: an op called with tensors computes on their arrays and leaves a node behind."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.op import Op, Unfinished
from .fusion import FUSION
from .mode import MODE
from .node import Node, next_number, user_line, version_of
from .observe import OBSERVERS, current_path

ndarray = np.ndarray


class View:
    """How a tensor reads another's memory: the op, and the count of recorded writes when its node was made."""

    __slots__ = ("parent", "op", "stamp")

    def __init__(self, parent: Any, op: Op, stamp: int) -> None:
        self.parent, self.op, self.stamp = parent, op, stamp


@np.errstate(all="ignore")  # 0.4 us a call; a block inside would cost 0.8, one in every op more
def record(guest: Any, op: Op, xs: Sequence[Any]) -> Any:
    """Compute ``op`` on the arrays behind ``xs``; return tensors of type ``guest``, with a node where one is wanted."""
    if op.fuses and FUSION.depth and FUSION.enabled and not OBSERVERS:
        y = _join(guest, op, xs)
        if y is not None:
            return y
    raw = []
    wanted, bit = 0, 1
    for x in xs:
        if isinstance(x, guest):
            raw.append(x._data)
            if x._needs:
                wanted |= bit
                if x._view is not None and x._view.stamp != x._version.recorded:
                    refresh(x)
        else:
            raw.append(x)
        bit <<= 1
    if OBSERVERS:
        out, seconds = _observed(op, raw)
    else:
        out = op.forward(*raw)
    extras: Sequence[Any] = ()
    if op.extra:
        out, *extras = out
    if type(out) is not ndarray:
        out = np.asarray(out)
    y = guest.__new__(guest)
    y._data = out
    if wanted and MODE.enabled and out.dtype.kind == "f":
        plan = op.plan(wanted, len(xs))
        if plan.rules:
            y._node, y._needs = make_node(guest, op, plan, xs, wanted, out, extras), True
    if op.view:
        source, base = raw[0], out.base
        # as_strided, behind Expand, puts a holder between an array and its base
        shares = base is not None and (base is source or base is source.base or getattr(base, "base", None) is source)
        if shares and isinstance(xs[0], guest):
            parent = xs[0]
            y._version = version_of(parent)
            y._view = View(parent, op, y._version.recorded)
    if OBSERVERS:
        for observer in OBSERVERS:
            observer.after_forward(op, raw, y, seconds)
    return (y, *extras) if op.extra else y


def make_node(guest: Any, op: Op, plan: Any, xs: Sequence[Any], wanted: int, out: Any, extras: Sequence[Any]) -> Node:
    """Return the node of an op that was called with ``xs`` and gave ``out``."""
    node = Node()
    node.op, node.plan = op, plan
    edges = []
    for i, x in enumerate(xs):
        edges.append((x if x._node is None else x._node) if wanted >> i & 1 else None)
    node.inputs = tuple(edges)
    node.number = next_number()
    node.shape, node.dtype = out.shape, out.dtype
    node.versions = node.y = node.line = node.y_version = node.hooks = node.retain = None
    node.extras, node.saved, node.freed, node.unpack = (), [], False, None
    node.module = current_path() if OBSERVERS else None
    if plan.saves:
        saved: list[Any] = [None] * len(edges)
        versions = [0] * len(edges)
        for i in plan.saves:
            x = saved[i] = xs[i]
            version = getattr(x, "_version", None)
            if version is not None:
                versions[i] = version.count
        node.saved, node.versions = saved, versions
        node.line = user_line()
    if plan.saves_y:
        node.y = out
        node.line = node.line or user_line()
    if plan.saves_extra:
        node.extras = extras
    if OBSERVERS:
        node.line = node.line or user_line()
    if MODE.pack is not None:
        MODE.pack(guest, node)
    return node


def _join(guest: Any, op: Op, xs: Sequence[Any]) -> Any:
    """Let a tail join a promise, or start a lazy op, and record it as ever; None where neither applies."""
    wanted = 0
    if MODE.enabled:
        for i, x in enumerate(xs):
            if isinstance(x, guest) and x._needs:
                wanted |= 1 << i
    first, promised = xs[0], guest._promised
    promise: Unfinished | None = None
    extras: Sequence[Any] = ()
    if op.tail == "relu" and type(first) is promised:
        y = guest(first._unfinished.value(relu=True))
        out = y._data
    else:
        if op.tail == "add":
            for x, other in ((first, xs[1]), (xs[1], first)):
                if promise is None and type(x) is promised and hasattr(other, "shape"):
                    promise = x._unfinished.plus(other._data if isinstance(other, guest) else other)
        elif op.tail == "affine" and type(first) is promised and first._unfinished.fold is not None and not wanted:
            fixed = [v._data if isinstance(v, guest) else v for v in xs[1:]]
            promise = first._unfinished.fold(*op.affine(first.dtype, *fixed))  # type: ignore[attr-defined]
        if promise is None and op.lazy:
            promise, extras = op.start(*[x._data if isinstance(x, guest) else x for x in xs])  # type: ignore[attr-defined]
        if promise is None:
            return None
        out = promise
        y = promised.__new__(promised)
        y._unfinished = promise
        FUSION.waiting.append(weakref.ref(y))
    if wanted:
        plan = op.plan(wanted, len(xs))
        if plan.rules:
            y._node, y._needs = make_node(guest, op, plan, xs, wanted, out, extras), True
    return (y, *extras) if op.extra else y


def refresh(view: Any) -> None:
    """Give a view whose base was written since it was made the node that reads the base as it is now."""
    parent = view._view.parent
    if parent._view is not None and parent._view.stamp != parent._version.recorded:
        refresh(parent)
    before, MODE.enabled = MODE.enabled, True  # whoever looks, the graph is the view's own
    try:
        again = view._view.op(parent)
    finally:
        MODE.enabled = before
    view._node, view._needs = again._node, again._needs
    view._view = View(parent, view._view.op, view._version.recorded)


def _observed(op: Op, raw: Sequence[Any]) -> tuple[Any, float]:
    for observer in OBSERVERS:
        observer.before_forward(op, raw)
    start = time.perf_counter()
    out = op.forward(*raw)
    return out, time.perf_counter() - start
