"""Residual networks whose blocks weigh their channels before they add: SE-ResNet."""

from __future__ import annotations

from typing import Any

from tinygrad_cv.models.registry import register_model
from tinygrad_cv.models.resnet import BasicBlock, Bottleneck, ResNet
from tinygrad_cv.nn.blocks import SEBlock


class SEBasicBlock(BasicBlock):
    """A `BasicBlock` with squeeze and excitation on its branch, before the addition."""

    def __init__(self, inplanes: int, planes: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(inplanes, planes, *args, **kwargs)
        self.se = SEBlock(planes)

    def forward(self, x: Any) -> Any:
        """Images (N, C_in, H, W) to (N, C, H/stride, W/stride)."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.se(self.bn2(self.conv2(out))) + identity)


class SEBottleneck(Bottleneck):
    """A `Bottleneck` with squeeze and excitation on its branch, before the addition."""

    def __init__(self, inplanes: int, planes: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(inplanes, planes, *args, **kwargs)
        self.se = SEBlock(planes * self.expansion)

    def forward(self, x: Any) -> Any:
        """Images (N, C_in, H, W) to (N, 4 C, H/stride, W/stride)."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(self.se(self.bn3(self.conv3(out))) + identity)


class SEResNet(ResNet):
    """A `ResNet` of blocks with squeeze and excitation, reduction 16; the arguments are the same.

    Parameters: those of the ResNet, and 2 C^2/16 + C/16 + C for each block of C output channels.

    Source: J. Hu, L. Shen, G. Sun, "Squeeze-and-Excitation Networks", CVPR 2018, table 1.
    """


@register_model()
def se_resnet18(**kwargs: Any) -> SEResNet:
    """SE-ResNet-18: 11,778,592 parameters."""
    return SEResNet(SEBasicBlock, [2, 2, 2, 2], **kwargs)


@register_model()
def se_resnet34(**kwargs: Any) -> SEResNet:
    """SE-ResNet-34: 21,958,868 parameters."""
    return SEResNet(SEBasicBlock, [3, 4, 6, 3], **kwargs)


@register_model()
def se_resnet50(**kwargs: Any) -> SEResNet:
    """SE-ResNet-50: 28,088,024 parameters."""
    return SEResNet(SEBottleneck, [3, 4, 6, 3], **kwargs)
