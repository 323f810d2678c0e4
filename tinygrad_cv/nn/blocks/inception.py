"""The Inception block: four paths over the same image, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import functional as F
from ...ops.errors import ArgumentError
from ..activation import ReLU
from ..container import Sequential
from ..conv import Conv2d
from ..module import Module
from ..norm import BatchNorm2d
from ..pool import MaxPool2d


class BasicConv2d(Module):
    """Convolution without bias, norm, ReLU: what torchvision builds Inception from."""

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = BatchNorm2d(out_channels, eps=0.001)
        self.relu = ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, OC, OH, OW)."""
        return self.relu(self.bn(self.conv(x)))


class PlainConv2d(Module):
    """Convolution with bias, ReLU: what the paper of 2015 builds Inception from, before batch norm."""

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, **kwargs)
        self.relu = ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, OC, OH, OW)."""
        return self.relu(self.conv(x))


class Inception(Module):
    """Four paths that keep the size of the image, their channels side by side.

    1x1; 1x1 and 3x3; 1x1 and 5x5; 3x3 max pooling and 1x1. Every filter larger than 1x1 needs "same" padding, or the
    paths could not be joined.

    Parameters
    ----------
    in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj : channels; a row of the paper's table 1.
        pool_proj=0 leaves the pooling path out.
    conv_block : builds a convolution; `BasicConv2d` (no bias, a norm) or `PlainConv2d` (bias, no norm).
    large : side of the third path's filter. The paper has 5; torchvision has 3, by a mistake that its weights keep.

    Source: C. Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, figure 2b and table 1.

    Examples
    --------
    >>> block = Inception(192, 64, 96, 128, 16, 32, 32, conv_block=PlainConv2d, large=5)
    >>> sum(p.numel() for p in block.parameters())
    163696
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        conv_block: Callable[..., Module] | None = None,
        large: int = 3,
    ) -> None:
        super().__init__()
        if large % 2 == 0:
            raise ArgumentError(f"Inception: large is {large}; give an odd side, so that the image keeps its size")
        conv = conv_block or BasicConv2d
        self.branch1 = conv(in_channels, ch1x1, kernel_size=1)
        self.branch2 = Sequential(
            conv(in_channels, ch3x3red, kernel_size=1), conv(ch3x3red, ch3x3, kernel_size=3, padding=1)
        )
        self.branch3 = Sequential(
            conv(in_channels, ch5x5red, kernel_size=1), conv(ch5x5red, ch5x5, kernel_size=large, padding=large // 2)
        )
        self.branch4: Module | None = None
        if pool_proj:
            pool = MaxPool2d(3, stride=1, padding=1, ceil_mode=True)
            self.branch4 = Sequential(pool, conv(in_channels, pool_proj, kernel_size=1))

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W)."""
        paths = [self.branch1, self.branch2, self.branch3, self.branch4]
        return F.cat([path(x) for path in paths if path is not None], 1)
