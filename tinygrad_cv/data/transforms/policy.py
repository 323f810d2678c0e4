"""AutoAugment, RandAugment and TrivialAugment: photographs changed by random steps from one table.

A *space* gives each step's strengths; a strategy draws, for every image, which steps at which strength; the
steps themselves are in ``steps``. A batch is done step by step: all images that drew the same one are changed
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from tinygrad_cv.data.resample import mode
from tinygrad_cv.data.transforms.base import Transform
from tinygrad_cv.data.transforms.policies import PAIRS
from tinygrad_cv.data.transforms.steps import STEPS, in_bytes
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array

Space = dict[str, tuple[Array, bool]]
"""Of each step: its strengths from weak to strong, and whether the sign is drawn too."""


def space(bins: int, h: int, w: int, wide: bool = False) -> Space:
    """The strengths of each step: AutoAugment's and RandAugment's, or TrivialAugment's wide ones."""
    shear, turn, blend = (0.99, 135.0, 0.99) if wide else (0.3, 30.0, 0.9)
    reach_x, reach_y = (32.0, 32.0) if wide else (150 / 331 * w, 150 / 331 * h)
    bits, none = (6 if wide else 4), np.zeros(1)
    posterize = 8 - np.rint(np.arange(bins) / max((bins - 1) / bits, 1e-9))
    strengths = {
        "ShearX": shear, "ShearY": shear, "TranslateX": reach_x, "TranslateY": reach_y, "Rotate": turn,
        "Brightness": blend, "Color": blend, "Contrast": blend, "Sharpness": blend,
    }  # fmt: skip
    table: Space = {name: (np.linspace(0, top, bins), True) for name, top in strengths.items()}
    table |= {"Posterize": (posterize, False), "Solarize": (np.linspace(255, 0, bins), False)}
    return table | {name: (none, False) for name in ("Identity", "AutoContrast", "Equalize", "Invert")}


class _Policy(Transform):
    interpolation: str
    fill: Any

    def __init__(self, interpolation: str = "nearest", fill: Any = None) -> None:
        self.interpolation, self.fill = mode(interpolation), 0 if fill is None else fill

    def plan(self, n: int, h: int, w: int) -> list[tuple[Array, Array]]:
        """What to do to n images, in rounds: of each image the step (its place in ``STEPS``) and strength."""
        raise NotImplementedError

    def batch(self, x: Array) -> Array:
        return in_bytes(x, self._steps)

    def _steps(self, x: Array) -> Array:
        x = x.copy(order="K")
        for chosen, strength in self.plan(len(x), *x.shape[2:]):
            for k, step in enumerate(STEPS.values()):
                of = np.flatnonzero(chosen == k)
                if len(of) and step is not None:
                    x[of] = step(x[of], strength[of], self.interpolation, self.fill)
        return x

    def _looked_up(self, table: Space, chosen: Array, level: Array) -> Array:
        """Each image's strength: the entry ``level`` of its step, with a random sign where it has one."""
        strength, names = np.zeros(len(chosen)), list(STEPS)
        signs = self.rng.integers(2, size=len(chosen)) * 2 - 1
        for k in np.unique(chosen).tolist():
            values, signed = table[names[k]]
            of = chosen == k
            strength[of] = values[np.minimum(level[of], len(values) - 1)] * (signs[of] if signed else 1)
        return strength


