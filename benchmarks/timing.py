"""Fair timing on a noisy machine: all candidates in one process, in turn, round after round; medians and ratios."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


def share_openmp(module: str) -> None:
    """Start ``module`` again with PyTorch's OpenMP loaded first, so that both libraries use one pool of threads.

    With a pool each, the idle threads of one spin on the cores that the other's need: a LeNet step of 4 ms then takes
    80 ms on either side (measured on two cores).
    """
    import importlib.util

    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        sys.exit("bench: PyTorch is not installed; run python3 dev.py bench, which installs it")
    found = sorted((Path(spec.origin).parent / "lib").glob("libgomp*")) if sys.platform == "linux" else []
    if found and str(found[0]) not in os.environ.get("LD_PRELOAD", ""):
        os.environ["LD_PRELOAD"] = str(found[0])
        os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])


def use_threads(count: int) -> None:
    """Give both libraries ``count`` threads.

    Numba's first launch sets OpenMP's own number, which PyTorch reads, to the most that Numba may ever use. So that
    launch comes first; without it PyTorch ran four threads on two cores, and up to twice as slowly.
    """
    import torch

    from tinygrad_cv.ops import kernels

    kernels.set_num_threads(count)
    with kernels.use("numba"):
        kernels.conv2d(np.zeros((8, 8, 8, 1), np.float32), np.zeros((1, 1, 3, 3), np.float32))
    torch.set_num_threads(count)
    if torch.get_num_threads() != count:
        raise RuntimeError(f"bench: PyTorch uses {torch.get_num_threads()} threads, not {count}")


def interleave(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int = 15,
    seconds: float = 3.0,
    warmup: int = 3,
    least: float = 0.0,
) -> dict[str, float]:
    """Return the median seconds of each candidate.

    Every round calls each once, in turn, starting with another one each time, so that a drift of the machine's speed
    and the state that one candidate leaves in the caches fall on all of them alike. Ends after ``rounds`` or, from the
    fifth round on, after ``seconds``. A candidate that takes less than ``least`` seconds runs several times a turn.
    """
    names = list(candidates)
    repeats = dict.fromkeys(names, 1)
    for _ in range(warmup):
        for name in names:
            t = time.perf_counter()
            candidates[name]()
            repeats[name] = max(1, min(64, round(least / (time.perf_counter() - t))))
    times: dict[str, list[float]] = {name: [] for name in names}
    start = time.perf_counter()
    for i in range(rounds):
        for j in range(len(names)):
            name = names[(i + j) % len(names)]
            t = time.perf_counter()
            for _ in range(repeats[name]):
                candidates[name]()
            times[name].append((time.perf_counter() - t) / repeats[name])
        if i >= 4 and time.perf_counter() - start > seconds:
            break
    return {name: float(np.median(ts)) for name, ts in times.items()}


def geometric_mean(values: list[float]) -> float:
    """Return the geometric mean, the right one for ratios."""
    return float(np.exp(np.mean(np.log(values)))) if values else float("nan")
