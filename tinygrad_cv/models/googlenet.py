"""GoogLeNet: nine Inception blocks, and two more classifiers that help the gradient on its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn import functional as F
from tinygrad_cv.nn.blocks import BasicConv2d, Inception
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.ops.joining import stack
from tinygrad_cv.ops.shape import flatten

Build = Callable[..., nn.Module]


class GoogLeNetOutputs(NamedTuple):
    """What `GoogLeNet` returns in training: the scores of the network and of its two auxiliary heads."""

    logits: Any
    aux_logits2: Any
    aux_logits1: Any


class InceptionAux(nn.Module):
    """An auxiliary head: 4 x 4 means, a 1x1 convolution, two affine layers (the paper's section 5).

    ``conv_block`` makes the convolution (`BasicConv2d`); ``dropout`` is the share of zeros between the affine layers.
    """

    def __init__(
        self, in_channels: int, num_classes: int, conv_block: Build | None = None, dropout: float = 0.7
    ) -> None:
        super().__init__()
        self.conv = (conv_block or BasicConv2d)(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of maps (N, C, H, W)."""
        x = flatten(self.conv(F.adaptive_avg_pool2d(x, (4, 4))), 1)
        return self.fc2(self.dropout(F.relu(self.fc1(x), inplace=True)))


class GoogLeNet(Network):
    """A stem of three convolutions, nine `Inception` blocks, global average pooling, one affine layer.

    In training it returns `GoogLeNetOutputs` if it has auxiliary heads; their losses are added with weight 0.3.

    Parameters
    ----------
    num_classes : K.
    aux_logits : build the two auxiliary heads.
    transform_input : expect images normalised for ImageNet, and bring them to the [-1, 1] of the first weights.
    init_weights : draw convolutions and affine layers from a normal distribution cut off at 2, with deviation 0.01.
    blocks : what builds a convolution, an Inception block and an auxiliary head.
    dropout, dropout_aux : before the last affine layers.
    in_channels, image_size : the images. Up to 64 pixels, the stem is one 3x3 convolution to 192 channels, and two
        poolings are left.

    Source: C. Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, table 1; with batch norm (Ioffe and Szegedy
    2015) and 3x3 filters in the third path, as torchvision's weights have it.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool | None = True,
        blocks: Sequence[Build] | None = None,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        in_channels: int = 3,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        if blocks is not None and len(blocks) != 3:
            raise ArgumentError(
                f"GoogLeNet: got {len(blocks)} blocks; give three: a convolution, an Inception block, an auxiliary head"
            )
        if transform_input and in_channels != 3:
            raise ArgumentError(f"GoogLeNet: transform_input is for three channels, got in_channels={in_channels}")
        conv, inception, aux = blocks or (BasicConv2d, Inception, InceptionAux)
        small = image_size <= 64
        self._sizes(in_channels, image_size, 2 if small else 15)
        self.aux_logits, self.transform_input = aux_logits, transform_input
        self.maxpool1: nn.Module
        self.maxpool2: nn.Module
        self.conv2: nn.Module
        self.conv3: nn.Module
        if small:
            self.conv1 = conv(in_channels, 192, kernel_size=3, padding=1)
            self.maxpool1 = self.conv2 = self.conv3 = self.maxpool2 = nn.Identity()
        else:
            self.conv1 = conv(in_channels, 64, kernel_size=7, stride=2, padding=3)
            self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            self.conv2 = conv(64, 64, kernel_size=1)
            self.conv3 = conv(64, 192, kernel_size=3, padding=1)
            self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = aux(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = aux(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        if init_weights or init_weights is None:
            for module in self.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    nn.init.trunc_normal_(module.weight, mean=0.0, std=0.01, a=-2, b=2)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        if self.transform_input:
            mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
            x = stack([x[:, c] * (std[c] / 0.5) + (mean[c] - 0.5) / 0.5 for c in range(3)], 1)
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        x = self.fc(self.dropout(flatten(self.avgpool(x), 1)))
        return GoogLeNetOutputs(x, aux2, aux1) if self.training and self.aux_logits else x


@register_model()
def googlenet(aux_logits: bool | None = None, image_size: int = 224, **kwargs: Any) -> GoogLeNet:
    """GoogLeNet: 13,004,888 parameters with its auxiliary heads, 6,624,904 without.

    ``aux_logits=None`` builds the heads for large images only.
    """
    heads = image_size > 64 if aux_logits is None else aux_logits
    return GoogLeNet(aux_logits=heads, image_size=image_size, **kwargs)
