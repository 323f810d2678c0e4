"""What a teacher's scores are worth to a student who has few images: Hinton, Vinyals and Dean 2015, section 6, small.

A convolutional network (the teacher) learns all 1,438 training digits of 8 x 8 pixels. A network of two layers and 20
hidden units (the student) learns 60 of them, six of each digit. It is trained twice from the same weights, on the same
images, for the same 300 steps of Adam: on the labels alone (alpha = 0), and on the labels and the teacher's softened
scores (alpha = 0.9, temperature 4, the defaults of `distill`). Nothing was chosen by the 359 test images, on which both
are measured.

    python examples/distillation.py [--seeds 5]
"""

from __future__ import annotations

import argparse

import numpy as np

import tinygrad_cv as torch
from tinygrad_cv import models, nn, optim
from tinygrad_cv.datasets import Digits
from tinygrad_cv.train.distill import DistillationLoss, DistillationTrainer
from tinygrad_cv.train.trainer import evaluate, fit

IMAGES_OF_EACH_DIGIT, HIDDEN, STEPS = 6, 20, 300


def digits(train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (N, 1, 8, 8) from 0 to 1, and labels (N,)."""
    data = Digits(train=train, size=8)
    return torch.tensor(data.data[:, None] / np.float32(255)), torch.tensor(data.targets)


def batches(x: torch.Tensor, y: torch.Tensor, size: int = 64) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The images in an order drawn at random, in batches."""
    order = torch.randperm(len(x))
    return [(x[order[i : i + size]], y[order[i : i + size]]) for i in range(0, len(x), size)]


def student_after(start: dict[str, torch.Tensor], teacher: nn.Module, few: tuple[torch.Tensor, torch.Tensor],
                  alpha: float, test: list[tuple[torch.Tensor, torch.Tensor]]) -> float:  # fmt: skip
    """The student's accuracy on the test images after training with this share of the teacher."""
    student = models.two_layer_net(in_channels=1, image_size=8, hidden=HIDDEN)
    student.load_state_dict(start)
    optimizer = optim.Adam(student.parameters(), lr=0.01)
    trainer = DistillationTrainer(student, teacher, optimizer, DistillationLoss(temperature=4.0, alpha=alpha))
    trainer.fit([few], epochs=STEPS)
    return float(evaluate(student, test).accuracy)


def one_seed(seed: int) -> tuple[float, float, float]:
    """Accuracy of the teacher, of the student alone, and of the student with the teacher."""
    torch.manual_seed(seed)
    x, y = digits(train=True)
    test = [digits(train=False)]
    teacher = models.simple_convnet(image_size=8, filters=30, hidden=100)
    fit(teacher, batches(x, y), epochs=15, lr=3e-3)
    order = torch.randperm(len(x)).numpy()
    labels = y.numpy()[order]
    chosen = np.concatenate([order[labels == k][:IMAGES_OF_EACH_DIGIT] for k in range(10)])
    few = (x[chosen], y[chosen])
    start = models.two_layer_net(in_channels=1, image_size=8, hidden=HIDDEN).state_dict()
    alone, taught = (student_after(start, teacher, few, alpha, test) for alpha in (0.0, 0.9))
    return float(evaluate(teacher, test).accuracy), alone, taught


def main() -> None:
    """Print a table of the seeds, and the mean difference with the interval of Student's t at 95 %."""
    parser = argparse.ArgumentParser(description="What a teacher is worth to a student who has few images.")
    parser.add_argument("--seeds", type=int, default=5, choices=range(2, 11), metavar="2..10")
    seeds = parser.parse_args().seeds
    print("| seed | teacher | student alone | student with teacher | difference |\n| --- | --- | --- | --- | --- |")
    differences = []
    for seed in range(seeds):
        teacher, alone, taught = one_seed(seed)
        differences.append(100 * (taught - alone))
        print(f"| {seed} | {teacher:.2%} | {alone:.2%} | {taught:.2%} | {differences[-1]:+.2f} |", flush=True)
    t = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)[seeds - 2]
    half = t * np.std(differences, ddof=1) / np.sqrt(seeds)
    print(f"\nmean difference {np.mean(differences):+.2f} points, 95 % interval {np.mean(differences) - half:+.2f} to "
          f"{np.mean(differences) + half:+.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
