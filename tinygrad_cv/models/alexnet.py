"""AlexNet: torchvision's form of it (Krizhevsky 2014), and that of 2012."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.ops.shape import flatten


class AlexNet(Network):
    """Five convolutions and three affine layers with dropout; no normalisation.

    Parameters: 23,296 + 307,392 + 663,936 + 884,992 + 590,080 in the convolutions, then 37,752,832 + 16,781,312 +
    4,097,000 = 61,100,840. Nine tenths of them are in the first two affine layers.

    Source: A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997, 2014.
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3) -> None:
        super().__init__()
        self._sizes(in_channels, 224, 63)
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(inplace=True),
            nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W), 224 x 224 as it was built for, at least 63 x 63."""
        return self.classifier(flatten(self.avgpool(self.features(x)), 1))


class AlexNet2012(Network):
    """The network that won ImageNet 2012: two groups (one for each GPU), local response norm, overlapping pooling.

    Parameters: 60,965,224 for 227 x 227 images; layers 2, 4 and 5 see half of the channels below them.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
    NeurIPS 2012, section 3; norm with k=2, n=5, alpha=1e-4, beta=0.75 (there alpha is not divided by n; here it is, so
    alpha is 5e-4).

    ``dropout`` is the share of zeros before the first two affine layers.
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3) -> None:
        super().__init__()
        self.input_size = (in_channels, 227, 227)

        def norm() -> nn.Module:
            return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)

        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 96, 11, stride=4), nn.ReLU(), norm(), nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), norm(), nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )  # fmt: skip
        for i, module in enumerate(m for m in self.modules() if isinstance(m, (nn.Conv2d, nn.Linear))):
            nn.init.normal_(module.weight, std=0.01)
            if module.bias is not None:
                nn.init.constant_(module.bias, 1.0 if i in (1, 3, 4, 5, 6) else 0.0)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, 227, 227)."""
        return self.classifier(self.features(x))


@register_model()
def alexnet(**kwargs: Any) -> AlexNet:
    """AlexNet as torchvision has it: 61,100,840 parameters."""
    return AlexNet(**kwargs)


@register_model()
def alexnet_2012(**kwargs: Any) -> AlexNet2012:
    """AlexNet as published in 2012: 60,965,224 parameters."""
    return AlexNet2012(**kwargs)
