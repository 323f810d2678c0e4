"""What the numbers of an array are like, in few words: for boxes of drawings and for the live page.

Extremes, mean and deviation are exact. They are found in the order in which the memory lies, in a few passes at its
speed, since a recording should cost less than the operation that it watches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv.typing import Array


@dataclass(frozen=True)
class Stats:
    """Statistics of an array.

    Attributes
    ----------
    size : how many numbers there are.
    low, high, mean, deviation : of the finite ones; zero where there are none.
    broken : how many are infinite or no number.
    """

    size: int
    low: float
    high: float
    mean: float
    deviation: float
    broken: int = 0

    @property
    def rms(self) -> float:
        """The root of the mean square."""
        return math.hypot(self.mean, self.deviation)

    def __str__(self) -> str:
        if self.size == 1:
            return number_words(self.mean) if not self.broken else "not finite"
        words = f"{number_words(self.mean)} ± {number_words(self.deviation)}"
        words += f" in {number_words(self.low)} … {number_words(self.high)}"
        return words + (f", {self.broken:,} not finite" if self.broken else "")


def in_memory_order(array: Any) -> Array:
    """All numbers of an array in one row, in the order in which they lie; no copy where they lie without gaps."""
    return np.asarray(array).ravel(order="K")


def stats_of(array: Any) -> Stats:
    """The statistics of an array; numbers that are no floats are taken as such.

    >>> str(stats_of(np.array([1.0, 3.0])))
    '2 ± 1 in 1 … 3'
    """
    row = in_memory_order(array)
    size = row.size
    if row.dtype.kind not in "f":
        row = row.astype(np.float32)
    if not size:
        return Stats(0, 0.0, 0.0, 0.0, 0.0)
    with np.errstate(all="ignore"):
        low, high = float(row.min()), float(row.max())
        broken = 0
        if not (math.isfinite(low) and math.isfinite(high)):  # a NaN makes both of them NaN
            row = row[np.isfinite(row)]
            broken = size - row.size
            low, high = (float(row.min()), float(row.max())) if row.size else (0.0, 0.0)
        if not row.size:
            return Stats(size, 0.0, 0.0, 0.0, 0.0, broken)
        mean = float(row.mean(dtype=np.float64 if row.dtype.itemsize < 4 else None))
        square = float(np.dot(row, row)) / row.size if row.dtype.itemsize >= 4 else math.inf
        spread = square - mean * mean
        if not math.isfinite(square) or spread < 1e-3 * square:  # cancellation, or squares beyond the type
            spread = float(np.var(row, dtype=np.float64))
    return Stats(size, low, high, mean, math.sqrt(max(spread, 0.0)), broken)


def number_words(value: float) -> str:
    """A number in three digits.

    >>> number_words(0.0), number_words(-1.23456), number_words(1e-7), number_words(123456.0)
    ('0', '-1.23', '1e-07', '1.23e+05')
    """
    return f"{value:.3g}"


def time_words(seconds: float) -> str:
    """A duration.

    >>> time_words(3.2e-5), time_words(0.00123), time_words(0.0789), time_words(2.5)
    ('32 µs', '1.23 ms', '78.9 ms', '2.5 s')
    """
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def byte_words(count: int) -> str:
    """An amount of memory.

    >>> byte_words(40), byte_words(18816), byte_words(3_211_264)
    ('40 B', '18.8 kB', '3.21 MB')
    """
    for size, word in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {word}"
    return f"{count} B"
