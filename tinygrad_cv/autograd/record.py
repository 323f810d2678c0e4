"""Recording: an op called with tensors computes on their arrays and leaves a node behind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.op import Op
from .mode import MODE
from .node import Node, Version, next_number, user_line
from .observe import OBSERVERS, current_path

ndarray = np.ndarray


class View:
    """How a tensor reads another's memory: the op, and the count of recorded writes when its node was made."""

    __slots__ = ("parent", "op", "stamp")

    def __init__(self, parent: Any, op: Op, stamp: int) -> None:
        self.parent, self.op, self.stamp = parent, op, stamp


def record(guest: Any, op: Op, xs: Sequence[Any]) -> Any:
    """Compute ``op`` on the arrays behind ``xs`` and return tensors of type ``guest``, with a node where one is
    wanted.
    """
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
    if wanted and MODE.enabled:
        plan = op.plan(wanted, len(xs))
        if plan.rules and out.dtype.kind == "f":
            y._node = _node(op, plan, xs, wanted, out, extras)
            y._needs = True
    if op.view:
        source = raw[0]
        base = out.base
        if base is not None and (base is source or base is source.base) and isinstance(xs[0], guest):
            parent = xs[0]
            if parent._version is None:
                parent._version = Version()
            y._version = parent._version
            y._view = View(parent, op, y._version.recorded)
    if OBSERVERS:
        for observer in OBSERVERS:
            observer.after_forward(op, raw, y, seconds)
    return (y, *extras) if op.extra else y


def _node(op: Op, plan: Any, xs: Sequence[Any], wanted: int, out: Any, extras: Sequence[Any]) -> Node:
    node = Node()
    node.op, node.plan = op, plan
    edges = []
    for i, x in enumerate(xs):
        edges.append((x if x._node is None else x._node) if wanted >> i & 1 else None)
    node.inputs = tuple(edges)
    node.number = next_number()
    node.shape, node.dtype = out.shape, out.dtype
    node.versions = node.y = node.line = node.overwritten = node.hooks = node.retain = None
    node.extras, node.saved, node.freed = (), [], False
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
    return node


def refresh(view: Any) -> None:
    """Give a view whose base was written since it was made the node that reads the base as it is now."""
    parent = view._view.parent
    if parent._view is not None and parent._view.stamp != parent._version.recorded:
        refresh(parent)
    again = view._view.op(parent)
    view._node, view._needs = again._node, again._needs
    view._view.stamp = view._version.recorded


def _observed(op: Op, raw: Sequence[Any]) -> tuple[Any, float]:
    for observer in OBSERVERS:
        observer.before_forward(op, raw)
    start = time.perf_counter()
    out = op.forward(*raw)
    return out, time.perf_counter() - start
