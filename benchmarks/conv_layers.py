"""Time every kind of convolution layer against PyTorch, map by map.

Both run in one process with the same number of threads, in turns, so that what else the machine does falls on both.
PyTorch's time is the better of its contiguous and channels-last modes. Ours includes the output array and the
packing or transforming of weights, which PyTorch does inside its calls as well. Errors are measured on two images
against float64, relative to the largest value.

    python -m benchmarks.conv_layers [--quick] [--only WORD] [--threads 2] [--algorithm auto]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.timing import geometric_mean, interleave, share_openmp, use_threads
from tinygrad_cv.ops import kernels


class Layer(NamedTuple):
    """One convolution: N images of C x H x W, OC filters K x K."""

    kind: str
    N: int
    C: int
    H: int
    OC: int
    K: int
    stride: int = 1
    pad: int = 0
    groups: int = 1
    quick: bool = False

    def __str__(self) -> str:
        extra = f"/{self.stride}" if self.stride > 1 else ""
        groups = f" g{self.groups}" if self.groups > 1 else ""
        return f"{self.N}x{self.C}x{self.H}x{self.H} -> {self.OC}, {self.K}x{self.K}{extra}{groups}"


LAYERS = [
    Layer("3x3", 64, 64, 32, 64, 3, 1, 1, quick=True),
    Layer("3x3", 64, 128, 16, 128, 3, 1, 1),
    Layer("3x3", 64, 256, 8, 256, 3, 1, 1, quick=True),
    Layer("3x3", 64, 512, 4, 512, 3, 1, 1, quick=True),
    Layer("3x3", 128, 32, 16, 32, 3, 1, 1),
    Layer("3x3", 128, 64, 8, 64, 3, 1, 1, quick=True),
    Layer("3x3", 8, 64, 56, 64, 3, 1, 1),
    Layer("3x3", 8, 128, 28, 128, 3, 1, 1, quick=True),
    Layer("3x3 more", 128, 16, 32, 16, 3, 1, 1, quick=True),
    Layer("3x3 more", 8, 256, 14, 256, 3, 1, 1),
    Layer("3x3 more", 8, 512, 7, 512, 3, 1, 1),
    Layer("3x3 more", 8, 192, 13, 384, 3, 1, 1),
    Layer("3x3 more", 64, 64, 16, 128, 3, 1, 1),
    Layer("3x3 more", 64, 512, 2, 512, 3, 1, 1),
    Layer("1x1", 8, 64, 56, 256, 1, quick=True),
    Layer("1x1", 8, 256, 56, 64, 1),
    Layer("1x1", 64, 64, 32, 128, 1, 2),
    Layer("1x1", 64, 256, 8, 512, 1, 2),
    Layer("5x5", 64, 32, 16, 64, 5, 1, 2, quick=True),
    Layer("5x5", 8, 64, 27, 192, 5, 1, 2),
    Layer("5x5", 64, 6, 14, 16, 5, quick=True),
    Layer("7x7/2", 8, 3, 224, 64, 7, 2, 3, quick=True),
    Layer("11x11/4", 8, 3, 224, 64, 11, 4, 2, quick=True),
    Layer("3x3/2", 64, 64, 32, 128, 3, 2, 1, quick=True),
    Layer("3x3/2", 64, 256, 8, 512, 3, 2, 1),
    Layer("3x3/2", 128, 16, 32, 32, 3, 2, 1),
    Layer("3x3/2", 8, 128, 56, 128, 3, 2, 1),
    Layer("depthwise", 32, 64, 32, 64, 3, 1, 1, 64, quick=True),
    Layer("depthwise", 8, 144, 56, 144, 3, 1, 1, 144),
    Layer("depthwise", 8, 96, 112, 96, 3, 2, 1, 96),
    Layer("grouped", 8, 128, 56, 128, 3, 1, 1, 32, quick=True),
    Layer("grouped", 32, 128, 16, 128, 3, 1, 1, 4),
    Layer("C=3", 64, 3, 32, 64, 3, 1, 1, quick=True),
    Layer("C=3", 128, 3, 32, 16, 3, 1, 1),
    Layer("C=3", 64, 3, 32, 32, 5, 1, 2),
    Layer("C=1", 64, 1, 28, 6, 5, 1, 2, quick=True),
    Layer("C=1", 64, 1, 28, 6, 5),
    Layer("C=1", 64, 1, 28, 32, 3, 1, 1),
]

MAPS = ("y", "gx", "gw")


def peak() -> float:
    """Return the multiply-adds per second of one core's vector units, times the threads in use."""
    from tinygrad_cv.ops.kernels.jit import kernel
    from tinygrad_cv.ops.kernels.simd import LANES, fma, splat, store

    @kernel
    def spin(out: Any, n: int) -> None:
        a = splat(np.float32(0.5))
        s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 = a, a, a, a, a, a, a, a, a, a
        for _ in range(n):
            s0, s1, s2, s3, s4 = fma(s0, a, s0), fma(s1, a, s1), fma(s2, a, s2), fma(s3, a, s3), fma(s4, a, s4)
            s5, s6, s7, s8, s9 = fma(s5, a, s5), fma(s6, a, s6), fma(s7, a, s7), fma(s8, a, s8), fma(s9, a, s9)
        store(out, 0, s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9)

    out, n = np.zeros(64, np.float32), 1_000_000
    spin(out, 10)
    return 10 * LANES * n / interleave({"spin": lambda: spin(out, n)})["spin"] * kernels.get_num_threads()


