"""What a training step cannot do without: its multiply-adds, its bytes, its launches and its Python.

    python -m benchmarks.bounds [--threads 2] [--out FOLDER] [NAME...]

Every kernel that one step calls is counted: the multiply-adds that its algorithm makes (for Winograd's, those of the
products alone, without any transform), the bytes of arrays that outgrow a core's second-level cache, those written
twice (a line is read before it is written), and the calls themselves. At the measured peak of the vector units and the
measured speed of memory these take a time below which the step cannot fall with these algorithms, however well a kernel
is written. Beside it stands the time that the kernels do take. Last, the step runs with kernels that hand out what they
computed before: what is left is Python.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.ops.kernels import readings
from tinygrad_cv.ops.kernels.cost import Geometry, choose_algorithm, winograd_products, winograd_variant

from .networks import NETWORKS
from .timing import share_openmp, use_threads

CACHED = 1 << 20
"""Bytes of an array that a core's second-level cache may still hold."""


def products(kernel: str, args: tuple[Any, ...], settings: dict[str, Any], y: Any) -> int:
    """Return the multiply-adds that a call of a kernel makes."""
    if kernel in ("matmul", "linear"):
        return int(args[0].shape[0] * args[0].shape[1] * y.shape[1])
    if not kernel.startswith("conv2d"):
        return 0
    if kernel == "conv2d":
        image, w, stride, groups, to = args[0], args[1].shape, args[2], args[5], y.shape[1:3]
        seen = to
    elif kernel == "conv2d_grad_x":
        g, w, to, stride, groups = args[0], args[1].shape, args[2], args[3], args[6]
        image, seen, w = g, g.shape[1:3], (w[1] * groups, w[0], *w[2:])
    else:
        image, g, stride, groups, w = args[0], args[1], args[3], args[6], y.shape
        to = seen = g.shape[1:3]
    N, OC, C, taps = image.shape[0], w[0], image.shape[3], w[2:4]
    geometry = Geometry(N, C, OC, tuple(to), tuple(taps), tuple(stride), (1, 1), groups)
    variant = winograd_variant(geometry)
    if variant and choose_algorithm(geometry) == "winograd":
        return winograd_products(geometry, variant) * C * OC
    return int(N * seen[0] * seen[1] * taps[0] * taps[1] * C * OC // groups)


class Count:
    """Stands before every kernel: counts its calls, or with ``replay`` hands out what it returned before."""

    def __init__(self) -> None:
        self.begin()
        self.real = readings._function

    def begin(self) -> None:
        self.calls = self.products = self.bytes = 0
        self.seconds, self.replay = 0.0, -1
        self.kept: list[Any] = []

    def function(self, kernel: str, name: str) -> Callable[..., Any]:
        compute = self.real(kernel, name)

        def counted(*args: Any, **settings: Any) -> Any:
            if self.replay >= 0:
                self.replay += 1
                y, self.kept[self.replay - 1] = self.kept[self.replay - 1], None  # what others hold would be copied
                return y
            begun = time.perf_counter()
            y = compute(*args, **settings)
            self.seconds += time.perf_counter() - begun
            outputs = y if isinstance(y, tuple) else (y,)
            sizes = [(a.nbytes, 1) for a in (*args, *settings.values()) if isinstance(a, np.ndarray)]
            sizes += [(a.nbytes, 2) for a in outputs if isinstance(a, np.ndarray)]
            self.calls += 1
            self.bytes += sum(n * times for n, times in sizes if n > CACHED)
            self.products += products(kernel, args, settings, y)
            self.kept.append(y)
            return y

        return counted


def row(name: str, peak: float, bandwidth: float) -> dict[str, Any]:
    """Count one step of a network."""
    import tinygrad_cv as tg
    from tinygrad_cv import nn, optim

    build, shape, classes = NETWORKS[name]
    model = build(nn).train()
    optimiser = optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    x, t = tg.randn(*shape), tg.randint(classes, (shape[0],))

    def step() -> float:
        begin = time.perf_counter()
        optimiser.zero_grad()
        tg.cross_entropy(model(x), t).backward()
        optimiser.step()
        return time.perf_counter() - begin

    step()
    count = Count()
    readings._function = count.function  # type: ignore[assignment]
    try:
        busy, seconds = [], []
        for _ in range(9):
            count.begin()
            step()
            busy.append(count.seconds)
            count.replay = 0
            seconds.append(step())
    finally:
        readings._function = count.real
    return {
        "name": f"{name}, batch {shape[0]}",
        "products": count.products,
        "arithmetic_ms": 1e3 * count.products / peak,
        "bytes": count.bytes,
        "memory_ms": 1e3 * count.bytes / bandwidth,
        "calls": count.calls,
        "kernels_ms": 1e3 * float(np.median(busy)),
        "python_ms": 1e3 * float(np.median(seconds)),
    }


def stream() -> float:
    """Return the bytes a second at which all threads add two arrays that no cache holds; written lines count twice."""
    n = 16 << 20
    a, b = np.ones(n, np.float32), np.ones(n, np.float32)
    add = readings.pick("add", np.float32, n)
    best = float("inf")
    for _ in range(8):
        begin = time.perf_counter()
        add(a, b)
        best = min(best, time.perf_counter() - begin)
    return 16 * n / best


def table(rows: list[dict[str, Any]], peak: float, bandwidth: float) -> str:
    """Return the rows as a table in Markdown."""
    lines = [
        f"At {peak / 1e9:.0f} billion multiply-adds and {bandwidth / 1e9:.0f} GB a second, all threads together:",
        "",
        "| training step | multiply-adds, G | ms | bytes, MB | ms | kernels took, ms | calls | Python, ms | floor |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in rows:
        floor = r["arithmetic_ms"] + r["memory_ms"] + r["python_ms"]
        lines.append(
            f"| {r['name']} | {r['products'] / 1e9:.2f} | {r['arithmetic_ms']:.2f} | {r['bytes'] / 1e6:.0f} | "
            f"{r['memory_ms']:.2f} | {r['kernels_ms']:.2f} | {r['calls']} | {r['python_ms']:.2f} | {floor:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these networks")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    share_openmp("benchmarks.bounds")
    use_threads(options.threads)
    from .conv_layers import peak as measured

    peak, bandwidth = measured(), stream()
    rows = [row(name, peak, bandwidth) for name in options.names or NETWORKS]
    text = table(rows, peak, bandwidth)
    print(text, end="")
    if not options.names:
        (options.out / "bounds.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
