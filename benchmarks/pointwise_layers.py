"""Time the layers that wait for memory, and the optimisers, against PyTorch: forward and backward together.

Pooling, batch norm with ReLU (and with a residual), softmax with cross entropy, and updates of all parameters of a
network. Both sides run in one process with the same number of threads, in turns. Both call their kernels directly,
PyTorch's through ``torch.ops.aten``, so that no recording is measured. PyTorch's time is the best of its modes:
contiguous and channels-last, or its optimisers' plain, foreach and fused forms. Errors are those of our first result
(y, or the loss) against float64, relative to the largest value.

    python -m benchmarks.pointwise_layers [--quick] [--only WORD] [--threads 2]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from benchmarks.timing import geometric_mean, interleave, share_openmp, use_threads
from tinygrad_cv.ops import kernels
from tinygrad_cv.ops.kernels.memory import empty
from tinygrad_cv.ops.kernels.readings import pick

Side = Callable[[], Any]
Case = tuple[str, str, Callable[[], tuple[Side, list[Side], float]]]


def _random(*shape: int, seed: int = 0) -> np.ndarray:
    """Return normal numbers that begin at a line of memory, as the arrays of both libraries do."""
    out = empty(shape)
    out[...] = np.random.default_rng(seed).standard_normal(shape)
    return out


def _modes(*blocks: np.ndarray) -> list[list[Any]]:
    """PyTorch's views of (N, H, W, C) blocks: contiguous, then channels-last."""
    import torch

    last = [torch.from_numpy(b.transpose(0, 3, 1, 2)) for b in blocks]
    return [[t.contiguous() for t in last], last]


def _error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.abs(found - exact).max() / np.abs(exact).max())


def _max_pool(N: int, C: int, H: int, K: int, S: int, P: int) -> tuple[Side, list[Side], float]:
    import torch

    aten, OH = torch.ops.aten, (H + 2 * P - K) // S + 1
    x, g = _random(N, H, H, C), _random(N, OH, OH, C, seed=1)
    window = ((K, K), (S, S), (P, P, P, P))

    def ours() -> Any:
        y, index = pick("max_pool2d")(x, *window, (1, 1), (OH, OH))
        return y, pick("max_pool2d_grad")(g, index, (H, H), *window)

    def theirs(x: Any, g: Any) -> Any:
        y, index = aten.max_pool2d_with_indices(x, [K, K], [S, S], [P, P])
        return y, aten.max_pool2d_with_indices_backward(g, x, [K, K], [S, S], [P, P], [1, 1], False, index)

    exact = pick("max_pool2d", np.float64)(x.astype(np.float64), *window, (1, 1), (OH, OH))[0]
    return ours, [lambda m=m: theirs(*m) for m in _modes(x, g)], _error(ours()[0], exact)


def _avg_pool(N: int, C: int, H: int, K: int, S: int, P: int) -> tuple[Side, list[Side], float]:
    import torch

    aten, OH = torch.ops.aten, (H + 2 * P - K) // S + 1
    x, g = _random(N, H, H, C), _random(N, OH, OH, C, seed=1)
    window = ((K, K), (S, S), (P, P, P, P))

    def ours() -> Any:
        y = pick("avg_pool2d")(x, *window, (OH, OH))
        return y, pick("avg_pool2d_grad")(g, (H, H), *window)

    def theirs(x: Any, g: Any) -> Any:
        y = aten.avg_pool2d(x, [K, K], [S, S], [P, P])
        return y, aten.avg_pool2d_backward(g, x, [K, K], [S, S], [P, P], False, True, None)

    exact = pick("avg_pool2d", np.float64)(x.astype(np.float64), *window, (OH, OH))
    return ours, [lambda m=m: theirs(*m) for m in _modes(x, g)], _error(ours()[0], exact)


def _adaptive(kind: str, N: int, C: int, H: int, O: int) -> tuple[Side, list[Side], float]:  # noqa: E741
    import torch

    aten = torch.ops.aten
    x, g = _random(N, H, H, C), _random(N, O, O, C, seed=1)

    def ours() -> Any:
        if kind == "avg":
            return pick("adaptive_avg_pool2d")(x, (O, O)), pick("adaptive_avg_pool2d_grad")(g, (H, H))
        y, index = pick("adaptive_max_pool2d")(x, (O, O))
        return y, pick("adaptive_max_pool2d_grad")(g, index, (H, H))

    def theirs(x: Any, g: Any) -> Any:
        if kind == "avg" and O == 1:  # PyTorch's own short cut
            return x.mean((2, 3), keepdim=True), (g / (H * H)).expand(x.shape).contiguous()
        if kind == "avg":
            return aten._adaptive_avg_pool2d(x, [O, O]), aten._adaptive_avg_pool2d_backward(g, x)
        y, index = aten.adaptive_max_pool2d(x, [O, O])
        return y, aten.adaptive_max_pool2d_backward(g, x, index)

    exact = pick(f"adaptive_{kind}_pool2d", np.float64)(x.astype(np.float64), (O, O))
    return ours, [lambda m=m: theirs(*m) for m in _modes(x, g)], _error(ours()[0], exact if kind == "avg" else exact[0])


