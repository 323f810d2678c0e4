"""Residual networks for large images: ResNet, ResNeXt and Wide ResNet.

A block computes y = relu(F(x) + x). Where F changes the size, a 1x1 convolution (the projection) takes x along. If F is
zero the block is the identity, so a deeper network contains every shallower one (He et al. 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.ops.shape import flatten


def conv3x3(inside: int, outside: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size (but for its stride), without bias: a norm follows."""
    return nn.Conv2d(inside, outside, 3, stride, dilation, dilation, groups, bias=False)


def conv1x1(inside: int, outside: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(inside, outside, 1, stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016, figure 5, left).

    Parameters: 9 C_in C + 9 C^2 + 4 C, and C_in C + 2 C for a projection.

    ``inplanes`` and ``planes`` are C_in and C; ``downsample`` is the module on the shortcut, None for the identity;
    ``norm_layer`` makes a normalisation from a number of channels. ``groups`` and ``base_width`` must be 1 and 64 here.
    """

    expansion: ClassVar[int] = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if groups != 1 or base_width != 64 or dilation > 1:
            raise ArgumentError(
                f"BasicBlock: it has neither groups nor widths nor dilation, got groups={groups}, "
                f"base_width={base_width}, dilation={dilation}; use Bottleneck"
            )
        self.conv1 = conv3x3(inplanes, planes, stride)
        norm = norm_layer or nn.BatchNorm2d
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Any) -> Any:
        """Images (N, C_in, H, W) to (N, C, H/stride, W/stride)."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + identity)


class Bottleneck(nn.Module):
    """1x1 down, 3x3, 1x1 up to four times the width, and a shortcut (He et al. 2016, figure 5, right).

    The stride sits in the 3x3 convolution, as in torchvision ("v1.5"), not in the first 1x1 as in the paper.

    ``inplanes`` is C_in, ``planes`` a quarter of the width that comes out; the 3x3 convolution has planes base_width/64
    channels per group, in ``groups`` groups. ``downsample`` and ``norm_layer`` as in `BasicBlock`.
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        norm = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Any) -> Any:
        """Images (N, C_in, H, W) to (N, 4 C, H/stride, W/stride)."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + identity)


class ResNet(Network):
    """A stem, four stages of residual blocks, global average pooling, and one affine layer.

    Parameters
    ----------
    block : `BasicBlock` or `Bottleneck`.
    layers : blocks per stage; stages have 64, 128, 256 and 512 planes, and all but the first halve the size.
    num_classes : K.
    zero_init_residual : start the last norm of each block at 0, so that every block starts as the identity
        (Goyal et al. 2017, section 5.1).
    groups, width_per_group : the aggregated transformations of ResNeXt (Xie et al. 2017), or a wider inside.
    replace_stride_with_dilation : for stages 2 to 4, keep the size and dilate instead.
    norm_layer : builds the norms.
    in_channels, image_size : the images. Up to 64 pixels, the 7x7/2 stem with pooling is a plain 3x3 convolution.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
        in_channels: int = 3,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        if not hasattr(block, "expansion"):
            raise ArgumentError(f"ResNet: block is {block!r}; give BasicBlock or Bottleneck")
        if len(layers) != 4:
            raise ArgumentError(f"ResNet: layers is {layers!r}; give the number of blocks in each of four stages")
        dilate = (False, False, False) if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3:
            raise ArgumentError(
                f"ResNet: replace_stride_with_dilation is {replace_stride_with_dilation}; give three booleans, for "
                "the stages 2 to 4, or None"
            )
        self._sizes(in_channels, image_size)
        self._norm = norm_layer or nn.BatchNorm2d
        self.inplanes, self.dilation = 64, 1
        self.groups, self.base_width = groups, width_per_group
        small = image_size <= 64
        stem = (3, 1, 1) if small else (7, 2, 3)
        self.conv1 = nn.Conv2d(in_channels, 64, *stem, bias=False)
        self.bn1 = self._norm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._stage(block, 64, layers[0], 1, False)
        self.layer2 = self._stage(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._stage(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._stage(block, 512, layers[3], 2, dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):
                nn.init.constant_((module.bn2 if isinstance(module, BasicBlock) else module.bn3).weight, 0)

    def _stage(self, block: Any, planes: int, blocks: int, stride: int, dilate: bool) -> nn.Sequential:
        before = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        outside = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != outside:
            downsample = nn.Sequential(conv1x1(self.inplanes, outside, stride), self._norm(outside))
        shared = (self.groups, self.base_width)
        layers = [block(self.inplanes, planes, stride, downsample, *shared, before, self._norm)]
        self.inplanes = outside
        layers += [block(outside, planes, 1, None, *shared, self.dilation, self._norm) for _ in range(1, blocks)]
        return nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(flatten(self.avgpool(x), 1))


@register_model()
def resnet18(**kwargs: Any) -> ResNet:
    """ResNet-18: 11,689,512 parameters."""
    return ResNet(BasicBlock, [2, 2, 2, 2], **kwargs)


@register_model()
def resnet34(**kwargs: Any) -> ResNet:
    """ResNet-34: 21,797,672 parameters."""
    return ResNet(BasicBlock, [3, 4, 6, 3], **kwargs)


@register_model()
def resnet50(**kwargs: Any) -> ResNet:
    """ResNet-50: 25,557,032 parameters."""
    return ResNet(Bottleneck, [3, 4, 6, 3], **kwargs)


@register_model()
def resnet101(**kwargs: Any) -> ResNet:
    """ResNet-101: 44,549,160 parameters."""
    return ResNet(Bottleneck, [3, 4, 23, 3], **kwargs)


@register_model()
def resnet152(**kwargs: Any) -> ResNet:
    """ResNet-152: 60,192,808 parameters."""
    return ResNet(Bottleneck, [3, 8, 36, 3], **kwargs)


@register_model()
def resnext50_32x4d(**kwargs: Any) -> ResNet:
    """ResNeXt-50 with 32 groups of width 4 (Xie et al. 2017): 25,028,904 parameters."""
    return ResNet(Bottleneck, [3, 4, 6, 3], groups=32, width_per_group=4, **kwargs)


@register_model()
def resnext101_32x8d(**kwargs: Any) -> ResNet:
    """ResNeXt-101 with 32 groups of width 8 (Xie et al. 2017): 88,791,336 parameters."""
    return ResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=8, **kwargs)


@register_model()
def wide_resnet50_2(**kwargs: Any) -> ResNet:
    """ResNet-50 twice as wide inside its blocks (Zagoruyko and Komodakis 2016): 68,883,240 parameters."""
    return ResNet(Bottleneck, [3, 4, 6, 3], width_per_group=128, **kwargs)


@register_model()
def wide_resnet101_2(**kwargs: Any) -> ResNet:
    """ResNet-101 twice as wide inside its blocks (Zagoruyko and Komodakis 2016): 126,886,696 parameters."""
    return ResNet(Bottleneck, [3, 4, 23, 3], width_per_group=128, **kwargs)
