"""The rows of the ladders: a recipe each, and the accuracy and the time that are demanded of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.train.recipes import suggest


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes
    ----------
    name : short; names the folder of its runs.
    title : what it is, in words.
    settings : of the `train.config.Config`, most often a recipe's name.
    demanded : accuracy on the test images that its mean must reach.
    minutes : wall time that a seed may take on two cores.
    seeds : how many, where nobody says otherwise.
    """

    name: str
    title: str
    settings: dict[str, Any] = field(hash=False)
    demanded: float
    minutes: float
    seeds: int = 3


def _cifar10(name: str, title: str, demanded: float, minutes: float, seeds: int = 3) -> Row:
    return Row(name, title, {"recipe": f"cifar10-{name}"}, demanded, minutes, seeds)


DENSE: dict[str, Any] = {"model": "two_layer_net", "options": {"hidden": 31}}
"""3072 * 31 + 31 + 31 * 10 + 10 = 95,583 parameters, where the convolutional network has 94,666."""


def _part(name: str, title: str, settings: dict[str, Any]) -> Row:
    """A row that demands nothing: it shows what a part of the convolutional network is worth."""
    return Row(name, title, {"recipe": "cifar10-cnn", **settings}, 0.0, 60, 1)


def _digits(name: str, title: str, model: str, demanded: float, **settings: Any) -> Row:
    usual = {"data": "digits", "model": model, "epochs": 10, "keep": "last"}
    return Row(name, title, usual | settings, demanded, 0.5, 1)


LADDERS: dict[str, list[Row]] = {
    "cifar10": [
        _cifar10("softmax", "softmax regression on pixels", 0.387, 2),
        _cifar10("two-layer", "two layers, 200 hidden", 0.498, 5),
        _cifar10("hog", "softmax regression on HOG", 0.536, 3),
        _cifar10("cnn", "two 5x5 convolutions, plain recipe", 0.702, 1),
        _cifar10("cnn-best", "the same network, best recipe", 0.78, 10),
        _cifar10("resnet20", "ResNet-20", 0.91, 60, 1),
        _cifar10("resnet18", "ResNet-18", 0.91, 60, 1),
        _cifar10("94", "whitening, derandomised flips, Muon", 0.94, 30),
    ],
    "cifar10-parts": [
        _part("cnn", "two 5x5 convolutions", {}),
        _part("cnn-permuted", "the same, pixels permuted", {"permuted": True}),
        _part("dense", "a dense network of as many parameters", DENSE),
        _part("dense-permuted", "the same, pixels permuted", DENSE | {"permuted": True}),
    ],
    "mnist": [Row("99.4", "whitening and Muon, narrow", {"recipe": "mnist-99.4"}, 0.994, 5)],
    "fashion-mnist": [Row("93", "whitening and Muon, narrow", {"recipe": "fashion-mnist-93"}, 0.93, 15)],
    "digits": [
        _digits("softmax", "softmax regression on pixels", "softmax_regression", 0.9, augment="none"),
        _digits("two-layer", "two layers, 200 hidden", "two_layer_net", 0.93, augment="none"),
        _digits("hog", "softmax regression on HOG", "hog_softmax", 0.9, augment="none", options={"cell": 4}, lr=1e-2),
        _digits("lenet", "LeNet", "lenet", 0.95),
        _digits("cnn", "two 5x5 convolutions", "cifar_cnn", 0.97),
    ],
}
"""The ladders by data set, each from its lowest row to its highest."""


def choose(ladder: str, names: Iterable[str] | None = None) -> list[Row]:
    """Return the rows of a ladder that are asked for (all, where ``names`` is None), in its order.

    Raises
    ------
    ArgumentError
        There is no such ladder, or no such row on it.
    """
    if ladder not in LADDERS:
        raise ArgumentError(f"ladder: there is no ladder for {ladder!r}; {suggest(ladder, LADDERS)}")
    rows = {row.name: row for row in LADDERS[ladder]}
    wanted = list(rows) if names is None else list(names)
    for name in wanted:
        if name not in rows:
            raise ArgumentError(f"rows: there is no row {name!r}; {suggest(name, rows)}")
    return [row for name, row in rows.items() if name in wanted]
