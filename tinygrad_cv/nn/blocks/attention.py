"""Layers that look at the whole image before they weigh channels or filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import functional as F
from ...ops.errors import ArgumentError, ShapeError
from .. import init
from ..activation import ReLU, Sigmoid
from ..container import Sequential
from ..conv import Conv2d, Size, sizes
from ..linear import Linear, empty_parameter
from ..module import Module
from ..parameter import Parameter
from ..pool import AdaptiveAvgPool2d


class SqueezeExcitation(Module):
    """Scale every channel by a number that depends on the means of all channels; torchvision's names and 1x1 filters.

    y = x * s(W2 a(W1 mean(x) + b1) + b2)

    Parameters: 2 C S + S + C.

    Parameters
    ----------
    input_channels, squeeze_channels : C and S.
    activation, scale_activation : build a and s.

    Source: J. Hu, L. Shen, G. Sun, "Squeeze-and-Excitation Networks", CVPR 2018, equations 2 to 4.
    """

    def __init__(
        self,
        input_channels: int,
        squeeze_channels: int,
        activation: Callable[..., Module] = ReLU,
        scale_activation: Callable[..., Module] = Sigmoid,
    ) -> None:
        super().__init__()
        if squeeze_channels < 1:
            raise ArgumentError(f"SqueezeExcitation: squeeze_channels is {squeeze_channels}; give at least 1")
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc1 = Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def forward(self, input: Any) -> Any:
        """Images (N, C, H, W) to images of the same size."""
        return input * self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(input)))))


class SEBlock(Module):
    """Squeeze and excitation as the paper draws it: the mean over the pixels, two affine layers, a sigmoid.

    Parameters: 2 C^2/r + C/r + C.

    Parameters
    ----------
    channels, reduction : C and r; the inner layer has max(1, C // r) units.

    Source: Hu et al., CVPR 2018, figure 3.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        if reduction < 1:
            raise ArgumentError(f"SEBlock: reduction is {reduction}; give at least 1")
        inner = max(1, channels // reduction)
        self.channels = channels
        self.fc = Sequential(Linear(channels, inner), ReLU(inplace=True), Linear(inner, channels), Sigmoid())

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to images of the same size."""
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ShapeError(f"SEBlock: x has shape {x.shape}; give (N, {self.channels}, H, W)")
        return x * F.reshape(self.fc(F.mean(x, (2, 3))), (x.shape[0], self.channels, 1, 1))


class DynamicConv2d(Module):
    """A convolution whose filters are mixed anew for each image: W(x) = sum over i of p_i(x) W_i.

    The shares p(x) are a softmax, with a temperature, of a small network on the means of x. All images of a batch are
    convolved in one call: the batch becomes one image with N groups of channels.

    Parameters: k (K^2 C/groups OC + OC) for the filters, C h + h + h k + k for the shares, h = max(1, C // reduction).

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias : as `Conv2d`.
    experts : k, how many filter banks are mixed.
    reduction : C / h.
    temperature : divides the scores of the softmax. The paper starts at 30 and lowers it to 1, so that all banks learn
        first; set the attribute to do the same.

    Source: Y. Chen et al., "Dynamic Convolution: Attention over Convolution Kernels", CVPR 2020, equations 2 and 3.
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
        experts: int = 4,
        reduction: int = 4,
        temperature: float = 30.0,
    ) -> None:
        super().__init__()
        if experts < 1 or temperature <= 0 or reduction < 1:
            raise ArgumentError(
                f"DynamicConv2d: got experts={experts}, reduction={reduction}, temperature={temperature}; give at "
                "least one expert, a reduction of at least 1, and a temperature above zero"
            )
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"DynamicConv2d: groups is {groups} for {in_channels} and {out_channels} channels; give a divisor"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.experts, self.temperature = experts, temperature
        kernel = sizes(kernel_size, 2, "kernel_size", "DynamicConv2d")
        hidden = max(1, in_channels // reduction)
        self.attention = Sequential(Linear(in_channels, hidden), ReLU(), Linear(hidden, experts))
        self.weight = empty_parameter((experts, out_channels, in_channels // groups, *kernel))
        self.register_parameter("bias", empty_parameter((experts, out_channels)) if bias else None)
        for i in range(experts):
            init.default_layer_(self.weight[i], None if self.bias is None else self.bias[i])

    def shares(self, x: Any) -> Any:
        """Return p(x), (N, k): how much of each filter bank every image gets."""
        return F.softmax(self.attention(F.mean(x, (2, 3))) * (1 / self.temperature), -1)

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, OC, OH, OW)."""
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ShapeError(f"DynamicConv2d: x has shape {x.shape}; give (N, {self.in_channels}, H, W)")
        n, c, h, w = x.shape
        p = self.shares(x)
        filters = F.matmul(p, F.reshape(self.weight, (self.experts, -1)))
        filters = F.reshape(filters, (n * self.out_channels, *self.weight.shape[2:]))
        offsets = None if self.bias is None else F.reshape(F.matmul(p, self.bias), (-1,))
        images = F.reshape(x, (1, n * c, h, w))
        y = F.conv2d(images, filters, offsets, self.stride, self.padding, self.dilation, n * self.groups)
        return F.reshape(y, (n, self.out_channels, *y.shape[2:]))

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={tuple(self.weight.shape[3:])}, "
            f"stride={self.stride}, padding={self.padding}, experts={self.experts}, temperature={self.temperature}"
        )