def _batch_norm(N: int, C: int, H: int, residual: bool) -> tuple[Side, list[Side], float]:
    import torch

    aten = torch.ops.aten
    x, g, add = (_random(N, H, H, C, seed=k) for k in range(3))
    w, b = np.abs(_random(C, seed=3)) + 0.5, _random(C, seed=4)
    rows, g_rows, add_rows = (a.reshape(-1, C) for a in (x, g, add))
    added = add_rows if residual else None
    tw, tb = torch.from_numpy(w), torch.from_numpy(b)

    def forward(rows: np.ndarray, dtype: Any, *parts: Any) -> Any:
        mean, variance = pick("batch_norm_stats", dtype)(rows)
        r = 1 / np.sqrt(variance + dtype(1e-5))
        return mean, r, pick("batch_norm_apply", dtype)(rows, mean, r, *parts, relu=True)

    def ours() -> Any:
        mean, r, y = forward(rows, np.float32, w, b, added)
        return y, pick("batch_norm_grad")(g_rows, rows, mean, r, w, b, y if residual else None, True, residual)

    def theirs(x: Any, g: Any, add: Any) -> Any:
        y, mean, r = aten.native_batch_norm(x, tw, tb, None, None, True, 0.1, 1e-5)
        y = aten.relu_(y.add_(add) if residual else y)
        g = aten.threshold_backward(g, y, 0)
        return y, aten.native_batch_norm_backward(g, x, tw, None, None, mean, r, True, 1e-5, [True, True, True])

    parts = [None if a is None else a.astype(np.float64) for a in (w, b, added)]
    exact = forward(rows.astype(np.float64), np.float64, *parts)[2]
    return ours, [lambda m=m: theirs(*m) for m in _modes(x, g, add)], _error(ours()[0], exact)


def _cross_entropy(N: int, K: int) -> tuple[Side, list[Side], float]:
    import torch

    aten = torch.ops.aten
    x, target = _random(N, K) * 3, np.random.default_rng(1).integers(0, K, N)
    share = np.full(N, 1 / N, np.float32)
    tx, tt, one = torch.from_numpy(x), torch.from_numpy(target), torch.tensor(1.0)

    def ours() -> Any:
        loss, softmax = pick("cross_entropy")(x, target)
        return loss.mean(), pick("cross_entropy_grad")(share, softmax, target)

    def theirs() -> Any:
        logs = aten._log_softmax(tx, 1, False)
        loss, weight = aten.nll_loss_forward(logs, tt, None, 1, -100)
        g = aten.nll_loss_backward(one, logs, tt, None, 1, -100, weight)
        return loss, aten._log_softmax_backward_data(g, logs, 1, torch.float32)

    exact = pick("cross_entropy", np.float64)(x.astype(np.float64), target)[0]
    return ours, [theirs], _error(pick("cross_entropy")(x, target)[0], exact)


NETWORKS: dict[str, list[tuple[int, ...]]] = {
    "LeNet": [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,)],
    "ResNet-20": [(16, 3, 3, 3), *[(16, 16, 3, 3)] * 6, *[(32, 32, 3, 3)] * 6, *[(64, 64, 3, 3)] * 6, *[(32,)] * 38,
                  (10, 64), (10,)],
    "ResNet-18": [(64, 3, 3, 3), *[(64, 64, 3, 3)] * 4, *[(128, 128, 3, 3)] * 4, *[(256, 256, 3, 3)] * 4,
                  *[(512, 512, 3, 3)] * 4, *[(256,)] * 40, (10, 512), (10,)],
}  # fmt: skip


def _update(kind: str, network: str) -> tuple[Side, list[Side], float]:
    import torch

    shapes = NETWORKS[network]
    p, g = ([_random(*s, seed=k + i) for i, s in enumerate(shapes)] for k in (0, 100))
    m, v = ([np.zeros(s, np.float32) for s in shapes] for _ in range(2))
    yes, steps, n = [True] * len(p), [3] * len(p), len(p)
    settings: dict[str, Any] = {"lr": 1e-9, "weight_decay": 1e-4}

    def ours() -> Any:
        if kind == "SGD":
            return pick("sgd_update")(p, g, m, yes, momentum=0.9, **settings)
        return pick("adam_update")(p, g, m, v, steps, **settings)

    sides = []
    for form in ({"foreach": False}, {"foreach": True}, {"fused": True}):
        theirs = [torch.tensor(a, requires_grad=True) for a in p]
        for t, a in zip(theirs, g, strict=True):
            t.grad = torch.tensor(a)
        if kind == "SGD":
            sides.append(torch.optim.SGD(theirs, momentum=0.9, **settings, **form).step)
        else:
            sides.append(torch.optim.Adam(theirs, **settings, **form).step)
    exact = [a.astype(np.float64) for a in p]
    zeros = [[np.zeros(s) for s in shapes] for _ in range(2)]
    found = [a.copy() for a in p]
    wide = [a.astype(np.float64) for a in g]
    if kind == "SGD":
        pick("sgd_update")(found, g, [a.copy() for a in m], [False] * n, lr=0.1, momentum=0.9)
        pick("sgd_update", np.float64)(exact, wide, zeros[0], [False] * n, lr=0.1, momentum=0.9)
    else:
        pick("adam_update")(found, g, [a.copy() for a in m], [a.copy() for a in v], [1] * n, lr=0.1)
        pick("adam_update", np.float64)(exact, wide, *zeros, [1] * n, lr=0.1)
    return ours, sides, max(map(_error, found, exact))


