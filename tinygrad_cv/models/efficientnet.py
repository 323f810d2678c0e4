"""EfficientNet: one small network found by search, scaled in depth, width and resolution together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn.blocks import Conv2dNormActivation, SqueezeExcitation, StochasticDepth, make_divisible
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.ops.shape import flatten


class Stage(NamedTuple):
    """One row of the paper's table 1: blocks of one kind."""

    expand_ratio: int
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int

    def scaled(self, width: float, depth: float) -> Stage:
        """Return the row for a wider and deeper network."""
        inside, outside = make_divisible(self.input_channels * width), make_divisible(self.out_channels * width)
        return self._replace(input_channels=inside, out_channels=outside, num_layers=math.ceil(self.num_layers * depth))


STAGES = (
    Stage(1, 3, 1, 32, 16, 1), Stage(6, 3, 2, 16, 24, 2), Stage(6, 5, 2, 24, 40, 2), Stage(6, 3, 2, 40, 80, 3),
    Stage(6, 5, 1, 80, 112, 3), Stage(6, 5, 2, 112, 192, 4), Stage(6, 3, 1, 192, 320, 1),
)  # fmt: skip


class MBConv(nn.Module):
    """An inverted residual with squeeze and excitation: 1x1 up, depthwise, weigh the channels, 1x1 down."""

    def __init__(
        self,
        cnf: Stage,
        stochastic_depth_prob: float,
        norm_layer: Callable[..., nn.Module],
        se_layer: Callable[..., nn.Module] = SqueezeExcitation,
    ) -> None:
        super().__init__()
        if cnf.stride not in (1, 2):
            raise ArgumentError(f"MBConv: stride is {cnf.stride}; give 1 or 2")
        inside, hidden = cnf.input_channels, make_divisible(cnf.input_channels * cnf.expand_ratio)
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        layers: list[nn.Module] = []
        if hidden != inside:
            layers.append(conv(inside, hidden, kernel_size=1))
        layers += [
            conv(hidden, hidden, kernel_size=cnf.kernel, stride=cnf.stride, groups=hidden),
            se_layer(hidden, max(1, inside // 4), activation=partial(nn.SiLU, inplace=True)),
            Conv2dNormActivation(hidden, cnf.out_channels, kernel_size=1, norm_layer=norm_layer, activation_layer=None),
        ]
        self.use_res_connect = cnf.stride == 1 and inside == cnf.out_channels
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels

    def forward(self, input: Any) -> Any:
        """Images (N, C, H, W) to (N, OC, H/stride, W/stride)."""
        y = self.block(input)
        return self.stochastic_depth(y) + input if self.use_res_connect else y


class EfficientNet(Network):
    """A 3x3 convolution, seven stages of `MBConv`, a 1x1 convolution, global average pooling, one affine layer.

    Parameters
    ----------
    inverted_residual_setting : the stages, see `STAGES` and `Stage.scaled`.
    dropout : before the affine layer.
    stochastic_depth_prob : how often the last block's branch is left out in training; earlier ones less, in proportion.
    num_classes : K.
    norm_layer : builds the norms.
    last_channel : width of the last convolution; four times the last stage's if None.
    in_channels, image_size : the images. Up to 64 pixels, the first convolution and the second stage keep the size.

    Source: M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019.
    """

    def __init__(
        self,
        inverted_residual_setting: Sequence[Stage],
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Callable[..., nn.Module] | None = None,
        last_channel: int | None = None,
        in_channels: int = 3,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        self._sizes(in_channels, image_size)
        if not isinstance(inverted_residual_setting, Sequence) or not inverted_residual_setting:
            given = inverted_residual_setting
            raise ArgumentError(f"EfficientNet: inverted_residual_setting is {given!r}; give at least one Stage")
        if num_classes < 1:
            raise ArgumentError(f"EfficientNet: num_classes is {num_classes}: weights are scaled by it; give 1 or more")
        norm = norm_layer or nn.BatchNorm2d
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.SiLU)
        small = image_size <= 64
        first = inverted_residual_setting[0].input_channels
        layers: list[nn.Module] = [conv(in_channels, first, kernel_size=3, stride=1 if small else 2)]
        total, done = sum(stage.num_layers for stage in inverted_residual_setting), 0
        for number, row in enumerate(inverted_residual_setting):
            cnf = row._replace(stride=1) if small and number == 1 else row
            blocks = []
            for _ in range(row.num_layers):
                blocks.append(MBConv(cnf, stochastic_depth_prob * done / total, norm))
                cnf = cnf._replace(input_channels=cnf.out_channels, stride=1)
                done += 1
            layers.append(nn.Sequential(*blocks))
        last = inverted_residual_setting[-1].out_channels
        width = 4 * last if last_channel is None else last_channel
        layers.append(conv(last, width, kernel_size=1))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout, inplace=True), nn.Linear(width, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                bound = 1.0 / math.sqrt(module.out_features)
                nn.init.uniform_(module.weight, -bound, bound)
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return self.classifier(flatten(self.avgpool(self.features(x)), 1))


def _efficientnet(width: float, depth: float, dropout: float, resolution: int, kwargs: Any) -> EfficientNet:
    stages = [stage.scaled(width, depth) for stage in STAGES]
    return EfficientNet(stages, **{"dropout": dropout, "image_size": resolution, **kwargs})


@register_model()
def efficientnet_b0(**kwargs: Any) -> EfficientNet:
    """EfficientNet-B0: 5,288,548 parameters, 224 pixels."""
    return _efficientnet(1.0, 1.0, 0.2, 224, kwargs)


@register_model()
def efficientnet_b1(**kwargs: Any) -> EfficientNet:
    """EfficientNet-B1: 7,794,184 parameters, 240 pixels."""
    return _efficientnet(1.0, 1.1, 0.2, 240, kwargs)


@register_model()
def efficientnet_b2(**kwargs: Any) -> EfficientNet:
    """EfficientNet-B2: 9,109,994 parameters, 260 pixels (torchvision crops 288)."""
    return _efficientnet(1.1, 1.2, 0.3, 260, kwargs)


@register_model()
def efficientnet_b3(**kwargs: Any) -> EfficientNet:
    """EfficientNet-B3: 12,233,232 parameters, 300 pixels."""
    return _efficientnet(1.2, 1.4, 0.3, 300, kwargs)


@register_model()
def efficientnet_b4(**kwargs: Any) -> EfficientNet:
    """EfficientNet-B4: 19,341,616 parameters, 380 pixels."""
    return _efficientnet(1.4, 1.8, 0.4, 380, kwargs)
