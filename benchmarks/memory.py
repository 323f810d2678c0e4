"""Peak memory of a training step, each library in a process of its own.

Beside the whole process, what the batch adds: the peak above that of a step with two images, which has loaded the
library's code and compilers and made the optimiser's state.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

PEAK = """
import pathlib, resource

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""
"""KiB. What Linux calls a process's own peak in its ``rusage`` is at least that of the process that started it."""
OURS = """
import sys
import numpy as np
import tinygrad_cv as tg
from tinygrad_cv import nn, optim
from benchmarks.networks import NETWORKS
build, shape, classes = NETWORKS[sys.argv[1]]
model = build(nn)
optimiser = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
x, t = tg.randn(*shape), tg.randint(classes, (shape[0],))

def step(x, t):
    optimiser.zero_grad()
    tg.cross_entropy(model(x), t).backward()
    optimiser.step()

step(x[:2], t[:2])
base = peak()
for _ in range(4):
    step(x, t)
print(base, peak())
"""
THEIRS = """
import sys
import torch
from torch import nn
from benchmarks.networks import NETWORKS
build, shape, classes = NETWORKS[sys.argv[1]]
model = build(nn)
x, t = torch.randn(*shape), torch.randint(classes, (shape[0],))
if sys.argv[2] == "channels_last":
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

def step(x, t):
    optimiser.zero_grad()
    nn.functional.cross_entropy(model(x), t).backward()
    optimiser.step()

step(x[:2], t[:2])
base = peak()
for _ in range(4):
    step(x, t)
print(base, peak())
"""


def _peak(program: str, *arguments: str) -> tuple[float, float]:
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    out = subprocess.run(
        [sys.executable, "-c", PEAK + program, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    base, peak = (int(word) / 1024 for word in out.stdout.split()[-2:])
    return peak - base, peak


def row(name: str) -> dict[str, Any]:
    """Return the peak resident memory of four steps in MiB: of the process, and what the batch added to it.

    ``ratio`` and ``batch_ratio`` are PyTorch's better mode / ours.
    """
    ours = _peak(OURS, name)
    theirs = min(_peak(THEIRS, name, mode) for mode in ("contiguous", "channels_last"))
    return {
        "name": name, "ours_mib": ours[1], "torch_mib": theirs[1], "ratio": theirs[1] / ours[1],
        "ours_batch_mib": ours[0], "torch_batch_mib": theirs[0], "batch_ratio": theirs[0] / ours[0],
    }  # fmt: skip
