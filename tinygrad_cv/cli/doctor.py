"""Show what this machine offers: Python, libraries, processor, threads, kernel cache, drawing programs, extras."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

CORE = ("numpy", "numba", "llvmlite", "graphviz", "pillow", "safetensors", "tqdm")
EXTRAS = {
    "viz": ("matplotlib", "pygraphviz"),
    "onnx": ("onnx", "onnxruntime"),
    "tune": ("optuna",),
    "mpi": ("mpi4py",),
    "web": ("starlette", "uvicorn"),
    "jupyter": ("anywidget", "ipywidgets"),
    "bench": ("torch",),
}


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words: there are none."""


def run(arguments: Namespace) -> int:
    """Print the findings; the exit code is 1 when something that is needed is missing."""
    import tinygrad_cv
    from tinygrad_cv.ops.kernels import cache_folder, get_num_threads, jit, reading
    from tinygrad_cv.train.report import lines

    versions = {name: _version(name) for name in CORE}
    missing = [name for name, version in versions.items() if version is None]
    rows = [
        ("tinygrad_cv", f"{tinygrad_cv.__version__}, in {Path(tinygrad_cv.__file__).parent}"),
        ("python", f"{platform.python_version()}, {sys.executable}"),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        *((name, version or "missing") for name, version in versions.items()),
        ("processor", f"{_processor()}, {jit.cores()} of {os.cpu_count()} cores usable"),
    ]
    rows.append(("kernels", f"reading {reading()}, {get_num_threads()} threads"))
    if jit.available():
        from tinygrad_cv.ops.kernels import simd

        rows.append(("vectors", f"{simd.LANES} numbers of float32 at a time"))
        folder = cache_folder()
        files = [p for p in folder.rglob("*") if p.is_file()]
        size = sum(p.stat().st_size for p in files) / 2**20
        rows.append(("kernel cache", f"{folder}, {len(files)} files, {size:.1f} MiB"))
    rows.append(("dot program", shutil.which("dot") or "missing, not needed: graphs are drawn without it"))
    for extra, names in EXTRAS.items():
        found = [f"{name} {version}" for name in names if (version := _version(name)) is not None]
        absent = [name for name in names if _version(name) is None]
        hint = f"missing {', '.join(absent)}: pip install 'tinygrad-cv[{extra}]'" if absent else ""
        rows.append((f"extra {extra}", ", ".join(found + ([hint] if hint else []))))
    print(lines(rows))
    if missing:
        print(f"\nmissing and needed: pip install {' '.join(missing)}")
    return 1 if missing else 0


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
