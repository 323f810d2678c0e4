"""Scales and ticks: from numbers to positions, with round numbers beside them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass


def step_near(raw: float) -> float:
    """The round step (1, 2 or 5 times a power of ten) that is nearest to ``raw`` from above."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def linear_ticks(low: float, high: float, count: int = 5, whole: bool = False) -> list[float]:
    """About ``count`` evenly spaced round numbers around the range from ``low`` to ``high``.

    >>> linear_ticks(0.13, 0.94)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = step_near((high - low) / count)
    if whole:
        step = max(1.0, step)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten around a positive range; with their doubles and fives where the range is short."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    stride = max(1, (last - first) // 6)
    every = [f * 10.0**e for e in range(first, last + 1, stride) for f in factors]
    below = max((t for t in every if t <= low * (1 + 1e-9)), default=every[0])
    above = min((t for t in every if t >= high * (1 - 1e-9)), default=10.0 * every[-1])
    return [t for t in every if below <= t < above] + [above]


def tick_labels(ticks: Sequence[float], percent: bool = False, log: bool = False) -> list[str]:
    """What to write beside the ticks: the same decimals for all (on a log axis, each its own).

    >>> tick_labels([0, 0.5, 1]), tick_labels([0.9, 0.95, 1.0], percent=True)
    (['0', '0.5', '1.0'], ['90 %', '95 %', '100 %'])
    """
    shown = [100 * t for t in ticks] if percent else list(ticks)
    largest = max(map(abs, shown), default=0)
    if log or largest >= 1e7 or 0 < largest < 1e-3:
        return [
            re.sub(r"e([+-])0*", lambda m: "e" + m[1].strip("+"), f"{t:.6g}") + " %" * percent for t in shown
        ]
    decimals = next(
        (d for d in range(7) if all(abs(round(t, d) - t) < 1e-9 * max(1, largest) for t in shown)), 6
    )
    texts = ["0" if t == 0 else f"{t:,.{decimals}f}".replace(",", "\u2009") for t in shown]
    return [t + " %" for t in texts] if percent else texts


@dataclass(frozen=True)
class Scale:
    """A map from the numbers ``low .. high`` to the positions ``start .. end``, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The position of a number; outside the range it lies outside, without a logarithm at the start."""
        if self.log:
            if value <= 0:
                return self.start
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near the wanted ones, in their order, ``gap`` apart, inside ``low .. high`` if they fit.

    Labels at the ends of lines use it. Runs of labels that would overlap are centred on their common mean.

    >>> spread([10, 11, 40], 10, 0, 100)
    [5.5, 15.5, 40]
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    runs: list[list[float]] = []  # each: mean position of its first label, number of labels
    for i in order:
        runs.append([wanted[i], 1])
        while len(runs) > 1 and runs[-1][0] - runs[-2][0] < runs[-2][1] * gap:
            (a, m), (b, n) = runs[-2], runs[-1]
            runs[-2:] = [[(a * m + (b - m * gap) * n) / (m + n), m + n]]
    placed = [start + k * gap for start, count in runs for k in range(int(count))]
    for k in range(len(placed)):
        placed[k] = max(placed[k], low if k == 0 else placed[k - 1] + gap)
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], high if k == len(placed) - 1 else placed[k + 1] - gap)
    result = [0.0] * len(wanted)
    for position, i in zip(placed, order, strict=True):
        result[i] = position
    return result
