"""The first convolutional network of the study notes: one convolution, one pooling, two affine layers."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn import functional as F
from tinygrad_cv.ops.errors import ArgumentError


class SimpleConvNet(Network):
    """conv - relu - pool - affine - relu - affine.

    A widely copied listing of this network has no relu between convolution and pooling although its text and
    its figure have one. Max pooling alone is not linear, so that version learns too, only worse; here the relu
    is where it belongs.

    Parameters: OC (C k^2 + 1) + OC p^2 h + h + h K + K, p = (H - k + 1) / 2;
    780 + 432,100 + 1,010 = 433,890 as built by default.

    Parameters
    ----------
    num_classes : K.
    in_channels, image_size : C, and H = W.
    filters, kernel_size : OC and k of the convolution.
    hidden : h.
    weight_std : deviation of the normal numbers that all weights start from; offsets start at zero.

    Source: K. Saitoh, "Deep Learning from Scratch", O'Reilly Japan, 2016, chapter 7.

    Examples
    --------
    >>> sum(p.numel() for p in SimpleConvNet().parameters())
    433890
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        image_size: int = 28,
        filters: int = 30,
        kernel_size: int = 5,
        hidden: int = 100,
        weight_std: float = 0.01,
    ) -> None:
        super().__init__()
        pooled = (image_size - kernel_size + 1) // 2
        if pooled < 1:
            raise ArgumentError(
                f"SimpleConvNet: a {kernel_size} x {kernel_size} filter and 2 x 2 pooling leave nothing of "
                f"{image_size} x {image_size} pixels; give an image_size of {kernel_size + 1} or more"
            )
        self.input_size = (in_channels, image_size, image_size)
        self.conv1 = nn.Conv2d(in_channels, filters, kernel_size)
        self.fc1 = nn.Linear(filters * pooled * pooled, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)
        for layer in (self.conv1, self.fc1, self.fc2):
            nn.init.normal_(layer.weight, std=weight_std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


@register_model()
def simple_convnet(
    num_classes: int = 10, in_channels: int = 1, image_size: int = 28, filters: int = 30, hidden: int = 100
) -> SimpleConvNet:
    """Build a `SimpleConvNet`."""
    return SimpleConvNet(num_classes, in_channels, image_size, filters, hidden=hidden)
