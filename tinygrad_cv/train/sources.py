"""Building what a `Config` names: the data sets with their transforms, and the network that fits them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from tinygrad_cv import data, models
from tinygrad_cv.data import transforms as T
from tinygrad_cv.nn import Module
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.train.config import SOURCES, Config


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
    """Open the data set that ``config`` names.

    Raises
    ------
    DataError
        Its files are missing or damaged.
    """
    if config.data == "digits":
        train, test = data.Digits(train=True), data.Digits(train=False)
        mean, std = [train.mean], [train.std]
    else:
        kind = KINDS[config.data]
        train, test = kind(config.data_root, train=True), kind(config.data_root, train=False)
        mean, std = _numbers(kind.mean), _numbers(kind.std)
    train.transform = T.Compose([*_augmentation(config), T.ToTensor(), T.Normalize(mean, std)])
    test.transform = T.Compose([T.ToTensor(), T.Normalize(mean, std)])
    return DataPair(train, test, [str(c).split(" - ")[0] for c in train.classes], mean, std)


def _numbers(value: Any) -> list[float]:
    return [float(v) for v in value] if isinstance(value, list | tuple) else [float(value)]


def _augmentation(config: Config) -> list[Any]:
    source = SOURCES[config.data]
    chosen: list[Any] = []
    if "shift" in config.augment:
        chosen.append(T.RandomCrop(source.size, padding=4 if source.channels == 3 else 2))
    if "flip" in config.augment:
        chosen.append(T.RandomHorizontalFlip())
    return chosen


def build_model(name: str, channels: int, size: int, classes: int) -> Module:
    """Build the network ``name`` for images (channels, size, size), as far as its builder lets itself be told.

    Raises
    ------
    ArgumentError
        There is no such network, or it cannot take images of this size.
    """
    wishes = {"in_channels": channels, "image_size": size, "num_classes": classes}
    parameters = inspect.signature(models.get_model_builder(name)).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    fitting = {k: v for k, v in wishes.items() if k in parameters or (anything and k == "num_classes")}
    return models.get_model(name, **fitting)
