"""What a run was asked to do: the settings of ``tinygrad-cv train``, and their defaults for each data set."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.train.recipes import named, suggest


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
    "drawings": Source(1, 28, 20, 3e-3, "affine", 64),
    "mnist": Source(1, 28, 3, 3e-3, "none", 64),
    "fashion-mnist": Source(1, 28, 10, 3e-3, "flip", 64),
    "cifar10": Source(3, 32, 10, 3e-3, "shift+flip", 64),
}
AUGMENTATIONS = ("none", "shift", "reflect", "flip", "alternate", "affine", "cutout")
OPTIMIZERS = ("adamw", "sgd", "muon")
SCHEDULES = ("cycle", "linear", "cosine", "stairs", "flat")
LOOKS = ("once", "flip", "flip+shift")
NEEDS_ROOT = ("mnist", "fashion-mnist", "cifar10")


@dataclass
class Config:
    """One run. Every field can be read back from the run's ``config.json``.

    Attributes
    ----------
    model, data : names, see ``tinygrad-cv models`` and `SOURCES`.
    data_root : folder of the data set, None for the built-in digits.
    epochs, lr, batch_size, seed : as on the command line; ``lr`` is the highest of the schedule.
    options : further arguments of the network's builder.
    optimizer, momentum, bias_lr, head_lr, weight_decay : see `optimizers.build_optimizer`.
    schedule, warm_up : how the learning rate runs, see `optimizers.build_schedule`; the share of the steps in which
        it rises.
    accumulate : batches whose gradients make one step.
    label_smoothing, clip_grad_norm : see `Trainer`.
    average : decay of the weights' moving average, 0 for none.
    augment : several of `AUGMENTATIONS`, joined by "+": shifts by up to two pixels (four for colour images), or by two
        with a reflected border, mirroring by chance or in every second epoch, small turns and stretches, a square of
        a quarter of the image's side overwritten.
    look : what is averaged where the network is measured: scores of the image, of its mirror image too, and of both
        shifted by a pixel.
    keep : "best" for the weights of the epoch with the best accuracy on the test images, "last" for those of the last
        epoch; then the test images are looked at once, when the training is over.
    held_out : share of the training images that is not trained on and takes the place of the test images, which are
        then not looked at. For the choice of settings.
    permuted : whether the pixels of all images stand in another order, the same for all, see `PermutedPixels`.
    recipe : the name of the recipe that these settings come from, or "".
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
    options: dict[str, Any] = field(default_factory=dict)
    optimizer: str = "adamw"
    momentum: float = 0.9
    bias_lr: float | None = None
    head_lr: float | None = None
    schedule: str = "cycle"
    warm_up: float = 0.15
    accumulate: int = 1
    look: str = "once"
    keep: str = "best"
    held_out: float = 0.0
    permuted: bool = False
    recipe: str = ""

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
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0), ("accumulate", 1)):
            _require(name, getattr(self, name), isinstance(getattr(self, name), int), low)
        _require("lr", self.lr, isinstance(self.lr, int | float) and 0 < self.lr < math.inf, None, "0.001")
        _require("weight_decay", self.weight_decay, _share_like(self.weight_decay, math.inf), None, "0.01")
        _require("label_smoothing", self.label_smoothing, _share_like(self.label_smoothing, 1), None, "0.1")
        for name, example in (("average", "0.999"), ("momentum", "0.9"), ("warm_up", "0.05"), ("held_out", "0.1")):
            value = getattr(self, name)
            _require(name, value, _share_like(value, 1), None, example)
        choices = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "look": LOOKS, "keep": ("best", "last")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ArgumentError(f"{name}: got {getattr(self, name)!r}; give one of {', '.join(known)}")
        if not set(self.augment.split("+")) <= set(AUGMENTATIONS):
            raise ArgumentError(
                f"augment: got {self.augment!r}; give one of {', '.join(AUGMENTATIONS)}, or several, joined by +"
            )
        return self

    @classmethod
    def make(cls, **wishes: Any) -> Config:
        """The settings for a data set: the wishes that are not None, then the recipe's, then the data set's."""
        wishes = {k: v for k, v in wishes.items() if v is not None}
        wishes = (named(wishes["recipe"]) if wishes.get("recipe") else {}) | wishes
        source = SOURCES.get(wishes.get("data", cls.data), SOURCES["digits"])
        usual: dict[str, Any] = {name: getattr(source, name) for name in ("epochs", "lr", "batch_size", "augment")}
        return cls(**(usual | wishes)).check()

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


def _share_like(value: Any, below: float) -> bool:
    return isinstance(value, int | float) and 0 <= value < below


def _require(name: str, value: Any, sound: bool, low: int | None, example: str = "") -> None:
    if not sound or (low is not None and value < low):
        fits = f"give {low} or more" if low is not None else f"give a number that makes sense, for example {example}"
        if name == "lr":
            fits = f"give a number above zero, for example {example}"
        raise ArgumentError(f"{name}: got {value!r}; {fits}")
