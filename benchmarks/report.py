"""What the benchmark leaves: numbers as JSON, tables as Markdown (also within the README), one chart."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

from .timing import geometric_mean

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def machine(threads: int) -> dict[str, Any]:
    """Return what was measured on, and with what."""
    import numba
    import numpy as np
    import torch

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next(
            (x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if x.startswith("model name")), model
        )
    return {
        "cpu": model, "cores": os.cpu_count(), "threads": threads, "python": platform.python_version(),
        "numpy": np.__version__, "numba": numba.__version__, "torch": torch.__version__,
        "command": "python3 dev.py bench",
    }  # fmt: skip


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _step_table(rows: list[dict[str, Any]], what: str) -> str:
    body = [
        [f"{r['name']}, batch {r['batch']}", f"{r['ours_ms']:.2f}",
         f"{min(r['torch_ms'], r['torch_channels_last_ms']):.2f}", f"{r['ratio']:.2f}"]
        for r in rows
    ]  # fmt: skip
    body.append(["geometric mean", "", "", f"{geometric_mean([r['ratio'] for r in rows]):.2f}"])
    return _table([what, "tinygrad_cv, ms", "PyTorch's best, ms", "ratio"], body)


def _layer_table(rows: list[dict[str, Any]]) -> str:
    kinds: dict[tuple[str, str], list[float]] = {}
    worst: dict[tuple[str, str], float] = {}
    for r in rows:
        key = (r["kind"], r["map"])
        kinds.setdefault(key, []).append(r["ratio"])
        worst[key] = max(worst.get(key, 0.0), float(r.get("error") or 0.0))
    body = [
        [f"{kind}, {which}", str(len(rs)), f"{geometric_mean(rs):.2f}", f"{min(rs):.2f}", f"{worst[kind, which]:.0e}"]
        for (kind, which), rs in kinds.items()
    ]
    return _table(["layer, map", "cases", "ratio, geometric mean", "least", "error"], body)


def markdown(results: dict[str, Any]) -> str:
    """Return all tables; ratios are PyTorch's better mode (contiguous or channels-last) / ours."""
    m, parts = results["machine"], results["parts"]
    out = [
        f"{m['cpu']}, {m['threads']} threads each; Python {m['python']}, NumPy {m['numpy']}, Numba {m['numba']}, "
        f"PyTorch {m['torch']}. Medians of interleaved rounds in one process; `{m['command']}`."
    ]
    if parts.get("steps"):
        out.append(_step_table(parts["steps"], "training step"))
    if parts.get("inference"):
        out.append(_step_table(parts["inference"], "inference"))
    for part in ("conv", "pointwise"):
        if parts.get(part):
            out.append(_layer_table(parts[part]))
    for r in parts.get("memory", []):
        out.append(f"Peak memory of the {r['name']} step: {r['ours_mib']:.0f} MiB, PyTorch {r['torch_mib']:.0f} MiB.")
    for r in parts.get("overhead", []):
        out.append(
            f"One recorded addition of one-element tensors, forward and backward: "
            f"{r['ours_forward_us'] + r['ours_backward_us']:.1f} us, {r['times_pytorch']:.2f} times PyTorch's."
        )
    for r in parts.get("start", []):
        if "seconds" in r:
            out.append(f"Import: {r['seconds']:.2f} s.")
        else:
            out.append(
                f"Import and {r['name']}: {r['filled_cache']:.1f} s; kernel cache empty, {r['empty_cache']:.1f} s."
            )
    return "\n\n".join(out) + "\n"


def write(results: dict[str, Any], folder: Path, complete: bool) -> list[Path]:
    """Write the files; a complete run also fills the README's table."""
    from tinygrad_cv.io.files import write_text

    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "results.json", folder / "results.md"]
    write_text(written[0], json.dumps(results, indent=1) + "\n")
    write_text(written[1], markdown(results))
    rows = results["parts"].get("steps")
    if rows:
        from tinygrad_cv.viz import bars

        chart = bars({r["name"]: r["ratio"] for r in rows}, title="Training step: PyTorch's best time / ours")
        chart.save(folder / "chart.svg")
        written.append(folder / "chart.svg")
    readme = ROOT / "README.md"
    if complete and readme.exists():
        text = readme.read_text()
        if BEGIN in text and END in text:
            short = {
                "machine": results["machine"],
                "parts": {k: v for k, v in results["parts"].items() if k not in ("inference", "conv", "pointwise")},
            }
            head, _, rest = text.partition(BEGIN)
            tail = rest.partition(END)[2]
            write_text(readme, f"{head}{BEGIN}\n{markdown(short)}{END}{tail}")
            written.append(readme)
    return written
