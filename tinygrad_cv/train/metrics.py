"""Loss and accuracy: summed up batch by batch, and measured on a whole data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv.autograd import no_grad
from tinygrad_cv.functional import cross_entropy
from tinygrad_cv.nn import Module
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.train.looks import scores as looked
from tinygrad_cv.typing import Array


@dataclass
class Tally:
    """Sums over the images seen so far; every image counts the same, also those of a short last batch."""

    loss_sum: float = 0.0
    right: int = 0
    count: int = 0

    def add(self, loss: float, scores: Array, targets: Array) -> None:
        """Count a batch: its mean loss, its scores (N, K), its class numbers (N,) or shares (N, K)."""
        n = len(scores)
        self.loss_sum += loss * n
        self.right += int((scores.argmax(1) == class_numbers(targets)).sum())
        self.count += n

    @property
    def loss(self) -> float:
        """Mean loss per image."""
        return self.loss_sum / self.count if self.count else float("nan")

    @property
    def accuracy(self) -> float:
        """Share of images whose largest score is that of their class."""
        return self.right / self.count if self.count else float("nan")


def class_numbers(targets: Array) -> Array:
    """Class numbers (N,); of targets that are shares (N, K), as mix-up makes them, the largest one."""
    return targets.argmax(1) if targets.ndim == 2 else targets


@dataclass(frozen=True)
class Evaluation:
    """What a network does on a data set.

    Attributes
    ----------
    loss, accuracy : means over the images.
    labels, predictions : (N,) class numbers.
    confidence : (N,) the probability that the network gave its prediction.
    """

    loss: float
    accuracy: float
    labels: Array
    predictions: Array
    confidence: Array


def evaluate(
    model: Module, loader: Iterable[Any], criterion: Callable[[Any, Any], Any] = cross_entropy, look: str = "once"
) -> Evaluation:
    """Measure a network on the batches (images, class numbers) of ``loader``, in evaluation mode.

    ``model`` gives scores (N, K), ``criterion`` the loss of them and the class numbers; ``look`` as in `looks.scores`.

    Raises
    ------
    DataError
        The loader gives no batch.
    """
    tally, parts = Tally(), []
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            for images, targets in loader:
                scores = looked(model, images, look)
                tally.add(float(criterion(scores, targets).item()), scores._data, targets._data)
                shares = probabilities(scores._data)
                parts.append((class_numbers(targets._data), shares.argmax(1), shares.max(1)))
    finally:
        model.train(was_training)
    if not parts:
        raise DataError("evaluate: the loader gave no batch; give it at least one image")
    labels, predictions, confidence = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Evaluation(tally.loss, tally.accuracy, labels, predictions, confidence)


def probabilities(scores: Array) -> Array:
    """The softmax of each row."""
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.divide(powers, powers.sum(1, keepdims=True))
