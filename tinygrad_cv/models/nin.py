"""Network in network: every convolution is followed by two 1x1 convolutions, and no affine layer comes last."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model


def nin_block(inside: int, widths: tuple[int, int, int], kernel: int, stride: int = 1, padding: int = 0) -> list[Any]:
    """Return a convolution and two 1x1 convolutions (a small network that slides over the image), each with a ReLU.

    Parameters: (K^2 C + 1) a + (a + 1) b + (b + 1) c for the widths a, b, c.
    """
    a, b, c = widths
    return [
        nn.Conv2d(inside, a, kernel, stride, padding), nn.ReLU(inplace=True),
        nn.Conv2d(a, b, 1), nn.ReLU(inplace=True),
        nn.Conv2d(b, c, 1), nn.ReLU(inplace=True),
    ]  # fmt: skip


class NiN(Network):
    """Blocks of a convolution and two 1x1 convolutions; the last block has K maps, whose means are the scores.

    Parameters: 1,980,608 + 3,457 K + 2 K (K + 1) for colour images of 224 pixels; 2,015,398 for ten classes. Up to 64
    pixels it has the paper's sizes for CIFAR-10, 966,986.

    Parameters
    ----------
    num_classes : K.
    dropout : between the blocks, as in the paper.

    Source: M. Lin, Q. Chen, S. Yan, "Network In Network", ICLR 2014; the large form after the authors' ImageNet model,
    with the strides of AlexNet.
    """

    def __init__(
        self, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, image_size: int = 224
    ) -> None:
        super().__init__()
        k = num_classes
        if image_size <= 64:
            self._sizes(in_channels, image_size)
            layers = [
                *nin_block(in_channels, (192, 160, 96), 5, padding=2), nn.MaxPool2d(3, 2, 1), nn.Dropout(dropout),
                *nin_block(96, (192, 192, 192), 5, padding=2), nn.AvgPool2d(3, 2, 1), nn.Dropout(dropout),
                *nin_block(192, (192, 192, k), 3, padding=1),
            ]  # fmt: skip
        else:
            self._sizes(in_channels, image_size, 67)
            layers = [
                *nin_block(in_channels, (96, 96, 96), 11, 4), nn.MaxPool2d(3, 2),
                *nin_block(96, (256, 256, 256), 5, padding=2), nn.MaxPool2d(3, 2),
                *nin_block(256, (384, 384, 384), 3, padding=1), nn.MaxPool2d(3, 2), nn.Dropout(dropout),
                *nin_block(384, (k, k, k), 3, padding=1),
            ]  # fmt: skip
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.flatten = nn.Flatten()
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return self.flatten(self.avgpool(self.features(x)))


@register_model()
def nin(**kwargs: Any) -> NiN:
    """Network in network: 7,439,608 parameters, 966,986 for ten classes and 32 pixels."""
    return NiN(**kwargs)
