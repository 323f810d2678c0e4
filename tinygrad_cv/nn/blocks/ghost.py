"""Ghost modules: half of the channels by a convolution, the other half as cheap copies of them."""

from __future__ import annotations

import math
from typing import Any

from ... import functional as F
from ...ops.errors import ArgumentError
from ..activation import ReLU
from ..container import Sequential
from ..conv import Conv2d
from ..linear import Identity
from ..module import Module
from ..norm import BatchNorm2d


class GhostModule(Module):
    """m = OC / s channels by an ordinary convolution, the others by a filter on each of these.

    Weights: K^2 C m + d^2 m (s - 1) against K^2 C OC, about s times fewer.

    Parameters
    ----------
    in_channels, out_channels : C and OC.
    kernel_size, stride : of the ordinary convolution.
    ratio : s.
    dw_size : d, the side of the cheap filters.
    relu : an activation behind both norms.

    Source: K. Han et al., "GhostNet: More Features from Cheap Operations", CVPR 2020, equations 3 to 5; names after
    the authors' code.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        ratio: int = 2,
        dw_size: int = 3,
        stride: int = 1,
        relu: bool = True,
    ) -> None:
        super().__init__()
        if ratio < 2:
            raise ArgumentError(f"GhostModule: ratio is {ratio}, which leaves no cheap channels; give at least 2")
        self.out_channels = out_channels
        own = math.ceil(out_channels / ratio)
        cheap = own * (ratio - 1)

        def activation() -> Module:
            return ReLU(inplace=True) if relu else Identity()

        self.primary_conv = Sequential(
            Conv2d(in_channels, own, kernel_size, stride, kernel_size // 2, bias=False), BatchNorm2d(own), activation()
        )
        self.cheap_operation = Sequential(
            Conv2d(own, cheap, dw_size, 1, dw_size // 2, groups=own, bias=False), BatchNorm2d(cheap), activation()
        )

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, OC, H/stride, W/stride)."""
        own = self.primary_conv(x)
        y = F.cat([own, self.cheap_operation(own)], 1)
        return y if y.shape[1] == self.out_channels else F.getitem(y, (slice(None), slice(0, self.out_channels)))
