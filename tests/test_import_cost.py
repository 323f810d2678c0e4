"""Importing the package is cheap: no compiler, no plots, no pictures, no kernels, no file but its source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ["numba", "llvmlite", "matplotlib", "PIL", "graphviz", "pygraphviz", "safetensors", "tqdm", "onnx",
         "optuna", "mpi4py", "starlette", "uvicorn", "torch", "hypothesis", "pytest"]  # fmt: skip

PROGRAM = """
import json, sys
import numpy  # what numpy itself opens is its own affair
opened, started = [], []

def watch(event, arguments):
    if event == "open" and not isinstance(arguments[0], int):
        opened.append(str(arguments[0]))
    elif event in ("subprocess.Popen", "socket.connect", "os.mkdir", "os.fork"):
        started.append(event)

sys.dont_write_bytecode = True
sys.addaudithook(watch)
import tinygrad_cv
print(json.dumps({"modules": list(sys.modules), "opened": opened, "started": started}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a new Python saw while it imported the package with an empty kernel cache."""
    folder = tmp_path_factory.mktemp("import")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TGCV_CACHE_DIR": str(folder / "kernels")}
    result = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, cwd=folder, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    return {**json.loads(result.stdout), "cache": folder / "kernels"}


def test_import_leaves_the_heavy_libraries_out(seen: Any) -> None:
    assert sorted(set(HEAVY) & set(seen["modules"])) == []


def test_import_opens_no_file_but_source(seen: Any) -> None:
    assert [path for path in seen["opened"] if Path(path).suffix not in (".py", ".pyc", ".so", ".pyd")] == []


def test_import_compiles_nothing_and_starts_nothing(seen: Any) -> None:
    assert not seen["cache"].exists()
    assert seen["started"] == []
