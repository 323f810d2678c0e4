"""The notes' network on CIFAR-10 in both libraries: same weights, same batches, and the losses of each step.

    python -m benchmarks.side_by_side --data-root FOLDER [--steps 200] [--threads 2]

Each step is made by ours, by PyTorch, and by PyTorch with channels-last memory, in turn. How far PyTorch's two ways lie
apart is what float32 alone makes of the order of sums; ours may lie as far from either. Writes side_by_side.jsonl (one
line per step) and side_by_side.svg into benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from .timing import share_openmp, use_threads

HERE = Path(__file__).resolve().parent
MEAN, STD, BATCH = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616), 64
SETTINGS = {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
WAYS = ("ours", "torch", "torch_channels_last")


def candidates() -> dict[str, Any]:
    """Return, by the names `WAYS`, functions (images, labels) -> loss that make one step each from equal weights."""
    import copy

    import torch

    import tinygrad_cv as tg
    from tinygrad_cv import nn, optim

    from .networks import cifar_cnn

    torch.manual_seed(0)
    theirs = cifar_cnn(torch.nn)
    ours = cifar_cnn(nn)
    ours.load_state_dict({k: tg.tensor(v.detach().numpy()) for k, v in theirs.state_dict().items()})

    def stepper(model: Any, optimizer: Any, tensor: Any, cross_entropy: Any) -> Any:
        def step(images: Any, labels: Any) -> float:
            optimizer.zero_grad()
            loss = cross_entropy(model(tensor(images)), tensor(labels))
            loss.backward()
            optimizer.step()
            return float(loss.item())

        return step

    last = copy.deepcopy(theirs).to(memory_format=torch.channels_last)
    found = {"ours": stepper(ours, optim.SGD(ours.parameters(), **SETTINGS), tg.tensor, tg.cross_entropy)}
    for name, model in (("torch", theirs), ("torch_channels_last", last)):

        def tensor(x: Any, channels_last: bool = model is last) -> Any:
            made = torch.from_numpy(x)
            return made.to(memory_format=torch.channels_last) if channels_last and made.ndim == 4 else made

        optimizer = torch.optim.SGD(model.parameters(), **SETTINGS)
        found[name] = stepper(model, optimizer, tensor, torch.nn.functional.cross_entropy)
    return found


def run(root: str, steps: int) -> list[dict[str, float]]:
    """Make the steps; return for each the losses and the seconds of all three ways."""
    from tinygrad_cv.data import CIFAR10, DataLoader
    from tinygrad_cv.data import transforms as T

    images = CIFAR10(root, train=True, transform=T.Compose([T.ToTensor(), T.Normalize(MEAN, STD)]))
    loader = DataLoader(images, batch_size=BATCH, shuffle=True, generator=0)
    made, records = candidates(), []
    for k, (x, t) in zip(range(steps), loader):
        batch, labels = np.ascontiguousarray(x.numpy()), t.numpy()
        record: dict[str, float] = {"step": k + 1}
        for j in range(3):
            name = WAYS[(k + j) % 3]
            begun = time.perf_counter()
            record[f"{name}_loss"] = made[name](batch, labels)
            record[f"{name}_ms"] = round(1e3 * (time.perf_counter() - begun), 3)
        records.append(record)
    return records


def summary(records: list[dict[str, float]]) -> dict[str, float]:
    """Return the medians of the times, their sums, and the largest differences between the losses."""
    column = {name: np.array([r[name] for r in records]) for name in records[0]}
    # the first steps compile, choose algorithms and reserve memory
    times = {name: float(np.median(column[f"{name}_ms"][10:])) for name in WAYS}
    ours, theirs, last = (column[f"{name}_loss"] for name in WAYS)
    return {
        **{f"{name}_ms": ms for name, ms in times.items()},
        "ratio": min(times["torch"], times["torch_channels_last"]) / times["ours"],
        "ours_seconds": float(column["ours_ms"].sum() / 1e3),
        "torch_seconds": float(min(column["torch_ms"].sum(), column["torch_channels_last_ms"].sum()) / 1e3),
        "largest_difference": float(np.abs(ours - theirs).max()),
        "torch_own_difference": float(np.abs(last - theirs).max()),
    }


def main() -> None:
    """Run, write, and print the summary."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-root", required=True, help="folder that holds cifar-10-batches-py")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2, help="for both libraries")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args()
    share_openmp("benchmarks.side_by_side")
    use_threads(options.threads)
    from tinygrad_cv import io, viz

    records = run(options.data_root, options.steps)
    told = summary(records)
    lines = [{"summary": told, "steps": len(records), "batch": BATCH, "threads": options.threads}, *records]
    io.write_text(options.out / "side_by_side.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    losses = {f"{name.replace('_', ' ')} loss": [r[f"{name}_loss"] for r in records] for name in WAYS}
    chart = viz.curves(losses, xlabel="step", title="The notes' network on CIFAR-10, two libraries")
    io.write_text(options.out / "side_by_side.svg", chart.svg)
    print("\n".join(f"{name:22} {value:.4g}" for name, value in told.items()))


if __name__ == "__main__":
    main()
