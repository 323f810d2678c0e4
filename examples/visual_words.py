"""Handwritten digits told apart by counts of small patches: the bag of visual words of Csurka et al. 2004, small.

The 8 x 8 scans are too small to have points of interest, so SIFT describes a dense grid. k-means makes words of the
training digits' descriptors, and softmax regression reads how often each word occurs: in the whole picture, which
forgets where, and in each of its quarters (Lazebnik, Schmid and Ponce, CVPR 2006). Beside it, the same on the pixels.

The scale was chosen on a fifth of the training digits; nothing was chosen by the 359 test images.

    python examples/visual_words.py
"""

from __future__ import annotations

import numpy as np

import tinygrad_cv as torch
from tinygrad_cv import nn
from tinygrad_cv.data.points import dense_points
from tinygrad_cv.data.sift import sift
from tinygrad_cv.data.words import bag_of_words, vocabulary
from tinygrad_cv.datasets import Digits
from tinygrad_cv.train.trainer import evaluate, fit

POINTS = dense_points((8, 8), step=1, scale=2 / 3)  # windows of 8 x 8 pixels
WORDS, SAMPLE, SEEDS = 200, 10_000, 3


def described(digits: Digits) -> np.ndarray:
    """Descriptors of all pictures, (N, 64, 128)."""
    return np.stack([sift(image, POINTS) for image in digits.data])


def accuracy(x: list[np.ndarray], y: list[np.ndarray]) -> float:
    """Train softmax regression on the first of two sets of vectors, and measure it on the second."""
    order, model = torch.randperm(len(x[0])).numpy(), nn.Linear(x[0].shape[1], 10)
    pairs = [(torch.tensor(x[0][part]), torch.tensor(y[0][part])) for part in np.array_split(order, 23)]
    fit(model, pairs, epochs=30, lr=0.03)
    return float(evaluate(model, [(torch.tensor(x[1]), torch.tensor(y[1]))]).accuracy)


def one_seed(seed: int, pixels: list[np.ndarray], found: list[np.ndarray], targets: list[np.ndarray]) -> list[float]:
    """Accuracy on pixels, on words, and on words in quarters; ``found`` has the descriptors."""
    torch.manual_seed(seed)
    learned = vocabulary(np.random.default_rng(seed).permutation(found[0].reshape(-1, 128))[:SAMPLE], WORDS, seed)
    x, y = (POINTS[:, k] > 3.5 for k in (0, 1))
    inputs = [pixels]
    for parts in ([x | True], [x & y, x & ~y, ~x & y, ~x & ~y]):  # bags have length 1: times 5, entries as of pixels
        inputs.append([np.concatenate([5 * bag_of_words(d[:, p], learned, "l2") for p in parts], 1) for d in found])
    return [accuracy(vectors, targets) for vectors in inputs]


if __name__ == "__main__":
    sets = [Digits(train=True, size=8), Digits(train=False, size=8)]
    arrays = [d.data.reshape(-1, 64) / np.float32(255) for d in sets], [described(d) for d in sets]
    print("| seed | pixels | words | words in quarters |\n| --- | --- | --- | --- |")
    for number in range(SEEDS):
        shares = one_seed(number, *arrays, [d.targets for d in sets])
        print(f"| {number} |" + "".join(f" {share:.2%} |" for share in shares), flush=True)
