"""What a first layer has learned, in the words of the time before: edges and oriented waves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv.data.features import SOBEL_X, gabor_kernel
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array

DIRECTIONS = 8


@dataclass(frozen=True)
class Match:
    """The classical filter that a learned one resembles most.

    Attributes
    ----------
    name : such as "Sobel, 45 degrees"; the degrees are the direction in which it grows, 0 to the right, 90 downwards.
    score : the absolute cosine of the angle between the two, both without their means: 1 is the same up to a factor.
    chance : how likely a filter of random numbers matches something as well as this; a score near 1 says little about a
        small filter where this is large.
    kernel : the classical filter, (KH, KW).
    """

    name: str
    score: float
    chance: float
    kernel: Array


def nearest_classical(filters: Any, trials: int = 1000) -> list[Match]:
    """Name each filter (OC, C, KH, KW) after the Sobel, Prewitt or Gabor filter that it resembles most.

    A filter of several channels is judged by its strongest spatial pattern, which the singular value decomposition of
    its (C, KH*KW) matrix gives.

    Parameters
    ----------
    filters : weights of a first layer, square, at least 3 x 3.
    trials : random filters from which the chance is estimated (always the same ones).

    Examples
    --------
    >>> notes = np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]])  # printed as Sobel's in many notes; it is Prewitt's
    >>> match = nearest_classical(notes[None, None])[0]
    >>> match.name, round(match.score, 6)
    ('Prewitt, 90 degrees', 1.0)
    """
    w = np.asarray(getattr(filters, "_data", filters), float)
    if w.ndim != 4 or w.shape[2] != w.shape[3] or w.shape[2] < 3:
        raise ShapeError(f"nearest_classical: filters have shape {w.shape}; give (OC, C, K, K) with K of 3 or more")
    bank = classical_filters(w.shape[2])
    names, kernels = list(bank), np.stack(list(bank.values()))
    units = _unit(kernels.reshape(len(kernels), -1))
    planes = np.stack([np.linalg.svd(f.reshape(len(f), -1), full_matrices=False)[2][0] for f in w])
    noise = np.random.default_rng(0).standard_normal((trials, planes.shape[1]))
    luck = np.abs(_unit(noise) @ units.T).max(1)
    likeness = np.abs(_unit(planes) @ units.T)
    matches = []
    for row in likeness:
        best = int(row.argmax())
        score = float(row[best])
        matches.append(Match(names[best], score, float((luck >= score).mean()), kernels[best]))
    return matches


def classical_filters(size: int) -> dict[str, Array]:
    """Sobel, Prewitt and Gabor filters of ``size`` x ``size`` by name, in eight directions, their means taken away.

    Larger edge filters follow the pattern of the 3 x 3 ones: a slope one way, and across it 1-2-1 smoothed again
    (binomial, Sobel) or ones (Prewitt). Filters of an even size are those of the next odd size, averaged over 2 x 2.
    """
    if size < 3:
        raise ArgumentError(f"classical_filters: size is {size}; give 3 or more")
    odd = size + 1 - size % 2
    bank: dict[str, Array] = {}
    binomial = SOBEL_X[:, 2]
    for _ in range(odd // 2 - 1):
        binomial = np.convolve(binomial, SOBEL_X[:, 2])
    for name, across in (("Sobel", binomial), ("Prewitt", np.ones(odd))):
        right = np.outer(across, np.arange(odd) - odd // 2)
        for k in range(DIRECTIONS // 2):
            turn = 2 * math.pi * k / DIRECTIONS
            bank[f"{name}, {_degrees(turn)}"] = math.cos(turn) * right + math.sin(turn) * right.T
    for wavelength in sorted({max(2.5, odd * share) for share in (0.5, 0.75, 1.0)}):
        for k in range(DIRECTIONS):
            turn = math.pi * k / DIRECTIONS
            for phase, word in ((0.0, "even"), (-math.pi / 2, "odd")):
                wave = gabor_kernel(odd, turn, wavelength, phase=phase)
                bank[f"Gabor {word}, {_degrees(turn)}, wavelength {wavelength:g}"] = wave
    if size % 2 == 0:
        bank = {n: (k[1:, 1:] + k[1:, :-1] + k[:-1, 1:] + k[:-1, :-1]) / 4 for n, k in bank.items()}
    return {name: kernel - kernel.mean() for name, kernel in bank.items()}


def _degrees(turn: float) -> str:
    return f"{math.degrees(turn):g} degrees"


def _unit(rows: Array) -> Array:
    """Rows without their means, of length 1; rows that are flat become zeros."""
    centred = rows - rows.mean(1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 1e-12)
