"""Dropout layers: noise in training, nothing in evaluation (Srivastava et al. 2014)."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..ops.errors import ArgumentError
from .module import Module


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ArgumentError(f"{type(self).__name__}: p is {p}; give a probability from 0 to 1")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Set elements to 0 with probability ``p`` and divide the others by 1 - p."""

    def forward(self, input: Any) -> Any:
        return F.dropout(input, self.p, self.training)


class Dropout1d(_Dropout):
    """Set whole channels of (N, C, L) or (C, L) to 0 with probability ``p``."""

    def forward(self, input: Any) -> Any:
        return _batched(F.dropout1d, input, 2, self.p, self.training)


class Dropout2d(_Dropout):
    """Set whole channels of (N, C, H, W) to 0 with probability ``p`` (Tompson et al. 2015)."""

    def forward(self, input: Any) -> Any:
        return F.dropout2d(input, self.p, self.training)


def _batched(function: Any, input: Any, single: int, p: float, training: bool) -> Any:
    """Let a function that expects a batch take a single sample too."""
    if input.ndim != single:
        return function(input, p, training)
    return F.squeeze(function(F.unsqueeze(input, 0), p, training), 0)
