"""Fusion: a value is not computed before it is needed, so that what follows can join in the same pass over memory.

``F.relu(self.bn1(self.conv1(x)))`` writes and reads the same large array three times if every function finishes its
work. Inside a module's forward pass a few ops (convolution, linear, batch norm) therefore only *start*: they check
their operands, compute what is small (the batch's statistics) and promise an array of known shape. An addition to a
promised value stays a promise; a ReLU, or any other look at the value, makes it real, in one pass that includes the
tail. The graph is recorded exactly as without fusion: the same nodes, the same saved values, the same hooks. Nothing
is promised while observers are on, and no promise outlives the outermost module's forward pass.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Fusion(threading.local):
    """Per thread: how many modules are running within each other, and the promises made meanwhile."""

    depth: int = 0
    enabled: bool = os.environ.get("TGCV_FUSION", "1") != "0"

    def __init__(self) -> None:
        self.waiting: list[weakref.ref[Any]] = []


FUSION = _Fusion()


@contextmanager
def fusion(enabled: bool) -> Iterator[None]:
    """Turn fusion on or off in this thread inside the block; the values stay the same up to rounding."""
    before, FUSION.enabled = FUSION.enabled, enabled
    try:
        yield
    finally:
        FUSION.enabled = before


def settle() -> None:
    """Keep all promises of this thread: before memory is written in place, and when the outermost module ends."""
    waiting, FUSION.waiting = FUSION.waiting, []
    for reference in waiting:
        tensor = reference()
        if tensor is not None:
            tensor._data  # noqa: B018  # looking at the value computes it
