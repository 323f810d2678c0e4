"""The PyTorch network of the study notes: LeNet's sizes without its padding."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn import functional as F
from tinygrad_cv.ops.errors import ArgumentError


class SimpleCNN(Network):
    """Two times conv - relu - max pool, then three affine layers.

    A 28 x 28 image becomes (6, 24, 24), (6, 12, 12), (16, 8, 8), (16, 4, 4), 256, 120, 84, 10. The last layer
    gives scores (logits), not probabilities: the softmax belongs to the loss.

    Parameters: (25 C + 1) 6 + (25 * 6 + 1) 16 + (16 q^2 + 1) 120 + 121 * 84 + 85 K, q = ((H - 4) / 2 - 4) / 2;
    156 + 2,416 + 30,840 + 10,164 + 850 = 44,426 as built by default.

    Parameters
    ----------
    num_classes : K.
    in_channels, image_size : C, and H = W.

    Source: after LeNet-5 (see `LeNet5`), as PyTorch's tutorials write it.

    Examples
    --------
    >>> sum(p.numel() for p in SimpleCNN().parameters())
    44426
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> None:
        super().__init__()
        side = ((image_size - 4) // 2 - 4) // 2
        if side < 1:
            raise ArgumentError(
                f"SimpleCNN: two 5 x 5 filters and poolings leave nothing of {image_size} x {image_size} pixels; "
                "give an image_size of 16 or more"
            )
        self.input_size = (in_channels, image_size, image_size)
        self.conv1 = nn.Conv2d(in_channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * side * side, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


@register_model()
def simple_cnn(num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> SimpleCNN:
    """Build a `SimpleCNN`."""
    return SimpleCNN(num_classes, in_channels, image_size)
