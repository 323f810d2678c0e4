"""Peak memory of a training step, each library in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

OURS = """
import resource, sys
import numpy as np
import tinygrad_cv as tg
from tinygrad_cv import nn, optim
from benchmarks.networks import NETWORKS
build, shape, classes = NETWORKS[sys.argv[1]]
model = build(nn)
optimiser = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
x, t = tg.randn(*shape), tg.randint(classes, (shape[0],))
for _ in range(4):
    optimiser.zero_grad()
    tg.cross_entropy(model(x), t).backward()
    optimiser.step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
THEIRS = """
import resource, sys
import torch
from torch import nn
from benchmarks.networks import NETWORKS
build, shape, classes = NETWORKS[sys.argv[1]]
model = build(nn)
x, t = torch.randn(*shape), torch.randint(classes, (shape[0],))
if sys.argv[2] == "channels_last":
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for _ in range(4):
    optimiser.zero_grad()
    nn.functional.cross_entropy(model(x), t).backward()
    optimiser.step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _peak(program: str, *arguments: str) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    out = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return int(out.stdout.split()[-1]) / 1024


def row(name: str) -> dict[str, Any]:
    """Return the peak resident memory after four steps, in MiB, and PyTorch's better mode / ours."""
    ours = _peak(OURS, name)
    theirs = min(_peak(THEIRS, name, mode) for mode in ("contiguous", "channels_last"))
    return {"name": name, "ours_mib": ours, "torch_mib": theirs, "ratio": theirs / ours}
