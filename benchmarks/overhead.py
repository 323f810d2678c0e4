"""What recording costs: one addition of one-element tensors, forward and backward, against PyTorch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


def _chain(make: Callable[[], Any], length: int) -> tuple[float, float]:
    x = make()
    start = time.perf_counter()
    y = x + x
    for _ in range(length):
        y = y + y
    middle = time.perf_counter()
    y.backward()
    return (middle - start) / length, (time.perf_counter() - middle) / length


def row(length: int = 1000, rounds: int = 30) -> dict[str, Any]:
    """Return microseconds per recorded addition, forward and backward (which adds the two uses), and the ratio."""
    import torch

    import tinygrad_cv as tg

    sides: dict[str, Callable[[], Any]] = {
        "ours": lambda: tg.zeros(1, requires_grad=True),
        "torch": lambda: torch.zeros(1, requires_grad=True),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sums of a long chain overflow, which is not the point here
        for _ in range(rounds):
            for name, make in sides.items():
                times[name].append(_chain(make, length))
    ours, theirs = (np.median(np.array(times[name]), axis=0) * 1e6 for name in ("ours", "torch"))
    return {
        "name": "recorded add, one element",
        "ours_forward_us": float(ours[0]),
        "ours_backward_us": float(ours[1]),
        "torch_forward_us": float(theirs[0]),
        "torch_backward_us": float(theirs[1]),
        "times_pytorch": float(ours.sum() / theirs.sum()),
    }


if __name__ == "__main__":
    print(row())