def _cases(quick: bool) -> Iterator[Case]:
    """Kind, name and maker of each case; a quick run leaves out the larger half."""
    pools = [(64, 6, 28, 2, 2, 0), (64, 16, 10, 2, 2, 0), (64, 64, 32, 2, 2, 0), (8, 64, 112, 3, 2, 1),
             (8, 192, 27, 3, 2, 0), (64, 64, 16, 3, 1, 1)]  # fmt: skip
    for N, C, H, K, S, P in pools[: 3 if quick else None]:
        name = f"{N}x{C}x{H}x{H}, {K}x{K}/{S}" + f" pad {P}" * (P > 0)
        yield "max pool", name, lambda a=(N, C, H, K, S, P): _max_pool(*a)
        yield "avg pool", name, lambda a=(N, C, H, K, S, P): _avg_pool(*a)
    for N, C, H, OH in [(64, 512, 4, 1), (8, 512, 7, 1), (8, 256, 13, 6), (64, 64, 8, 3)][: 2 if quick else None]:
        for kind in ("avg", "max"):
            yield f"adaptive {kind}", f"{N}x{C}x{H}x{H} -> {OH}x{OH}", lambda a=(kind, N, C, H, OH): _adaptive(*a)
    norms = [(128, 16, 32), (64, 64, 32), (128, 64, 8), (64, 128, 16), (64, 512, 4), (8, 64, 56)]
    for N, C, H in norms[: 3 if quick else None]:
        yield "norm + relu", f"{N}x{C}x{H}x{H}", lambda a=(N, C, H, False): _batch_norm(*a)
        yield "norm + add + relu", f"{N}x{C}x{H}x{H}", lambda a=(N, C, H, True): _batch_norm(*a)
    for N, K in [(64, 10), (128, 100), (64, 1000), (1024, 1000)][: 3 if quick else None]:
        yield "cross entropy", f"{N}x{K}", lambda a=(N, K): _cross_entropy(*a)
    for network in list(NETWORKS)[: 2 if quick else None]:
        for kind in ("SGD", "Adam"):
            yield kind, network, lambda a=(kind, network): _update(*a)


def _repeated(f: Side, times: int) -> Side:
    def run() -> None:
        for _ in range(times):
            f()

    return run


def rows(quick: bool = False, only: str = "", seconds: float = 1.0) -> Iterable[dict[str, Any]]:
    """Measure case by case, and yield one row each.

    Keys: layer, kind, map ("y + gx", or "p"), ours and torch (seconds), ratio (torch / ours), error.
    """
    import torch

    use_threads(kernels.get_num_threads())
    for kind, name, make in _cases(quick):
        if only not in f"{kind}: {name}":
            continue
        with torch.no_grad():
            ours, theirs, error = make()
            # A side runs a few times in a row, for the threads of the other may still spin when its turn comes.
            times = interleave({str(k): _repeated(f, 8) for k, f in enumerate([ours, *theirs])}, 15, seconds)
        mine, *others = (t / 8 for t in times.values())
        best = min(others)
        update = kind in ("SGD", "Adam")
        yield {
            "layer": name, "kind": kind, "map": "p" if update else "y + gx", "ours": mine, "torch": best,
            "ratio": best / mine, "error": error,
        }  # fmt: skip


def main() -> None:
    """Print the table, and the geometric means by kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="cases whose kind and name contain this")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="per case")
    args = parser.parse_args()
    share_openmp("benchmarks.pointwise_layers")
    kernels.set_num_threads(args.threads)
    print(f"{'kind':18} {'layer':26} {'ours ms':>8} {'torch ms':>8} {'ratio':>6} {'error':>8}")
    seen = []
    for row in rows(args.quick, args.only, args.seconds):
        seen.append(row)
        print(
            f"{row['kind']:18} {row['layer']:26} {row['ours'] * 1e3:8.3f} {row['torch'] * 1e3:8.3f}"
            f" {row['ratio']:6.2f} {row['error']:8.1e}",
            flush=True,
        )
    for kind in dict.fromkeys(row["kind"] for row in seen):
        print(f"{kind:18} geometric mean {geometric_mean([r['ratio'] for r in seen if r['kind'] == kind]):.2f}")


if __name__ == "__main__":
    main()
