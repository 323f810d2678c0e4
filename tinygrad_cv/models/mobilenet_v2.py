"""MobileNetV2: depthwise convolutions between narrow layers, with shortcuts between these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn import functional as F
from tinygrad_cv.nn.blocks import Conv2dNormActivation, make_divisible
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.ops.shape import flatten

SETTING = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
"""Expansion t, channels c, repetitions n and stride s of each stage: table 2 of the paper."""


class InvertedResidual(nn.Module):
    """1x1 up to t times the channels, 3x3 depthwise, 1x1 down without activation; a shortcut where sizes agree.

    Parameters: t C^2 + 9 t C + t C OC, and twice the channels of each norm (t = 1 has no first convolution).
    """

    def __init__(
        self,
        inp: int,
        oup: int,
        stride: int,
        expand_ratio: int,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ArgumentError(f"InvertedResidual: stride is {stride}; give 1 or 2")
        norm = norm_layer or nn.BatchNorm2d
        hidden = int(round(inp * expand_ratio))
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, 1, norm_layer=norm, activation_layer=nn.ReLU6))
        layers += [
            Conv2dNormActivation(
                hidden, hidden, stride=stride, groups=hidden, norm_layer=norm, activation_layer=nn.ReLU6
            ),
            nn.Conv2d(hidden, oup, 1, bias=False),
            norm(oup),
        ]
        self.stride, self.out_channels = stride, oup
        self.use_res_connect = stride == 1 and inp == oup
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, OC, H/stride, W/stride)."""
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(Network):
    """A 3x3 convolution, stages of inverted residuals, a 1x1 convolution, global average pooling, one affine layer.

    Parameters
    ----------
    num_classes : K.
    width_mult : multiplies all channel numbers.
    inverted_residual_setting : rows (t, c, n, s), see `SETTING`.
    round_nearest : channel numbers are multiples of it.
    block, norm_layer : build the inverted residuals and the norms.
    dropout : before the affine layer.
    in_channels, image_size : the images. Up to 64 pixels, the first convolution and the second stage keep the size.

    Source: M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        block: Callable[..., nn.Module] | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
        dropout: float = 0.2,
        in_channels: int = 3,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        self._sizes(in_channels, image_size)
        setting = SETTING if inverted_residual_setting is None else inverted_residual_setting
        if not setting or any(len(row) != 4 for row in setting):
            raise ArgumentError(f"MobileNetV2: inverted_residual_setting is {setting}; give rows (t, c, n, s)")
        small = image_size <= 64
        build, norm = block or InvertedResidual, norm_layer or nn.BatchNorm2d
        inside = make_divisible(32 * width_mult, round_nearest)
        self.last_channel = make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [
            Conv2dNormActivation(
                in_channels, inside, stride=1 if small else 2, norm_layer=norm, activation_layer=nn.ReLU6
            )
        ]
        for stage, (t, c, n, s) in enumerate(setting):
            outside = make_divisible(c * width_mult, round_nearest)
            for i in range(n):
                stride = s if i == 0 and not (small and stage == 1) else 1
                features.append(build(inside, outside, stride, expand_ratio=t, norm_layer=norm))
                inside = outside
        features.append(Conv2dNormActivation(inside, self.last_channel, 1, norm_layer=norm, activation_layer=nn.ReLU6))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.last_channel, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return self.classifier(flatten(F.adaptive_avg_pool2d(self.features(x), (1, 1)), 1))


@register_model()
def mobilenet_v2(**kwargs: Any) -> MobileNetV2:
    """MobileNetV2: 3,504,872 parameters."""
    return MobileNetV2(**kwargs)
