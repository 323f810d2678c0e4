"""VGG: blocks of 3x3 convolutions.

Two of them see 5 x 5 pixels, three see 7 x 7, with fewer weights than one large filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.ops.shape import flatten

CONFIGURATIONS: dict[str, tuple[int | str, ...]] = {
    "A": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "B": (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "D": (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    "E": (64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"),
}
"""Channels of the 3x3 convolutions, "M" for 2x2 max pooling: table 1 of the paper."""


def make_features(configuration: Sequence[int | str], batch_norm: bool = False, in_channels: int = 3) -> nn.Sequential:
    """Return the convolutional part that a row of `CONFIGURATIONS` describes."""
    layers: list[nn.Module] = []
    inside = in_channels
    for entry in configuration:
        if entry == "M":
            layers.append(nn.MaxPool2d(2, 2))
            continue
        width = int(entry)
        layers.append(nn.Conv2d(inside, width, 3, padding=1))
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)] if batch_norm else [nn.ReLU(inplace=True)]
        inside = width
    return nn.Sequential(*layers)


class VGG(Network):
    """Blocks of 3x3 convolutions with pooling, then three affine layers with dropout.

    Parameters
    ----------
    features : the convolutional part, see `make_features`.
    dropout : the share of zeros after the first two affine layers.
    init_weights : start the convolutions from He's distribution; otherwise as their layers do.
    image_size : up to 64 pixels, one affine layer on the pooled maps takes the place of the three large ones.

    Source: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015.
    """

    def __init__(
        self,
        features: nn.Module,
        num_classes: int = 1000,
        init_weights: bool = True,
        dropout: float = 0.5,
        image_size: int = 224,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self._sizes(in_channels, image_size, 32)
        self.features = features
        side = 1 if image_size <= 64 else 7
        self.avgpool = nn.AdaptiveAvgPool2d((side, side))
        if image_size <= 64:
            self.classifier: nn.Module = nn.Linear(512, num_classes)
        else:
            self.classifier = nn.Sequential(
                nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(dropout),
                nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(dropout),
                nn.Linear(4096, num_classes),
            )  # fmt: skip
        if init_weights:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                elif isinstance(module, nn.Linear):
                    nn.init.normal_(module.weight, 0, 0.01)
                if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                    nn.init.constant_(module.bias, 0)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W) of at least 32 x 32 pixels."""
        return self.classifier(flatten(self.avgpool(self.features(x)), 1))


def _vgg(configuration: str, batch_norm: bool, in_channels: int = 3, **kwargs: Any) -> VGG:
    return VGG(make_features(CONFIGURATIONS[configuration], batch_norm, in_channels), in_channels=in_channels, **kwargs)


@register_model()
def vgg11(**kwargs: Any) -> VGG:
    """VGG-11 (configuration A): 132,863,336 parameters."""
    return _vgg("A", False, **kwargs)


@register_model()
def vgg11_bn(**kwargs: Any) -> VGG:
    """VGG-11 with batch norm: 132,868,840 parameters."""
    return _vgg("A", True, **kwargs)


@register_model()
def vgg13(**kwargs: Any) -> VGG:
    """VGG-13 (configuration B): 133,047,848 parameters."""
    return _vgg("B", False, **kwargs)


@register_model()
def vgg13_bn(**kwargs: Any) -> VGG:
    """VGG-13 with batch norm: 133,053,736 parameters."""
    return _vgg("B", True, **kwargs)


@register_model()
def vgg16(**kwargs: Any) -> VGG:
    """VGG-16 (configuration D): 138,357,544 parameters."""
    return _vgg("D", False, **kwargs)


@register_model()
def vgg16_bn(**kwargs: Any) -> VGG:
    """VGG-16 with batch norm: 138,365,992 parameters."""
    return _vgg("D", True, **kwargs)


@register_model()
def vgg19(**kwargs: Any) -> VGG:
    """VGG-19 (configuration E): 143,667,240 parameters."""
    return _vgg("E", False, **kwargs)


@register_model()
def vgg19_bn(**kwargs: Any) -> VGG:
    """VGG-19 with batch norm: 143,678,248 parameters."""
    return _vgg("E", True, **kwargs)
