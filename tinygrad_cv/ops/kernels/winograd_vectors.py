"""Lines of vectors, a step apart: loaded, stored and asked for together by Winograd's transforms."""

from __future__ import annotations

from typing import Any

from ...typing import Array
from .jit import inline
from .simd import ask, claim, load, store


@inline
def put6(v: Array, to: int, plane: int, line: Any) -> None:
    """Store the six vectors of a line, ``plane`` apart."""
    store(v, to, line[0])
    store(v, to + plane, line[1])
    store(v, to + 2 * plane, line[2])
    store(v, to + 3 * plane, line[3])
    store(v, to + 4 * plane, line[4])
    store(v, to + 5 * plane, line[5])


@inline
def put4(v: Array, to: int, plane: int, line: Any) -> None:
    """Store the four vectors of a line, ``plane`` apart."""
    store(v, to, line[0])
    store(v, to + plane, line[1])
    store(v, to + 2 * plane, line[2])
    store(v, to + 3 * plane, line[3])


@inline
def line6(v: Array, s: int, step: int) -> Any:
    """Load six vectors, ``step`` apart."""
    return (
        load(v, s), load(v, s + step), load(v, s + 2 * step), load(v, s + 3 * step), load(v, s + 4 * step),
        load(v, s + 5 * step),
    )  # fmt: skip


@inline
def line4(v: Array, s: int, step: int) -> Any:
    """Load four vectors, ``step`` apart."""
    return load(v, s), load(v, s + step), load(v, s + 2 * step), load(v, s + 3 * step)


@inline
def _ask4(x: Array, at: int, step: int) -> None:
    ask(x, at)
    ask(x, at + step)
    ask(x, at + 2 * step)
    ask(x, at + 3 * step)


@inline
def ask16(x: Array, at: int, row: int, step: int) -> None:
    """Ask for a vector of each pixel of a 4 x 4 tile that will soon be read."""
    _ask4(x, at, step)
    _ask4(x, at + row, step)
    _ask4(x, at + 2 * row, step)
    _ask4(x, at + 3 * row, step)


@inline
def _claim4(y: Array, at: int, step: int) -> None:
    claim(y, at)
    claim(y, at + step)
    claim(y, at + 2 * step)
    claim(y, at + 3 * step)


@inline
def claim16(y: Array, at: int, row: int, step: int) -> None:
    """Claim a vector of each pixel of a 4 x 4 tile that will soon be written."""
    _claim4(y, at, step)
    _claim4(y, at + row, step)
    _claim4(y, at + 2 * row, step)
    _claim4(y, at + 3 * row, step)
