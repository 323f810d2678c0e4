"""DARTS on the digits: is the cell that gradients find better than cells drawn at random?

For each seed the 1,438 training digits of 8 x 8 pixels are cut into two halves. Second-order DARTS searches for EPOCHS
epochs, weights on one half, architecture on the other. The derived cell and RANDOM cells, whose operations are drawn
uniformly from the same five, are then trained from new weights on all training images for the same few steps (few, so
that cells differ), and measured on the 359 test images, by which no cell was chosen.

    python examples/architecture_search.py [--seeds 5]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import tinygrad_cv as torch
from tinygrad_cv import optim
from tinygrad_cv.datasets import Digits
from tinygrad_cv.nn import functional as F
from tinygrad_cv.train import darts
from tinygrad_cv.train.metrics import evaluate

EPOCHS, STEPS, RANDOM, BATCH = 15, 110, 8, 64
SIZES: dict[str, Any] = {"num_classes": 10, "in_channels": 1, "channels": 8, "cells": 2, "nodes": 2}
Batches = list[tuple[torch.Tensor, torch.Tensor]]


def digits(train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 8, 8) from 0 to 1, and labels (N,)."""
    data = Digits(train=train, size=8)
    return data.data[:, None] / np.float32(255), data.targets


def batches(x: np.ndarray, y: np.ndarray, order: np.ndarray, size: int = BATCH) -> Batches:
    """The images of these indices in full batches."""
    starts = range(0, len(order) - size + 1, size)
    return [(torch.tensor(x[order[i : i + size]]), torch.tensor(y[order[i : i + size]])) for i in starts]


def accuracy(genotype: darts.Genotype, seed: int, train: Batches, test: Batches) -> float:
    """What a network of this cell reaches after STEPS steps from new weights."""
    torch.manual_seed(seed)
    net = darts.SearchNetwork(genotype=genotype, **SIZES)
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=3e-4)
    for step in range(STEPS):
        images, labels = train[step % len(train)]
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return float(evaluate(net, test).accuracy)


def one_seed(seed: int) -> tuple[darts.Genotype, float, list[float]]:
    """The derived cell, its accuracy, and those of the random cells."""
    rng = np.random.default_rng(seed)
    x, y = digits(train=True)
    test = batches(*digits(train=False), np.arange(359), 359)
    order = rng.permutation(len(x))
    half = len(x) // 2
    torch.manual_seed(seed)
    net = darts.SearchNetwork(**SIZES)
    found = darts.search(
        net, batches(x, y, order[:half]), batches(x, y, order[half:]), epochs=EPOCHS, lr=0.05, alpha_lr=0.03
    )
    train = batches(x, y, order)
    names = [name for name in darts.OPERATIONS if name != "none"]
    cells = [tuple(rng.choice(names, len(found.genotype)).tolist()) for _ in range(RANDOM)]
    return found.genotype, accuracy(found.genotype, seed, train, test), [accuracy(c, seed, train, test) for c in cells]


def main() -> None:
    """Print a table of the seeds."""
    parser = argparse.ArgumentParser(description="Is the cell that DARTS finds better than random ones?")
    parser.add_argument("--seeds", type=int, default=5)
    print("| seed | found | random: mean | best | worst | cell |\n| --- | --- | --- | --- | --- | --- |")
    for seed in range(parser.parse_args().seeds):
        cell, found, random = one_seed(seed)
        print(f"| {seed} | {found:.2%} | {np.mean(random):.2%} | {max(random):.2%} | {min(random):.2%} | "
              f"{', '.join(cell)} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
