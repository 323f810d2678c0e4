"""How long it takes to begin: import, and the first training step of a process, kernel cache empty or filled."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

IMPORT = "import time; t = time.perf_counter(); import tinygrad_cv; print(time.perf_counter() - t)"
FIRST_STEP = """
import sys, time
start = time.perf_counter()
import numpy as np
import tinygrad_cv as tg
from tinygrad_cv import nn, optim
from benchmarks.networks import NETWORKS
build, shape, classes = NETWORKS[sys.argv[1]]
model = build(nn)
optimiser = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
x, t = tg.randn(*shape), tg.randint(classes, (shape[0],))
tg.cross_entropy(model(x), t).backward()
optimiser.step()
print(time.perf_counter() - start)
"""


def _run(program: str, *arguments: str, cache: str | None = None) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    if cache is not None:
        environment["TGCV_CACHE_DIR"] = cache
    out = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return float(out.stdout.split()[-1])


def rows() -> Iterator[dict[str, Any]]:
    """Yield seconds: the import, and import plus first step of two networks with an empty and with a filled cache."""
    yield {"name": "import", "seconds": float(np.median([_run(IMPORT) for _ in range(7)]))}
    for name in ("LeNet", "ResNet-18 32x32"):
        with tempfile.TemporaryDirectory() as cache:
            begin = time.perf_counter()
            empty = _run(FIRST_STEP, name, cache=cache)
            process = time.perf_counter() - begin
            filled = float(np.median([_run(FIRST_STEP, name, cache=cache) for _ in range(3)]))
        yield {"name": f"first step, {name}", "empty_cache": empty, "process": process, "filled_cache": filled}
