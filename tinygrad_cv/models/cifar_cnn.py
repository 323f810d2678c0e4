"""The convolutional network of the course notes on CIFAR-10: two 5x5 convolutions and one affine layer."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model


class CifarCNN(Network):
    """Two times conv 5x5 ("same") - ReLU - 2x2 max pool, then an affine layer.

    A 32 x 32 image becomes (32, 32, 32), (32, 16, 16), (64, 16, 16), (64, 8, 8), 4096, 10.

    Parameters: (25 C + 1) 32 + (25 * 32 + 1) 64 + (64 q^2 + 1) K, q = H / 4;
    2,432 + 51,264 + 40,970 = 94,666 as built by default, and 192 more with batch norm. The notes count 66 thousand,
    which no padding of the network that they draw gives (without padding: 69,706).

    Parameters
    ----------
    num_classes : K.
    in_channels, image_size : C, and H = W.
    batch_norm : a norm behind each convolution, as a later section of the notes adds it.

    Source: after A. Krizhevsky's cuda-convnet, 2012, and the course notes that compare it with affine layers.
    Initialised after He et al., "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> sum(p.numel() for p in CifarCNN().parameters())
    94666
    """

    def __init__(
        self, num_classes: int = 10, in_channels: int = 3, image_size: int = 32, batch_norm: bool = False
    ) -> None:
        super().__init__()
        self._sizes(in_channels, image_size, 4, exact=True)
        side = image_size // 4
        layers: list[nn.Module] = []
        for inside, outside in ((in_channels, 32), (32, 64)):
            layers.append(nn.Conv2d(inside, outside, 5, padding=2))
            layers += [nn.BatchNorm2d(outside)] if batch_norm else []
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(64 * side * side, num_classes))
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return self.classifier(self.features(x))


@register_model()
def cifar_cnn(num_classes: int = 10, in_channels: int = 3, image_size: int = 32, batch_norm: bool = False) -> CifarCNN:
    """Build a `CifarCNN`: 94,666 parameters."""
    return CifarCNN(num_classes, in_channels, image_size, batch_norm)
