"""SqueezeNet: AlexNet's accuracy of its day with a fiftieth of the parameters."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn import functional as F
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.ops.shape import flatten


class Fire(nn.Module):
    """1x1 down to s channels ("squeeze"), then 1x1 and 3x3 side by side ("expand").

    Parameters: (C + 1) s + (s + 1) e1 + (9 s + 1) e3.
    """

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, e1 + e3, H, W)."""
        x = self.squeeze_activation(self.squeeze(x))
        one, three = self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))
        return F.cat([one, three], 1)


class SqueezeNet(Network):
    """A convolution, eight `Fire` modules, a 1x1 convolution to K maps and their means.

    Parameters
    ----------
    version : "1_0" as in the paper, or "1_1": a smaller stem and earlier pooling, 2.4 times fewer multiplications.
    num_classes : K.
    dropout : before the last convolution.
    in_channels, image_size : the images. Up to 64 pixels, the stem is a 3x3 convolution that keeps the size, and the
        first pooling is left out.

    Source: F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    arXiv:1602.07360, 2016, table 1; version 1.1 from the authors' repository.
    """

    def __init__(
        self,
        version: str = "1_0",
        num_classes: int = 1000,
        dropout: float = 0.5,
        in_channels: int = 3,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        if version not in ("1_0", "1_1"):
            raise ArgumentError(f"SqueezeNet: version is {version!r}; give '1_0' or '1_1'")
        first = version == "1_0"
        small = image_size <= 64
        self._sizes(in_channels, image_size, 4 if small else 21 if first else 17)
        width, kernel = (96, 7) if first else (64, 3)
        stem: list[nn.Module] = (
            [nn.Conv2d(in_channels, width, 3, padding=1), nn.ReLU(inplace=True), nn.Identity()]
            if small
            else [nn.Conv2d(in_channels, width, kernel, stride=2), nn.ReLU(inplace=True), _pool()]
        )
        fires = [
            Fire(width, 16, 64, 64), Fire(128, 16, 64, 64), Fire(128, 32, 128, 128), Fire(256, 32, 128, 128),
            Fire(256, 48, 192, 192), Fire(384, 48, 192, 192), Fire(384, 64, 256, 256), Fire(512, 64, 256, 256),
        ]  # fmt: skip
        cuts = (3, 7) if first else (2, 4)
        low, high = cuts
        self.features = nn.Sequential(*stem, *fires[:low], _pool(), *fires[low:high], _pool(), *fires[high:])
        final = nn.Conv2d(512, num_classes, 1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), final, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1)))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is final:
                    nn.init.normal_(module.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.constant_(module.bias, 0)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return flatten(self.classifier(self.features(x)), 1)


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


@register_model()
def squeezenet1_0(**kwargs: Any) -> SqueezeNet:
    """SqueezeNet 1.0: 1,248,424 parameters."""
    return SqueezeNet("1_0", **kwargs)


@register_model()
def squeezenet1_1(**kwargs: Any) -> SqueezeNet:
    """SqueezeNet 1.1: 1,235,496 parameters."""
    return SqueezeNet("1_1", **kwargs)
