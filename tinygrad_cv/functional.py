"""Functions on tensors: the public names of `ops`, and those that draw random numbers.

``tinygrad_cv.functional``, ``tinygrad_cv.nn.functional`` and ``tinygrad_cv`` itself offer the same functions,
which PyTorch spreads over ``torch`` and ``torch.nn.functional``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import ops
from .ops import *  # noqa: F403
from .ops.errors import ArgumentError
from .tensors.random import Generator, pick

if not TYPE_CHECKING:  # checkers follow the star above, but not sums of names
    __all__ = ["dropout", "dropout1d", "dropout2d", *ops.__all__]


def dropout(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Set each element to 0 with probability ``p`` and divide the others by 1 - p; nothing when not training.

    The expected value stays as it was. Derivative: g times the same mask. Source: Srivastava et al. 2014.
    """
    return _drop("dropout", input, p, training, input.shape, generator)


def dropout2d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Set whole channels of (N, C, H, W) to 0 with probability ``p`` (Tompson et al. 2015)."""
    return _drop("dropout2d", input, p, training, (*input.shape[:2], *(1,) * (input.ndim - 2)), generator)


dropout1d = dropout2d


def _drop(op: str, input: Any, p: float, training: bool, shape: tuple[int, ...], generator: Generator | None) -> Any:
    if not 0 <= p <= 1:
        raise ArgumentError(f"{op}: p is {p}; give a probability from 0 to 1")
    if not training or p == 0:
        return input
    keep = pick(generator).random(shape, "f4") >= p
    scale = 1 / (1 - p) if p < 1 else 0.0
    return input * (keep.astype(input.dtype) * input.dtype.type(scale))