def _arrays(layer: Layer, images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    OH = (layer.H + 2 * layer.pad - layer.K) // layer.stride + 1
    x = rng.standard_normal((images, layer.H, layer.H, layer.C)).astype(np.float32)
    w = rng.standard_normal((layer.K, layer.K, layer.C // layer.groups, layer.OC)).astype(np.float32)
    g = rng.standard_normal((images, OH, OH, layer.OC)).astype(np.float32)
    return x, (w * np.float32(0.05)).transpose(3, 2, 0, 1), g


def _ours(layer: Layer, x: np.ndarray, w: np.ndarray, g: np.ndarray, algorithm: str) -> list[Callable[[], Any]]:
    s: dict[str, Any] = {
        "stride": (layer.stride, layer.stride),
        "padding": (layer.pad,) * 4,
        "groups": layer.groups,
        "algorithm": algorithm,
    }
    return [
        lambda: kernels.conv2d(x, w, **s),
        lambda: kernels.conv2d_grad_x(g, w, (layer.H, layer.H), **s),
        lambda: kernels.conv2d_grad_w(x, g, (layer.K, layer.K), **s),
    ]


def _theirs(layer: Layer, x: Any, w: Any, g: Any) -> list[Callable[[], Any]]:
    import torch

    back = torch.ops.aten.convolution_backward
    s, p = [layer.stride] * 2, [layer.pad] * 2

    def backward(mask: list[bool]) -> Any:
        return back(g, x, w, [0], s, p, [1, 1], False, [0, 0], layer.groups, mask)

    return [
        lambda: torch.nn.functional.conv2d(x, w, None, layer.stride, layer.pad, 1, layer.groups),
        lambda: backward([True, False, False]),
        lambda: backward([False, True, False]),
    ]


def _torch_arrays(x: np.ndarray, w: np.ndarray, g: np.ndarray) -> tuple[Any, Any, Any]:
    import torch

    x, g = x.transpose(0, 3, 1, 2), g.transpose(0, 3, 1, 2)
    return tuple(torch.tensor(np.ascontiguousarray(a)) for a in (x, w, g))  # type: ignore[return-value]


def errors(layer: Layer, algorithm: str = "auto") -> list[float]:
    """Return the largest difference of y, gx and gw from float64, relative to the largest value."""
    x, w, g = _arrays(layer, 2)
    found = [f() for f in _ours(layer, x, w, g, algorithm)]
    found[:2] = [a.transpose(0, 3, 1, 2) for a in found[:2]]
    truth = [f() for f in _theirs(layer, *(a.double() for a in _torch_arrays(x, w, g)))]
    exact = [t.numpy() if k == 0 else t[k - 1].numpy() for k, t in enumerate(truth)]
    return [float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(found, exact, strict=True)]


def rows(
    quick: bool = False, only: str = "", algorithm: str = "auto", seconds: float = 0.5
) -> Iterable[dict[str, Any]]:
    """Measure layer by layer, and yield one row per layer and map.

    Keys: layer, kind, map, ours and torch (seconds), ratio (torch / ours), error, share (of the peak, counting
    the multiply-adds of the direct algorithm). The gradient of a first layer's input is nobody's: it is left out.
    """
    import torch

    use_threads(kernels.get_num_threads())
    top = peak()
    for layer in LAYERS:
        if (quick and not layer.quick) or only not in f"{layer.kind}: {layer}":
            continue
        x, w, g = _arrays(layer, layer.N)
        plain = _torch_arrays(x, w, g)
        last = tuple(t.contiguous(memory_format=torch.channels_last) for t in plain)
        sides = [_ours(layer, x, w, g, algorithm), _theirs(layer, *plain), _theirs(layer, *last)]
        work = g.size * w[0].size
        wrong = errors(layer, algorithm)
        with torch.no_grad():
            for k, name in enumerate(MAPS):
                if name == "gx" and layer.C <= 3:
                    continue
                names = ("ours", "contiguous", "channels-last")
                calls = {name: side[k] for name, side in zip(names, sides, strict=True)}
                ours, *theirs = interleave(calls, 50, seconds, warmup=2, least=0.002).values()
                best = min(theirs)
                yield {
                    "layer": str(layer), "kind": layer.kind, "map": name, "ours": ours, "torch": best,
                    "ratio": best / ours, "error": wrong[k], "share": work / ours / top,
                }  # fmt: skip


def main() -> None:
    """Print the table, and the geometric means by kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="layers whose name contains this")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--algorithm", default="auto")
    parser.add_argument("--seconds", type=float, default=0.5, help="per layer and map")
    args = parser.parse_args()
    share_openmp("benchmarks.conv_layers")
    kernels.set_num_threads(args.threads)
    print(f"{'kind':10} {'layer':38} map {'ours ms':>8} {'torch ms':>8} {'ratio':>6} {'error':>8} {'share':>6}")
    seen = []
    for row in rows(args.quick, args.only, args.algorithm, args.seconds):
        seen.append(row)
        print(
            f"{row['kind']:10} {row['layer']:38} {row['map']:3} {row['ours'] * 1e3:8.3f} {row['torch'] * 1e3:8.3f}"
            f" {row['ratio']:6.2f} {row['error']:8.1e} {row['share']:6.0%}",
            flush=True,
        )
    for kind in dict.fromkeys(row["kind"] for row in seen):
        means = {
            name: geometric_mean([row["ratio"] for row in seen if row["kind"] == kind and row["map"] == name])
            for name in MAPS
            if any(row["kind"] == kind and row["map"] == name for row in seen)
        }
        print(f"{kind:10} geometric mean  " + "  ".join(f"{name} {value:.2f}" for name, value in means.items()))


if __name__ == "__main__":
    main()
