"""Reading the curves: is it learning too little, too much by heart, or just not done yet, and what to try."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

KINDS = ("diverging", "over-fitting", "unfinished", "under-fitting", "plateau", "good", "unknown")


class Verdict(NamedTuple):
    """What the curves say: one of `KINDS`, what was seen in numbers, and what to try next."""

    kind: str
    seen: str
    advice: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.seen}; {self.advice}" if self.advice else f"{self.kind}: {self.seen}"


def verdict(history: Sequence[Mapping[str, float]], good: float = 0.98) -> Verdict:
    """Judge a training by its history (see `Trainer.fit`), needing test losses and accuracies.

    The rules, in their order, where "late" compares the mean of the last fifth of the epochs with the fifth
    before it, so that the noise of single epochs counts little:

    - *diverging*: the training loss ends above where it began;
    - *over-fitting*: the test loss has risen by a tenth or more above its minimum while the training loss fell;
      or training accuracy is ahead of test accuracy by more than 5 points and a half of the test error;
    - *good*: test accuracy of at least ``good``;
    - *unfinished*: the test error still falls late by more than a twentieth of itself;
    - *under-fitting*: it does not, and the training accuracy is no better than 3 points above the test accuracy
      and below 0.9;
    - *plateau*: everything else.

    Training numbers are those of the augmented images while the weights still moved; they may lie below the
    test numbers.

    Examples
    --------
    >>> epochs = [{"train_loss": l, "test_loss": 0.9, "train_accuracy": 1 - l, "test_accuracy": 0.6}
    ...           for l in (0.8, 0.4, 0.2, 0.1)]
    >>> verdict(epochs).kind
    'over-fitting'
    """
    if len(history) < 3 or "test_loss" not in history[-1]:
        return Verdict("unknown", f"{len(history)} measured epochs tell no trend", "train for more epochs")
    train_loss, test_loss, train_acc, test_acc = (
        [h[k] for h in history] for k in ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
    )
    fifth = max(1, len(history) // 5)
    last = {name: _mean(row[-fifth:]) for name, row in
            {"train": train_acc, "test": test_acc, "loss": train_loss, "test_loss": test_loss}.items()}  # fmt: skip
    if not math.isfinite(last["loss"]) or last["loss"] > train_loss[0]:
        return Verdict(
            "diverging",
            f"the training loss went from {train_loss[0]:.3g} to {last['loss']:.3g}",
            "try a third of the learning rate, or clip the gradients",
        )
    lowest = min(test_loss)
    where = test_loss.index(lowest) + 1
    gap, error = last["train"] - last["test"], 1 - last["test"]
    risen = last["test_loss"] > 1.1 * lowest and last["loss"] < train_loss[where - 1]
    if (risen and error > 1 - good) or (gap > 0.05 and gap > error / 2):
        return Verdict(
            "over-fitting",
            f"{_percent(last['train'])} on the training images, {_percent(last['test'])} on the test images, whose "
            f"loss was lowest in epoch {where}",
            "try augmentation, weight decay, dropout or label smoothing, or stop early; more images help most",
        )
    reached = f"{_percent(last['test'])} on the test images, {_percent(last['train'])} on the training images"
    if last["test"] >= good:
        return Verdict("good", reached, "")
    before = 1 - _mean(test_acc[-2 * fifth : -fifth])
    if before - error > 0.05 * before:
        return Verdict("unfinished", f"{reached}, still rising", "train for twice as many epochs")
    if last["train"] < 0.9 and gap < 0.03:
        return Verdict(
            "under-fitting",
            f"{reached}, no longer rising",
            "try a larger network, a higher learning rate, or less augmentation and weight decay",
        )
    return Verdict(
        "plateau",
        f"{reached}, no longer rising",
        "try a schedule that lowers the learning rate, averaged weights, or stronger augmentation",
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
