"""Fair timing on a noisy machine: all candidates in one process, in turn, round after round; medians and ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np


def interleave(
    candidates: Mapping[str, Callable[[], object]], rounds: int = 15, seconds: float = 3.0, warmup: int = 3
) -> dict[str, float]:
    """Return the median seconds of each candidate.

    Every round calls each once, in turn, starting with another one each time, so that a drift of the machine's speed
    and the state that one candidate leaves in the caches fall on all of them alike. Ends after ``rounds`` or, from the
    fifth round on, after ``seconds``.
    """
    names = list(candidates)
    for _ in range(warmup):
        for name in names:
            candidates[name]()
    times: dict[str, list[float]] = {name: [] for name in names}
    start = time.perf_counter()
    for i in range(rounds):
        for j in range(len(names)):
            name = names[(i + j) % len(names)]
            t = time.perf_counter()
            candidates[name]()
            times[name].append(time.perf_counter() - t)
        if i >= 4 and time.perf_counter() - start > seconds:
            break
    return {name: float(np.median(ts)) for name, ts in times.items()}


def geometric_mean(values: list[float]) -> float:
    """Return the geometric mean, the right one for ratios."""
    return float(np.exp(np.mean(np.log(values)))) if values else float("nan")
