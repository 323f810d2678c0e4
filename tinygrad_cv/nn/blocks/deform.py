"""Deformable convolution as a layer, with the small convolution that predicts its offsets."""

from __future__ import annotations

from typing import Any

from ... import functional as F
from ...ops.deform import deform_conv2d
from ...ops.errors import ArgumentError
from .. import init
from ..conv import Conv2d, Size, sizes
from ..linear import empty_parameter, empty_weight
from ..module import Module
from ..parameter import Parameter


class DeformConv2d(Module):
    """`ops.deform.deform_conv2d` with weights; offsets and mask are given in the call, as in torchvision.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias : as `Conv2d`.

    Examples
    --------
    >>> import tinygrad_cv as torch
    >>> layer = DeformConv2d(3, 8, 3, padding=1)
    >>> layer(torch.zeros(2, 3, 5, 5), torch.zeros(2, 18, 5, 5)).shape
    (2, 8, 5, 5)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"DeformConv2d: groups is {groups} for {in_channels} and {out_channels} channels; give a divisor"
            )
        name = type(self).__name__
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = sizes(kernel_size, 2, "kernel_size", name)
        self.stride = sizes(stride, 2, "stride", name)
        self.padding = sizes(padding, 2, "padding", name)
        self.dilation = sizes(dilation, 2, "dilation", name)
        self.weight = empty_weight((out_channels, in_channels // groups, *self.kernel_size))
        self.register_parameter("bias", empty_parameter((out_channels,)) if bias else None)
        init.default_layer_(self.weight, self.bias)

    def forward(self, input: Any, offset: Any, mask: Any = None) -> Any:
        """Images (N, C, H, W) to (N, OC, OH, OW)."""
        return deform_conv2d(input, offset, self.weight, self.bias, self.stride, self.padding, self.dilation, mask)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, groups={self.groups}, bias={self.bias is not None}"
        )


class ModulatedDeformConv2d(DeformConv2d):
    """A deformable convolution that predicts its own offsets, and (version 2) factors of its taps, from the image.

    The predictor is a convolution with the same window whose weights start at zero: at first the offsets are 0 and the
    factors 1 (version 1: none), so the layer starts as an ordinary convolution. The paper's factors are
    sigmoids, which start at 1/2; here they are doubled.

    Parameters
    ----------
    modulated : predict factors too (version 2).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        modulated: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        self.modulated = modulated
        self.taps = self.kernel_size[0] * self.kernel_size[1]
        self.predictor = Conv2d(
            in_channels, (3 if modulated else 2) * self.taps, kernel_size, stride, padding, dilation
        )
        init.zeros_(self.predictor.weight)
        if self.predictor.bias is not None:
            init.zeros_(self.predictor.bias)

    def forward(self, input: Any) -> Any:  # type: ignore[override]
        """Images (N, C, H, W) to (N, OC, OH, OW)."""
        told = self.predictor(input)
        mask = F.sigmoid(told[:, 2 * self.taps :]) * 2 if self.modulated else None
        return super().forward(input, told[:, : 2 * self.taps], mask)
