"""Lines of vectors, a step apart: loaded, stored and asked for together by Winograd's transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...typing import Array
from .jit import inline
from .simd import LANES, ask, claim, load, splat, store

number: Any = np.int64
"""A number that is no literal: Numba compiles a helper once more for each that is written out where it is called."""

THREE, FOUR, FIVE, SIX, EIGHT = number(3), number(4), number(5), number(6), number(8)
STEP, ROW = number(LANES), number(8 * LANES)
"""Distance of the columns and rows of a patch, a square of up to 8 x 8 vectors: what is transformed along one axis."""

PATCH = (64 + 25 * LANES) * LANES
"""Room for a patch, and for squares of filters with up to 25 taps."""


@inline
def put(v: Array, to: int, step: int, line: Any, count: int) -> None:
    """Store the first 4, 6 or 8 vectors of a line, ``step`` apart."""
    store(v, to, line[0])
    store(v, to + step, line[1])
    store(v, to + 2 * step, line[2])
    store(v, to + 3 * step, line[3])
    if count > 4:
        store(v, to + 4 * step, line[4])
        store(v, to + 5 * step, line[5])
    if count > 6:
        store(v, to + 6 * step, line[6])
        store(v, to + 7 * step, line[7])


@inline
def line8(v: Array, s: int, step: int, count: int) -> Any:
    """Load 4, 6 or 8 vectors, ``step`` apart; zeros follow."""
    zero = splat(np.float32(0))
    return (
        load(v, s), load(v, s + step), load(v, s + 2 * step), load(v, s + 3 * step),
        load(v, s + 4 * step) if count > 4 else zero, load(v, s + 5 * step) if count > 4 else zero,
        load(v, s + 6 * step) if count > 6 else zero, load(v, s + 7 * step) if count > 6 else zero,
    )  # fmt: skip


@inline
def ask_line(x: Array, at: int, step: int, count: int) -> None:
    """Ask for the vectors of an even number of pixels that will soon be read."""
    for j in range(0, count, 2):
        ask(x, at + j * step)
        ask(x, at + (j + 1) * step)


@inline
def claim_line(y: Array, at: int, step: int, count: int) -> None:
    """Claim the vectors of an even number of pixels that will soon be written."""
    for j in range(0, count, 2):
        claim(y, at + j * step)
        claim(y, at + (j + 1) * step)
