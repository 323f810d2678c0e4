"""Layers that put a border around signals (.., L), images (.., H, W) and volumes (.., D, H, W).

``padding`` is one number for all sides, or one for each: (left, right, top, bottom, front, back), as far as there are
sides; negative ones crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import functional as F
from ..ops.errors import ShapeError
from .module import Module

Size = int | Sequence[int]


class _Pad(Module):
    _rank: int
    _mode: str

    def __init__(self, padding: Size) -> None:
        super().__init__()
        self.padding = tuple(padding) if isinstance(padding, Sequence) else (padding,) * (2 * self._rank)

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, mode=self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _Constant(_Pad):
    def __init__(self, padding: Size, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, mode="constant", value=self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _Zero(_Constant):
    def __init__(self, padding: Size) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _Circular(_Pad):
    _mode = "circular"

    def forward(self, input: Any) -> Any:
        if input.ndim - self._rank not in (1, 2):
            sizes = ("L", "H, W", "D, H, W")[self._rank - 1]
            fit = f"(N, C, {sizes}) or (C, {sizes})"
            raise ShapeError(f"{type(self).__name__}: x has shape {input.shape}, expected {fit}")
        return super().forward(input)


class ConstantPad1d(_Constant):
    """Put ``value`` around signals."""

    _rank = 1


class ConstantPad2d(_Constant):
    """Put ``value`` around images."""

    _rank = 2


class ConstantPad3d(_Constant):
    """Put ``value`` around volumes."""

    _rank = 3


class ZeroPad1d(_Zero, ConstantPad1d):
    """Put zeros around signals."""


class ZeroPad2d(_Zero, ConstantPad2d):
    """Put zeros around images."""


class ZeroPad3d(_Zero, ConstantPad3d):
    """Put zeros around volumes."""


class ReflectionPad1d(_Pad):
    """Continue signals by their mirror image, without repeating the edge."""

    _rank = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """Continue images by their mirror image, without repeating the edge."""

    _rank = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """Continue volumes by their mirror image, without repeating the edge."""

    _rank = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """Continue signals by their edge."""

    _rank = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """Continue images by their edge."""

    _rank = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """Continue volumes by their edge."""

    _rank = 3
    _mode = "replicate"


class CircularPad1d(_Circular):
    """Continue signals by their opposite side."""

    _rank = 1


class CircularPad2d(_Circular):
    """Continue images by their opposite side."""

    _rank = 2


class CircularPad3d(_Circular):
    """Continue volumes by their opposite side."""

    _rank = 3
