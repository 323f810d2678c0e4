"""What a run was asked to do: the settings of ``tinygrad-cv train``, and their defaults for each data set."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tinygrad_cv.models import closest
from tinygrad_cv.ops.errors import ArgumentError, DataError


class Source(NamedTuple):
    """A data set as the trainer sees it, and the recipe that suits it."""

    channels: int
    size: int
    epochs: int
    lr: float
    augment: str
    batch_size: int


SOURCES = {
    # each recipe was chosen with the network "lenet", but for CIFAR-10's
    "digits": Source(1, 28, 40, 3e-3, "shift", 64),
    "mnist": Source(1, 28, 3, 3e-3, "none", 64),
    "fashion-mnist": Source(1, 28, 10, 3e-3, "flip", 64),
    "cifar10": Source(3, 32, 10, 3e-3, "shift+flip", 64),
}
AUGMENTATIONS = ("none", "shift", "flip", "shift+flip")
NEEDS_ROOT = ("mnist", "fashion-mnist", "cifar10")


@dataclass
class Config:
    """One run. Every field can be read back from the run's ``config.json``.

    Attributes
    ----------
    model, data : names, see ``tinygrad-cv models`` and `SOURCES`.
    data_root : folder of the data set, None for the built-in digits.
    epochs, lr, batch_size, seed : as on the command line; ``lr`` is the highest of the schedule.
    weight_decay : of AdamW.
    label_smoothing, clip_grad_norm : see `Trainer`.
    average : decay of the weights' moving average, 0 for none.
    augment : one of `AUGMENTATIONS`: shifts by up to two pixels (four for colour images), mirroring.
    """

    model: str = "lenet"
    data: str = "digits"
    data_root: str | None = None
    epochs: int = 40
    lr: float = 3e-3
    batch_size: int = 64
    seed: int = 0
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    clip_grad_norm: float | None = None
    average: float = 0.0
    augment: str = "shift"

    def check(self) -> Config:
        """Return the settings themselves, or refuse the first that makes no sense.

        Raises
        ------
        ArgumentError
            What it is, and what would fit.
        """
        if self.data not in SOURCES:
            raise ArgumentError(f"data: there is no data set {self.data!r}; {suggest(self.data, SOURCES)}")
        if self.data in NEEDS_ROOT and not self.data_root:
            raise ArgumentError(
                f"data: {self.data} does not come with the package; name the folder of its files with --data-root"
            )
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            _require(name, getattr(self, name), isinstance(getattr(self, name), int), low)
        _require("lr", self.lr, isinstance(self.lr, int | float) and 0 < self.lr < math.inf, None, "0.001")
        _require("weight_decay", self.weight_decay, _share_like(self.weight_decay, math.inf), None, "0.01")
        _require("label_smoothing", self.label_smoothing, _share_like(self.label_smoothing, 1), None, "0.1")
        _require("average", self.average, _share_like(self.average, 1), None, "0.999")
        if self.augment not in AUGMENTATIONS:
            raise ArgumentError(f"augment: got {self.augment!r}; give one of {', '.join(AUGMENTATIONS)}")
        return self

    @classmethod
    def make(cls, **wishes: Any) -> Config:
        """The settings for a data set: the wishes that are not None, the recipe of the data set for the others."""
        wishes = {k: v for k, v in wishes.items() if v is not None}
        source = SOURCES.get(wishes.get("data", cls.data), SOURCES["digits"])
        recipe: dict[str, Any] = {name: getattr(source, name) for name in ("epochs", "lr", "batch_size", "augment")}
        return cls(**(recipe | wishes)).check()

    @classmethod
    def from_dict(cls, values: Any, where: str = "config") -> Config:
        """The settings out of a ``config.json``.

        Raises
        ------
        DataError
            They are not what `to_dict` gave.
        """
        if not isinstance(values, Mapping) or not isinstance(values.get("model"), str):
            raise DataError(f"{where}: it does not describe a run; restore it, or train again")
        names = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{k: v for k, v in values.items() if k in names}).check()
        except (ArgumentError, TypeError) as error:
            raise DataError(f"{where}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values."""
        return dataclasses.asdict(self)


def suggest(name: str, known: Any) -> str:
    """The end of a sentence about an unknown name."""
    near = closest(name, known)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"


def _share_like(value: Any, below: float) -> bool:
    return isinstance(value, int | float) and 0 <= value < below


def _require(name: str, value: Any, sound: bool, low: int | None, example: str = "") -> None:
    if not sound or (low is not None and value < low):
        fits = f"give {low} or more" if low is not None else f"give a number that makes sense, for example {example}"
        if name == "lr":
            fits = f"give a number above zero, for example {example}"
        raise ArgumentError(f"{name}: got {value!r}; {fits}")
