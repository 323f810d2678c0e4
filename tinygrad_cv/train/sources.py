"""Building what a `Config` names: the data sets with their transforms, and the network that fits them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv import data, models
from tinygrad_cv.data import transforms as T
from tinygrad_cv.nn import Module
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.train.config import SOURCES, Config
from tinygrad_cv.typing import Array


@dataclass(frozen=True)
class DataPair:
    """A data set ready for training.

    Attributes
    ----------
    train, test : data sets of normalised images; the training images are augmented.
    classes : names.
    mean, std : per channel, of the training images in [0, 1].
    """

    train: Any
    test: Any
    classes: list[str]
    mean: list[float]
    std: list[float]


KINDS: dict[str, Any] = {"mnist": data.MNIST, "fashion-mnist": data.FashionMNIST, "cifar10": data.CIFAR10}


def fetch(name: str | None, root: str | None) -> None:
    """Download what is missing of a data set into ``root``.

    Raises
    ------
    ArgumentError
        The data set comes with the package, or no folder is named.
    """
    if name not in KINDS or not root:
        raise ArgumentError(
            f"download: {name or 'digits'} with the data root {root} cannot be fetched; "
            f"give --data {', '.join(KINDS)} and --data-root"
        )
    KINDS[name](root, train=True, download=True)


def load_data(config: Config) -> DataPair:
    """Open the data set that ``config`` names; with ``held_out`` the test part comes from the training images.

    Raises
    ------
    DataError
        Its files are missing or damaged.
    """
    if config.data in ("digits", "drawings"):
        train, test = data.Digits(train=True), data.Digits(train=config.held_out > 0)
        if config.data == "drawings":
            drawn = data.Strokes()
            train.data = np.concatenate([train.data, drawn.data])
            train.targets = np.concatenate([train.targets, drawn.targets])
        mean, std = [train.mean], [train.std]
    else:
        kind = KINDS[config.data]
        train, test = kind(config.data_root, train=True), kind(config.data_root, train=config.held_out > 0)
        mean, std = _numbers(kind.mean), _numbers(kind.std)
    if config.held_out:
        apart = held_apart(len(train), config.held_out)
        train.data, train.targets = train.data[~apart], train.targets[~apart]
        test.data, test.targets = test.data[apart], test.targets[apart]
    shown = [*([T.PermutedPixels()] if config.permuted else []), T.ToTensor(), T.Normalize(mean, std)]
    train.transform = T.Compose([*_augmentation(config), *shown])
    test.transform = T.Compose(shown)
    return DataPair(train, test, [str(c).split(" - ")[0] for c in train.classes], mean, std)


def held_apart(count: int, share: float) -> Array:
    """Which of ``count`` images are held out: the same ones in every run, whatever its seed."""
    apart = np.zeros(count, bool)
    apart[np.random.default_rng(0).permutation(count)[: max(1, round(share * count))]] = True
    return apart


def _numbers(value: Any) -> list[float]:
    return [float(v) for v in value] if isinstance(value, list | tuple) else [float(value)]


def _augmentation(config: Config) -> list[Any]:
    size, colour = SOURCES[config.data].size, SOURCES[config.data].channels == 3
    kinds: dict[str, Any] = {
        "shift": lambda: T.RandomCrop(size, padding=4 if colour else 2),
        "reflect": lambda: T.RandomCrop(size, padding=2, padding_mode="reflect"),
        "flip": T.RandomHorizontalFlip,
        "alternate": T.AlternatingFlip,
        "affine": lambda: T.RandomAffine(10, translate=(0.08, 0.08), scale=(0.9, 1.1)),
        "cutout": lambda: T.Cutout(size // 4, fill=128 if colour else 0),
    }
    return [kinds[part]() for part in config.augment.split("+") if part != "none"]


def build_model(name: str, channels: int, size: int, classes: int, options: Mapping[str, Any] | None = None) -> Module:
    """Build the network ``name`` for images (channels, size, size), as far as its builder lets itself be told.

    ``options`` are further arguments of the builder.

    Raises
    ------
    ArgumentError
        There is no such network, or it cannot take images of this size.
    """
    wishes = {"in_channels": channels, "image_size": size, "num_classes": classes}
    parameters = inspect.signature(models.get_model_builder(name)).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    fitting = {k: v for k, v in wishes.items() if k in parameters or (anything and k == "num_classes")}
    return models.get_model(name, **fitting, **(options or {}))
