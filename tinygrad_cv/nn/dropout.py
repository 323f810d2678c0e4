"""Dropout layers: noise in training, nothing in evaluation (Srivastava et al. 2014)."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..autograd.mode import MODE
from ..ops.errors import ArgumentError, AutogradError
from .module import Module


def free(layer: str, input: Any) -> Any:
    """Return what a layer with ``inplace=True`` was given, unless it is a leaf that requires a gradient."""
    if MODE.enabled and getattr(input, "_needs", False) and input._node is None:
        raise AutogradError(f"{layer}: inplace=True on a leaf that requires a gradient; leave inplace out")
    return input


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ArgumentError(f"{type(self).__name__}: p is {p}; give a probability from 0 to 1")
        self.p, self.inplace = p, inplace

    def _mine(self, input: Any, single: bool = False) -> Any:
        """Return the input, if it may be written in place; PyTorch gives a ``single`` sample its batch in place."""
        written = self.inplace and (single or (self.training and self.p and 0 not in input.shape))
        return free(type(self).__name__, input) if written else input

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Set elements to 0 with probability ``p`` and divide the others by 1 - p."""

    def forward(self, input: Any) -> Any:
        return F.dropout(self._mine(input), self.p, self.training)


class Dropout1d(_Dropout):
    """Set whole channels of (N, C, L) or (C, L) to 0 with probability ``p``."""

    def forward(self, input: Any) -> Any:
        return F.dropout1d(self._mine(input, input.ndim == 2), self.p, self.training)


class Dropout2d(_Dropout):
    """Set whole channels of (N, C, H, W) to 0 with probability ``p`` (Tompson et al. 2015)."""

    def forward(self, input: Any) -> Any:
        return F.dropout2d(self._mine(input), self.p, self.training)


class Dropout3d(_Dropout):
    """Set whole channels of (N, C, D, H, W) or (C, D, H, W) to 0 with probability ``p``."""

    def forward(self, input: Any) -> Any:
        return F.dropout3d(self._mine(input, input.ndim != 5), self.p, self.training)
