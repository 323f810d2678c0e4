"""Large arrays from recycled memory, and scratch buffers.

The system hands out fresh memory as pages of zeros, one fault per page: filling a fresh array of 16 MB takes
several times as long as filling a used one. A training step asks for the same sizes again and again, so freed
blocks are kept and handed out again. A block returns by itself when the last array that looks at it is gone.

What is kept and what is lent together stay within ``SLACK`` times the most that was ever lent at once: sizes that are
no longer asked for give way to those that are, and the process holds little more than it needed at its peak. A small
network is below ``FLOOR`` with every size that it ever asks for, and keeps them all.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Any

import numpy as np

from ...typing import Array

SMALL = 1 << 16
"""Bytes below which NumPy's own allocation is as fast."""

LIMIT = int(os.environ.get("TGCV_POOL_MB", "4096")) << 20
"""Bytes of freed blocks that are kept at most."""

SLACK = 1.125

FLOOR = 64 << 20
"""Bytes up to which nothing gives way: within SLACK alone, a step of LeNet misses ten blocks and takes 8 % longer."""

ALIGN = 64

_free: dict[int, list[Array]] = {}
"""Freed blocks by size; the size that was returned last stands last."""

_kept = _lent = _most = 0


class _Block:
    """Memory on loan: whoever looks at it holds it, and with the last look it goes back."""

    def __init__(self, raw: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.raw = raw
        at = raw.ctypes.data
        data = (at + -at % ALIGN, False)
        self.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": data, "version": 3}

    def __del__(self) -> None:
        global _kept, _lent
        size = self.raw.nbytes
        _lent -= size
        if _kept + size <= LIMIT:
            _kept += size
            blocks = _free.pop(size, [])
            blocks.append(self.raw)
            _free[size] = blocks


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Return an uninitialised C-contiguous array; a large one is aligned to 64 bytes and comes from recycled
    memory.
    """
    global _kept, _lent, _most
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    size = (size + ALIGN + 4095) & ~4095
    try:
        raw = _free[size].pop()
        _kept -= size
    except (KeyError, IndexError):
        _trim(size)
        raw = np.empty(size, np.uint8)
    _lent += size
    _most = max(_most, _lent)
    return np.asarray(_Block(raw, shape, dtype))


def _trim(size: int) -> None:
    """Let go of freed blocks, the sizes first that have waited longest, before ``size`` more bytes are taken."""
    global _kept
    room = max(FLOOR, SLACK * max(_most, _lent + size)) - _lent - size
    while _kept > room and _free:
        try:
            longest = next(iter(_free))
            blocks = _free[longest]
            if blocks:
                blocks.pop()
                _kept -= longest
            else:
                del _free[longest]
        except (StopIteration, RuntimeError, KeyError, IndexError):  # another thread was faster
            return


def zeros(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Return an array of zeros, from recycled memory where it is large."""
    out = empty(shape, dtype)
    out.fill(0)
    return out


def release() -> None:
    """Give all freed blocks back to the system."""
    global _kept
    _free.clear()
    _kept = 0


_scratch = threading.local()


def scratch(name: str, size: int) -> Array:
    """Return a float32 buffer of at least ``size`` elements that the next call with this name will overwrite.

    Each Python thread has its own.
    """
    buffers: dict[str, Array] = _scratch.__dict__
    held = buffers.get(name)
    if held is None or held.size < size:
        raw = np.empty(size + ALIGN // 4, np.float32)
        start = -raw.ctypes.data % ALIGN // 4
        held = buffers[name] = raw[start : start + size]
    return held


def flat(x: Array) -> Array:
    """Return the elements of a dense array in the order of memory, one-dimensional and writable for numba's
    types.

    Every kernel then has one signature. An array that is not dense is copied.
    """
    if not x.flags.c_contiguous:
        x = x.transpose(sorted(range(x.ndim), key=lambda axis: -x.strides[axis]))
        if not x.flags.c_contiguous:
            raise ValueError(f"flat: an array of shape {x.shape} with strides {x.strides} is not dense; copy it first")
    if not x.flags.writeable:
        holder = _Alias(x)
        return np.asarray(holder)
    return x.reshape(-1)


class _Alias:
    """The same memory without the read-only flag, which numba counts as another type."""

    def __init__(self, x: Array) -> None:
        self.x = x
        data = (x.__array_interface__["data"][0], False)
        self.__array_interface__ = {"shape": (x.size,), "typestr": x.dtype.str, "data": data, "version": 3}
