"""Measure against PyTorch: python3 dev.py bench [--quick] [--only PART ...] [--threads N] [--out FOLDER]

Parts: conv (by layer), pointwise (pooling, norms, losses, updates), steps (training), inference, memory, overhead,
start. Writes results.json, results.md and chart.svg into benchmarks/results/, and the table into README.md between its
marks (not with --quick or --only).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from .timing import share_openmp, use_threads

HERE = Path(__file__).resolve().parent
PARTS = ("overhead", "start", "conv", "pointwise", "steps", "inference", "memory")


def measure(part: str, quick: bool, nets: list[str] | None = None) -> list[dict[str, Any]]:
    """Run one part and return its rows."""
    from . import conv_layers, memory, overhead, pointwise_layers, start, steps

    rows = {
        "overhead": lambda: [overhead.row()],
        "start": start.rows,
        "conv": lambda: conv_layers.rows(quick),
        "pointwise": lambda: pointwise_layers.rows(quick),
        "steps": lambda: steps.training_rows(quick, nets),
        "inference": lambda: steps.inference_rows(quick, nets),
        "memory": lambda: [memory.row("LeNet" if quick else "ResNet-18 32x32")],
    }[part]()
    out = []
    for row in rows:
        out.append(row)
        print("  " + "  ".join(f"{k} {_short(v)}" for k, v in row.items()), flush=True)
    return out


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> int:
    """Run the parts that were asked for and write what came out."""
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a few rows of each part, within two minutes")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=None, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--nets", nargs="+", default=None, metavar="NAME", help="of steps and inference: only these")
    parser.add_argument("--threads", type=int, default=2, help="for both libraries")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="the folder for the results")
    options = parser.parse_args()
    share_openmp("benchmarks")
    from . import report

    use_threads(options.threads)
    results: dict[str, Any] = {"machine": report.machine(options.threads), "parts": {}}
    for part in PARTS if options.only is None else options.only:
        begin = time.perf_counter()
        print(f"{part}:", flush=True)
        results["parts"][part] = measure(part, options.quick, options.nets)
        print(f"  ({time.perf_counter() - begin:.0f} s)", flush=True)
    for path in report.write(results, options.out, complete=not options.quick and options.only is options.nets is None):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
