"""GhostNet: inverted residuals made of Ghost modules."""

from __future__ import annotations

from functools import partial
from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn.blocks import Conv2dNormActivation, GhostModule, SqueezeExcitation, make_divisible
from tinygrad_cv.ops.shape import flatten

STAGES = (
    ((3, 16, 16, 0, 1),),
    ((3, 48, 24, 0, 2),),
    ((3, 72, 24, 0, 1),),
    ((5, 72, 40, 1, 2),),
    ((5, 120, 40, 1, 1),),
    ((3, 240, 80, 0, 2),),
    ((3, 200, 80, 0, 1), (3, 184, 80, 0, 1), (3, 184, 80, 0, 1), (3, 480, 112, 1, 1), (3, 672, 112, 1, 1)),
    ((5, 672, 160, 1, 2),),
    ((5, 960, 160, 0, 1), (5, 960, 160, 1, 1), (5, 960, 160, 0, 1), (5, 960, 160, 1, 1)),
)
"""Filter side, inner channels, output channels, squeeze and excitation, stride of each block: table 1 of the paper."""


class GhostBottleneck(nn.Module):
    """Ghost module up, depthwise convolution if there is a stride, squeeze and excitation, Ghost module down.

    The shortcut is the identity, or a depthwise and a 1x1 convolution where sizes differ (figure 3).
    """

    def __init__(self, inside: int, inner: int, outside: int, kernel: int, stride: int, se: bool) -> None:
        super().__init__()
        self.stride = stride
        self.ghost1 = GhostModule(inside, inner)
        if stride > 1:
            self.conv_dw = nn.Conv2d(inner, inner, kernel, stride, (kernel - 1) // 2, groups=inner, bias=False)
            self.bn_dw = nn.BatchNorm2d(inner)
        squeezed = make_divisible(inner * 0.25, 4)
        self.se = SqueezeExcitation(inner, squeezed, scale_activation=nn.Hardsigmoid) if se else None
        self.ghost2 = GhostModule(inner, outside, relu=False)
        self.shortcut = nn.Sequential()
        if stride != 1 or inside != outside:
            conv = partial(Conv2dNormActivation, activation_layer=None)
            depthwise = conv(inside, inside, kernel_size=kernel, stride=stride, groups=inside)
            self.shortcut = nn.Sequential(*depthwise, *conv(inside, outside, kernel_size=1))

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, OC, H/stride, W/stride)."""
        y = self.ghost1(x)
        if self.stride > 1:
            y = self.bn_dw(self.conv_dw(y))
        if self.se is not None:
            y = self.se(y)
        return self.ghost2(y) + self.shortcut(x)


class GhostNet(Network):
    """A 3x3 convolution, sixteen `GhostBottleneck`, a 1x1 convolution, global average pooling, two 1x1 maps to scores.

    Parameters
    ----------
    num_classes : K.
    width : multiplies all channel numbers.
    dropout : before the last affine layer.
    in_channels, image_size : the images. Up to 64 pixels, the first convolution and the second stage keep the size.

    Source: K. Han et al., "GhostNet: More Features from Cheap Operations", CVPR 2020, table 1; module names after the
    authors' code.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width: float = 1.0,
        dropout: float = 0.2,
        in_channels: int = 3,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        self._sizes(in_channels, image_size)
        small = image_size <= 64
        inside = make_divisible(16 * width, 4)
        self.conv_stem = nn.Conv2d(in_channels, inside, 3, 1 if small else 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.act1 = nn.ReLU(inplace=True)
        stages: list[nn.Module] = []
        inner = inside
        for number, rows in enumerate(STAGES):
            blocks = []
            for kernel, mid, out, se, stride in rows:
                outside, inner = make_divisible(out * width, 4), make_divisible(mid * width, 4)
                keep = small and number == 1
                blocks.append(GhostBottleneck(inside, inner, outside, kernel, 1 if keep else stride, bool(se)))
                inside = outside
            stages.append(nn.Sequential(*blocks))
        stages.append(nn.Sequential(Conv2dNormActivation(inside, inner, 1)))
        self.blocks = nn.Sequential(*stages)
        self.global_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.conv_head = nn.Conv2d(inner, 1280, 1)
        self.act2 = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(1280, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        x = self.blocks(self.act1(self.bn1(self.conv_stem(x))))
        x = self.act2(self.conv_head(self.global_pool(x)))
        return self.classifier(self.dropout(flatten(x, 1)))


@register_model()
def ghostnet(**kwargs: Any) -> GhostNet:
    """GhostNet at width 1: 5,182,508 parameters, as timm counts for ``ghostnet_100``."""
    return GhostNet(**kwargs)
