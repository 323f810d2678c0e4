"""A convolution with what usually follows it, and the paths that are left out at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.errors import ArgumentError
from ...tensors.random import pick
from ..activation import ReLU
from ..container import Sequential
from ..conv import Conv2d, Size, sizes
from ..module import Module
from ..norm import BatchNorm2d

Build = Callable[..., Module]


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round to a multiple of ``divisor``, at least one of it, and never down by more than a tenth.

    Source: the rounding of channel numbers in Sandler et al. 2018's reference code.

    Examples
    --------
    >>> make_divisible(35), make_divisible(3), make_divisible(11)
    (32, 8, 16)
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


class Conv2dNormActivation(Sequential):
    """Convolution, norm, activation, as torchvision's class of this name: entries 0, 1 and 2.

    Parameters
    ----------
    padding : None keeps the size (but for the stride): (K - 1) / 2 * dilation.
    norm_layer, activation_layer : build the second and the third entry; None leaves it out.
    bias : None gives the convolution a bias only where no norm follows.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size = 3,
        stride: Size = 1,
        padding: Size | str | None = None,
        groups: int = 1,
        norm_layer: Build | None = BatchNorm2d,
        activation_layer: Build | None = ReLU,
        dilation: Size = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:
        if padding is None:
            kernel = sizes(kernel_size, 2, "kernel_size", "Conv2dNormActivation")
            spread = sizes(dilation, 2, "dilation", "Conv2dNormActivation")
            padding = tuple((k - 1) // 2 * d for k, d in zip(kernel, spread))
        bias = norm_layer is None if bias is None else bias
        layers: list[Module] = [Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer() if inplace is None else activation_layer(inplace=inplace))
        super().__init__(*layers)
        self.out_channels = out_channels


class DepthwiseSeparable(Sequential):
    """A filter for each channel, then a 1x1 convolution across channels; norm and activation behind both.

    Weights: K^2 C + C OC, against K^2 C OC of a full convolution: a share of 1/OC + 1/K^2. For 3x3 filters 87 to 89 %
    are saved from 64 channels on.

    Source: A. Howard et al., "MobileNets", arXiv:1704.04861, 2017, section 3.1.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | None = None,
        dilation: int = 1,
        norm_layer: Build | None = BatchNorm2d,
        activation_layer: Build | None = ReLU,
    ) -> None:
        super().__init__(
            Conv2dNormActivation(
                in_channels, in_channels, kernel_size, stride, padding, in_channels, norm_layer, activation_layer,
                dilation,
            ),
            Conv2dNormActivation(
                in_channels, out_channels, 1, norm_layer=norm_layer, activation_layer=activation_layer
            ),
        )  # fmt: skip


def stochastic_depth(input: Any, p: float, mode: str, training: bool = True) -> Any:
    """Set the whole of each image (mode 'row') or of the batch ('batch') to 0 with probability ``p``, in training.

    What stays is divided by 1 - p. Source: G. Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
    """
    if not 0 <= p <= 1:
        raise ArgumentError(f"stochastic_depth: p is {p}; give a probability from 0 to 1")
    if mode not in ("row", "batch"):
        raise ArgumentError(f"stochastic_depth: mode is {mode!r}; give 'row' or 'batch'")
    if not training or p == 0:
        return input
    shape = ((input.shape[0],) if mode == "row" else (1,)) + (1,) * (input.ndim - 1)
    keep = pick(None).random(shape) >= p
    return input * (keep / np.float64(max(1 - p, 1e-12))).astype(input.dtype)


class StochasticDepth(Module):
    """`stochastic_depth` as a layer: put it behind the residual branch."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, input: Any) -> Any:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"