class RandAugment(_Policy):
    """``num_ops`` steps drawn evenly, all at the strength ``magnitude`` of ``num_magnitude_bins``.

    Source: E. Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space",
    NeurIPS 2020.
    """

    _names = [name for name in STEPS if name != "Invert"]

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: str = "nearest",
        fill: Any = None,
    ) -> None:
        super().__init__(interpolation, fill)
        if num_ops < 0 or num_magnitude_bins < 2 or not 0 <= magnitude < num_magnitude_bins:
            raise ArgumentError(
                f"RandAugment: got num_ops={num_ops}, magnitude={magnitude} of {num_magnitude_bins} bins; "
                "give "
                "num_ops >= 0 and a magnitude below the number of bins (2 or more)"
            )
        self.num_ops, self.magnitude, self.num_magnitude_bins = num_ops, magnitude, num_magnitude_bins

    def plan(self, n: int, h: int, w: int) -> list[tuple[Array, Array]]:
        table, known = space(self.num_magnitude_bins, h, w), _numbers(self._names)
        rounds = []
        for _ in range(self.num_ops):
            chosen = known[self.rng.integers(len(known), size=n)]
            rounds.append((chosen, self._looked_up(table, chosen, np.full(n, self.magnitude))))
        return rounds


class TrivialAugmentWide(_Policy):
    """One step at one strength, both drawn evenly: nothing to tune.

    Source: S. Müller and F. Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation",
    ICCV 2021.

    Strengths are taken from ``num_magnitude_bins`` equal steps.
    """

    _names = RandAugment._names

    def __init__(
        self, num_magnitude_bins: int = 31, interpolation: str = "nearest", fill: Any = None
    ) -> None:
        super().__init__(interpolation, fill)
        if num_magnitude_bins < 2:
            raise ArgumentError(
                f"TrivialAugmentWide: got num_magnitude_bins={num_magnitude_bins}; give 2 or more"
            )
        self.num_magnitude_bins = num_magnitude_bins

    def plan(self, n: int, h: int, w: int) -> list[tuple[Array, Array]]:
        known = _numbers(self._names)
        chosen = known[self.rng.integers(len(known), size=n)]
        level = self.rng.integers(self.num_magnitude_bins, size=n)
        return [(chosen, self._looked_up(space(self.num_magnitude_bins, h, w, wide=True), chosen, level))]


class AutoAugmentPolicy(StrEnum):
    """For which data a table of AutoAugment was found."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


class AutoAugment(_Policy):
    """One of 25 pairs of steps, each step with its own probability and strength, found by search.

    Source: E. Cubuk et al., "AutoAugment: learning augmentation strategies from data", CVPR 2019; the pairs
    are in ``policies``.

    ``policy`` names the data set the pairs were found on; see `AutoAugmentPolicy`.
    """

    def __init__(
        self, policy: str = AutoAugmentPolicy.IMAGENET, interpolation: str = "nearest", fill: Any = None
    ) -> None:
        super().__init__(interpolation, fill)
        if policy not in PAIRS:
            raise ArgumentError(f"AutoAugment: got policy={policy!r}; give one of {', '.join(PAIRS)}")
        self.policy = str(policy)
        self._steps_of, self._odds, self._levels = _parsed(PAIRS[policy])

    def plan(self, n: int, h: int, w: int) -> list[tuple[Array, Array]]:
        table, identity = space(10, h, w), list(STEPS).index("Identity")
        pairs = self.rng.integers(len(self._odds), size=n)
        rounds = []
        for place in range(2):
            done = self.rng.random(n) < self._odds[pairs, place]
            chosen = np.where(done, self._steps_of[pairs, place], identity)
            rounds.append((chosen, self._looked_up(table, chosen, self._levels[pairs, place])))
        return rounds


def _numbers(names: Sequence[str]) -> Array:
    known = list(STEPS)
    return np.array([known.index(name) for name in names])


def _parsed(text: str) -> tuple[Array, Array, Array]:
    """The pairs of a table as step numbers, probabilities and strengths, (25, 2) each."""
    known = list(STEPS)
    entries = [[step.split() for step in pair.split("|")] for pair in text.strip().splitlines()]
    steps = np.array([[known.index(name) for name, _, _ in pair] for pair in entries])
    odds = np.array([[int(tenths) / 10 for _, tenths, _ in pair] for pair in entries])
    levels = np.array([[0 if level == "-" else int(level) for _, _, level in pair] for pair in entries])
    return steps, odds, levels
