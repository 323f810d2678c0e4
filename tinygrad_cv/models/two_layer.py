"""The two-layer network: one hidden layer, blind to where a pixel lies."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn import functional as F


class TwoLayerNet(Network):
    """y = W2 relu(W1 x + b1) + b2.

    The fully connected rival of the first convolutional networks: 49.8 % on CIFAR-10 with 6.5 times as many
    parameters as a small CNN that reaches 70 %.

    Parameters: D h + h + h K + K with D = C H W; 3072 * 200 + 200 + 2000 + 10 = 616,610 as built by default.

    Parameters
    ----------
    num_classes : K.
    in_channels, image_size : C, and H = W.
    hidden : h.

    Source: the perceptron with one hidden layer; D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning
    representations by back-propagating errors", Nature 323, 1986. Initialised after K. He et al., "Delving
    deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> sum(p.numel() for p in TwoLayerNet().parameters())
    616610
    """

    def __init__(
        self, num_classes: int = 10, in_channels: int = 3, image_size: int = 32, hidden: int = 200
    ) -> None:
        super().__init__()
        self.input_size = (in_channels, image_size, image_size)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(in_channels * image_size * image_size, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)
        nn.init.kaiming_normal_(self.fc1.weight, nonlinearity="relu")
        if self.fc1.bias is not None:
            nn.init.zeros_(self.fc1.bias)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return self.fc2(F.relu(self.fc1(self.flatten(x))))


@register_model()
def two_layer_net(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, hidden: int = 200
) -> TwoLayerNet:
    """Build a `TwoLayerNet`."""
    return TwoLayerNet(num_classes, in_channels, image_size, hidden)
