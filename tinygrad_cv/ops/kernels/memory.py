"""Large arrays from recycled memory, and scratch buffers.

The system hands out fresh memory as pages of zeros, one fault per page: filling a fresh array of 16 MB takes
several times as long as filling a used one. A training step asks for the same sizes again and again, so blocks are
remembered, and one that nobody looks at any more is handed out again. Who looks is known without asking: every view of
an array holds the array that owns its memory, and Python counts those who hold it.

What is kept and what is lent together stay within ``SLACK`` times the most that was ever seen lent at once, plus
``FLOOR``: sizes that are no longer asked for give way to those that are, and the process holds little more than it
needed at its peak. A training step asks for other sizes on its way back than on its way forth, and must find them all:
with 1.125 times and nothing more, VGG-11 at 32x32 took 131 MB of its 115 anew in each step, ResNet-18 175 of 314.
"""

from __future__ import annotations

import math
import os
import threading
from sys import getrefcount
from typing import Any

import numpy as np

from ...typing import Array

SMALL = 1 << 16
"""Bytes below which NumPy's own allocation is as fast."""

LIMIT = int(os.environ.get("TGCV_POOL_MB", "4096")) << 20
"""Bytes of blocks that nobody looks at which are kept at most."""

SLACK = 1.25

FLOOR = 64 << 20
"""Bytes up to which nothing gives way."""

ALIGN = 64

FLOAT32 = np.dtype(np.float32)

Block = tuple[Array, int]
"""The owner of some memory, and where in it a multiple of ALIGN lies."""


class _Size:
    """All blocks of one size, and when one of them was last asked for."""

    __slots__ = ("blocks", "asked")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.asked = 0


_sizes: dict[int, _Size] = {}
_owners: set[int] = set()
"""The ids of the arrays that own the memory of blocks."""

_held = _most = _clock = 0
_lock = threading.Lock()
_some: Block = (np.empty(0), 0)
_IDLE = getrefcount(_some[0])
"""How often the owner of a block is counted when only its block holds it."""


def empty(shape: tuple[int, ...], dtype: Any = FLOAT32, strides: tuple[int, ...] | None = None) -> Array:
    """Return an uninitialised array; a large one is aligned to 64 bytes and comes from recycled memory.

    It is C-contiguous, or has the ``strides`` of a dense array of its shape.
    """
    global _clock
    if dtype is not FLOAT32:
        dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype) if strides is None else np.ndarray(shape, dtype, strides=strides)
    size = (size + 4095) & ~4095
    with _lock:
        _clock += 1
        held = _sizes.get(size)
        if held is None:
            held = _sizes[size] = _Size()
        held.asked = _clock
        for block in held.blocks:
            if getrefcount(block[0]) == _IDLE:
                break
        else:
            block = _new(size)
            held.blocks.append(block)
        return np.ndarray(shape, dtype, block[0], block[1], strides)


def _new(size: int) -> Block:
    """Take ``size`` bytes from the system, after what has not been asked for longest is given back."""
    global _held, _most
    lent = sum(
        length for length, held in _sizes.items() for block in held.blocks if getrefcount(block[0]) != _IDLE
    )
    _most = max(_most, lent + size)
    room = min(SLACK * _most + FLOOR - size, lent + LIMIT)
    if _held > room:
        for length in sorted(_sizes, key=lambda length: _sizes[length].asked):
            blocks = _sizes[length].blocks
            for i in reversed(range(len(blocks))):
                if _held > room and getrefcount(blocks[i][0]) == _IDLE:
                    _owners.discard(id(blocks.pop(i)[0]))
                    _held -= length
    _held += size
    memory = np.empty(size + ALIGN, np.uint8)
    _owners.add(id(memory))
    return memory, -memory.ctypes.data % ALIGN


def is_block(owner: Any) -> bool:
    """Tell whether an array owns the memory of a block, so that it is held once more than by those who look at it."""
    return id(owner) in _owners


def zeros(shape: tuple[int, ...], dtype: Any = FLOAT32) -> Array:
    """Return an array of zeros, from recycled memory where it is large."""
    out = empty(shape, dtype)
    out.fill(0)
    return out


def release() -> None:
    """Give all memory that nobody looks at back to the system."""
    global _held
    with _lock:
        _sizes.clear()
        _owners.clear()
        _held = 0


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

    Every kernel then has one signature. An array that is not dense is refused.
    """
    line = x.ravel("K")
    if line.flags.owndata:  # a copy
        raise ValueError(f"flat: an array of shape {x.shape} with strides {x.strides} is not dense; copy it first")
    return line if line.flags.writeable else np.asarray(_Alias(line))


class _Alias:
    """The same memory without the read-only flag, which numba counts as another type."""

    def __init__(self, x: Array) -> None:
        self.x = x
        data = (x.__array_interface__["data"][0], False)
        self.__array_interface__ = {"shape": (x.size,), "typestr": x.dtype.str, "data": data, "version": 3}
