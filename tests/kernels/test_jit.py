"""The door to numba: lazy, cached with a stamp over all kernels, sparing of words, and safe with threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tinygrad_cv.autograd.differentiate import owned
from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels import jit, jit_cache, memory

ROOT = Path(__file__).resolve().parents[2]

CONVOLVE = """
import numpy as np
from tinygrad_cv.ops import kernels
rng = np.random.default_rng(0)
x, w = (rng.standard_normal(s).astype(np.float32) for s in ((1, 7, 6, 3), (5, 3, 3, 3)))
y = kernels.conv2d(x, w, padding=(1, 0, 1, 2), algorithm="direct")
with kernels.use("numpy"):
    assert np.abs(y - kernels.conv2d(x, w, padding=(1, 0, 1, 2))).max() < 1e-5
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def test_importing_the_kernels_imports_no_numba() -> None:
    run("import sys, tinygrad_cv.ops.kernels; assert 'numba' not in sys.modules")


def test_another_reading_needs_no_numba() -> None:
    run(
        "import sys\n" + CONVOLVE.replace('"direct"', '"auto"') + "assert 'numba' not in sys.modules",
        TGCV_BACKEND="loops",
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["avx512", "avx2", "neon", "plain", "python"])
def test_every_width_of_vector_computes_the_same(mode: str, tmp_path: Path) -> None:
    if mode == "python":
        run(CONVOLVE, NUMBA_DISABLE_JIT="1")
    else:
        run(CONVOLVE, TGCV_SIMD=mode, TGCV_CACHE_DIR=str(tmp_path))


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    run(CONVOLVE, TGCV_CACHE_DIR=str(tmp_path))
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    again = run(CONVOLVE, TGCV_CACHE_DIR=str(tmp_path))
    assert stamps and stamps == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    assert "compiling" not in again.stderr


@pytest.mark.slow
def test_kernels_compile_where_numba_has_changed_inside(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['tinygrad_cv.ops.kernels.compiler'] = None\n"
    run(hide + CONVOLVE, TGCV_CACHE_DIR=str(tmp_path))


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_a_helper_never_becomes_machine_code() -> None:
    from numba import types

    helper = jit.inline(lambda n: n + 1)
    helper.compile((types.int64,))  # type: ignore[attr-defined]
    (compiled,) = helper.overloads.values()  # type: ignore[attr-defined]
    assert compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name) == 0


OWN = """
import numpy as np
from tinygrad_cv.ops.kernels.jit import spread

@spread
def count(worker, workers, out):
    for i in range(worker, out.size, workers):
        out[i] = min(i, 3)

@spread
def logarithm(worker, workers, out):
    for i in range(worker, out.size, workers):
        out[i] = np.log1p(out[i])
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_numba_loads_what_kernels_need_and_the_rest_when_it_is_missed(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
import numba, numpy as np, own
x = np.zeros(6)
own.count(2, x)
assert x.tolist() == [0, 1, 2, 3, 3, 3]
assert "numba.np.linalg" not in sys.modules
own.logarithm(2, x)
assert np.allclose(x, np.log1p([0, 1, 2, 3, 3, 3]))
assert "numba.np.linalg" in sys.modules
assert numba.njit(lambda a: min(a.sum(), 9.5))(np.ones(3)) == 3
"""
    run(code, TGCV_CACHE_DIR=str(tmp_path / "kernels"))


def test_a_folder_that_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    code = "from tinygrad_cv.ops import kernels; print(kernels.cache_folder())"
    folder = run(code, TGCV_CACHE_DIR=str(tmp_path / "file")).stdout.strip()
    assert "tinygrad_cv-" in folder
    assert not Path(folder).exists(), "a temporary cache is removed at the end"


def test_the_stamp_covers_every_kernel_source() -> None:
    assert len(jit_cache.stamp()) == 64
    assert jit_cache.stamp.__wrapped__() == jit_cache.stamp()  # type: ignore[attr-defined]


def test_a_long_compilation_is_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    announcement = jit._Announcement(patience=0.01)
    for _ in range(3):
        announcement.begin()
        announcement.begin()
        threading.Event().wait(0.05)
        announcement.end()
        announcement.end()
    assert capsys.readouterr().err.count("compiling kernels") == 1


def test_a_number_of_threads_beyond_the_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 to"):
        kernels.set_num_threads(10_000)
    with pytest.raises(ValueError, match="count is 0"):
        kernels.set_num_threads(0)


def test_an_unknown_reading_is_refused_and_use_is_undone_on_leaving() -> None:
    with pytest.raises(ValueError, match="'loops', |loops, numpy, numba"):
        kernels.use("torch")
    before = kernels.reading()
    with kernels.use("loops"):
        assert kernels.reading() == "loops"
    assert kernels.reading() == before


def test_threads_that_launch_at_once_get_their_own_results() -> None:
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((4, 9, 9, 5)).astype(np.float32) for _ in range(4)]
    w = rng.standard_normal((7, 5, 3, 3)).astype(np.float32)
    expected = [kernels.conv2d(x, w) for x in xs]
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(50):
            if not np.array_equal(kernels.conv2d(xs[k], w), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_large_memory_is_handed_out_again_only_when_nobody_looks_at_it() -> None:
    memory.release()
    a = memory.empty((1 << 15, 4))
    place, view = a.ctypes.data, a.T[1:]
    del a
    assert memory.empty((1 << 15, 4)).ctypes.data != place
    view[:] = 1
    del view
    held = {memory.empty((1 << 15, 4)).ctypes.data for _ in range(2)}
    b, c = memory.empty((1 << 15, 4)), memory.empty((1 << 15, 4))
    assert place in held | {b.ctypes.data, c.ctypes.data}


def test_flat_sees_the_memory_of_any_dense_order_and_refuses_gaps() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    x.flags.writeable = False
    assert np.array_equal(memory.flat(x.transpose(2, 0, 1)), np.arange(24.0))
    assert memory.flat(x).flags.writeable and memory.flat(x).ctypes.data == x.ctypes.data
    with pytest.raises(ValueError, match="not dense"):
        memory.flat(x[:, ::2])


def test_a_gradient_in_recycled_memory_is_copied_only_where_somebody_else_looks() -> None:
    g = memory.empty((1 << 15, 4))
    assert owned(g, set()) is g
    view = g[1:]
    assert owned(view, set()) is not view
    del g
    assert owned(view, set()) is view
