"""LeNet-5, as it was drawn in 1998 and as it is built today."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.ops.errors import ArgumentError

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
POOLINGS = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}


class LeNet5(Network):
    """Two convolutions with pooling and three affine layers.

    A 28 x 28 image is padded to 32 x 32 and becomes (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), 400,
    120, 84, 10. As drawn: sigmoid and average pooling, no learned scale in the pooling, a plain affine layer
    at the end and every filter of the second convolution connected to all six maps.

    Parameters: (25 C + 1) 6 + (25 * 6 + 1) 16 + (16 q^2 + 1) 120 + 121 * 84 + 85 K, q = 5 for 28 and 32 pixels;
    156 + 2,416 + 48,120 + 10,164 + 850 = 61,706 as built by default.

    Parameters
    ----------
    num_classes : K.
    in_channels, image_size : C, and H = W. Up to 28 pixels are padded by two on each side, as the 28 pixels
        of MNIST were to the paper's 32; larger images are taken as they are.
    activation : ``"sigmoid"``, ``"tanh"`` (the paper's own, but for a scale) or ``"relu"``.
    pooling : ``"avg"`` or ``"max"``.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998, figure 2.

    Examples
    --------
    >>> sum(p.numel() for p in LeNet5().parameters())
    61706
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        image_size: int = 28,
        activation: str = "sigmoid",
        pooling: str = "avg",
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS or pooling not in POOLINGS:
            raise ArgumentError(
                f"LeNet5: got activation={activation!r}, pooling={pooling!r}; give one of "
                f"{', '.join(ACTIVATIONS)}, and one of {', '.join(POOLINGS)}"
            )
        padding = 2 if image_size <= 28 else 0
        side = ((image_size + 2 * padding - 4) // 2 - 4) // 2
        if side < 1:
            raise ArgumentError(
                f"LeNet5: two 5 x 5 filters and poolings leave nothing of {image_size} x {image_size} pixels; "
                "give an image_size of 12 or more"
            )
        self.input_size = (in_channels, image_size, image_size)
        act, pool = ACTIVATIONS[activation], POOLINGS[pooling]
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=padding), act(), pool(2),
            nn.Conv2d(6, 16, 5), act(), pool(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * side * side, 120), act(),
            nn.Linear(120, 84), act(),
            nn.Linear(84, num_classes),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return self.classifier(self.features(x))


@register_model()
def lenet5(
    num_classes: int = 10,
    in_channels: int = 1,
    image_size: int = 28,
    activation: str = "sigmoid",
    pooling: str = "avg",
) -> LeNet5:
    """Build a `LeNet5` as drawn in 1998: sigmoid and average pooling."""
    return LeNet5(num_classes, in_channels, image_size, activation, pooling)


@register_model()
def lenet(num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> LeNet5:
    """Build a `LeNet5` as people build it today: ReLU and max pooling. It learns several times faster."""
    return LeNet5(num_classes, in_channels, image_size, "relu", "max")
