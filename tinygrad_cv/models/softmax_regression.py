"""Softmax regression: every class scores every pixel, nothing in between."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model


class SoftmaxRegression(Network):
    """One affine map from the pixels to the scores, y = W x + b; the softmax belongs to the loss.

    The first row of the classic ladder: 38.7 % on CIFAR-10. Row k of W, folded back into an image, is the
    template of class k.

    Parameters: C H W K + K; 3 * 32 * 32 * 10 + 10 = 30,730 as built by default.

    Parameters
    ----------
    num_classes : K.
    in_channels : C.
    image_size : H and W.

    Source: D. R. Cox, "The regression analysis of binary sequences", J. Royal Statistical Society B 20(2),
    1958, for two classes; multinomial logit for K.

    Examples
    --------
    >>> sum(p.numel() for p in SoftmaxRegression().parameters())
    30730
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> None:
        super().__init__()
        self.input_size = (in_channels, image_size, image_size)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(in_channels * image_size * image_size, num_classes)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return self.fc(self.flatten(x))


@register_model()
def softmax_regression(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> SoftmaxRegression:
    """Build a `SoftmaxRegression`."""
    return SoftmaxRegression(num_classes, in_channels, image_size)
