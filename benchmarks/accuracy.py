"""Train to the end with each algorithm of convolution, and compare what is learnt: python -m benchmarks.accuracy

    python -m benchmarks.accuracy --data mnist --root FOLDER [--epochs 2] [--seeds 3] [--images 60000]

Winograd's sums differ from the direct ones in their last digits, some 1e-5 of the largest value. The two runs of a seed
start from the same weights and see the same batches, so whatever separates them comes from there. It has to stay
within what another seed changes.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import tinygrad_cv as tg
from tinygrad_cv import datasets, nn, optim
from tinygrad_cv.ops import kernels

BATCH = 64


def network(channels: int, size: int) -> Any:
    """A small network of 3x3 and 5x5 convolutions, all but the first by Winograd under "auto"."""
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * (size // 4) ** 2, 10),
    )  # fmt: skip


def arrays(data: str, root: str, train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, C, H, W), standardised, and labels."""
    source: Any = (datasets.MNIST if data == "mnist" else datasets.CIFAR10)(root, train=train)
    images = np.asarray(source.data, np.float32)
    images = images[:, None] if images.ndim == 3 else np.moveaxis(images, 3, 1)
    return (images - np.float32(images.mean())) / np.float32(images.std()), np.asarray(source.targets, np.int64)


def accuracy(algorithm: str, seed: int, epochs: int, data: str, root: str, images: int) -> tuple[float, float]:
    """Train on the first ``images``; return the accuracy on the test images and the loss of the last hundred steps."""
    kernels.set_algorithm(algorithm)
    tg.manual_seed(seed)
    order = np.random.default_rng(seed)
    x, t = (a[:images] for a in arrays(data, root, True))
    model = network(x.shape[1], x.shape[2])
    optimiser = optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(epochs):
        shuffled = order.permutation(len(x))
        for k in range(0, len(x) - BATCH + 1, BATCH):
            rows = shuffled[k : k + BATCH]
            optimiser.zero_grad()
            loss = tg.cross_entropy(model(tg.tensor(x[rows])), tg.tensor(t[rows]))
            loss.backward()
            optimiser.step()
            losses.append(float(loss.item()))
    x, t = arrays(data, root, False)
    right = 0
    with tg.no_grad():
        for k in range(0, len(x), 500):
            scores = np.asarray(model(tg.tensor(x[k : k + 500])).detach())
            right += int((scores.argmax(1) == t[k : k + 500]).sum())
    return right / len(x), float(np.mean(losses[-100:]))


def main() -> None:
    """Print one row per seed, and the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", choices=("mnist", "cifar10"), default="mnist")
    parser.add_argument("--root", required=True, help="the folder of the data set")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=60000, help="train on the first of them")
    parser.add_argument("--algorithms", nargs="+", default=["auto", "direct"])
    args = parser.parse_args()
    print("| seed | " + " | ".join(f"{a}: accuracy, loss" for a in args.algorithms) + " |")
    print("| --- |" + " --- |" * len(args.algorithms))
    found = []
    for seed in range(args.seeds):
        found.append([accuracy(a, seed, args.epochs, args.data, args.root, args.images) for a in args.algorithms])
        print(f"| {seed} | " + " | ".join(f"{right:.2%}, {loss:.4f}" for right, loss in found[-1]) + " |", flush=True)
    means = np.mean(found, 0)
    print("| mean | " + " | ".join(f"{right:.2%}, {loss:.4f}" for right, loss in means) + " |")


if __name__ == "__main__":
    main()
