"""Compiling ahead: noted launches run nothing, and what processes compiled is found by the step that needs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
import numpy as np
from tinygrad_cv.ops.kernels import ahead, cache_folder
from tinygrad_cv.ops.kernels.readings import pick

def step():
    return pick("sigmoid", np.float32)(x), pick("column_sums", np.float32)(x)

def kept():
    return {path.name: path.stat().st_mtime_ns for path in cache_folder().iterdir()}

if __name__ == "__main__":
    x = np.ones((300, 40), np.float32)
    with ahead.noted() as entries:
        step(), step()
    assert kept() == {}, "a noted launch compiled something"
    assert sorted(len(entry.kinds) for entry in entries) == [1, 1]
    wrong = entries[0]._replace(kinds=((),))
    assert sorted(ahead.compiled([*entries, wrong], 2)) == sorted(entries)
    before = kept()
    y, sums = step()
    assert before and kept() == before, "the step compiled something"
    assert np.allclose(y, 1 / (1 + np.exp(-1.0))) and (sums == 300).all()
    with ahead.noted() as entries:
        step()
    assert entries == [], "what is kept need not be compiled"
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_a_step_finds_what_processes_compiled_for_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TGCV_CACHE_DIR": str(tmp_path / "kernels")}
    done = subprocess.run([sys.executable, program], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
