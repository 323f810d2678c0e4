"""A network made to reach 94 % on CIFAR-10 with the least computation: whitened patches, then three pairs of 3x3.

Its parts each save time somewhere. The first layer needs no learning, for it decorrelates 2x2 patches (the principal
components of the training images, scaled to unit variance, each with both signs). Pooling stands before the norm, so
the norm sees a quarter of the pixels. The norms learn no scale, the filters have no bias, and begin by handing on
channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.ops.shape import flatten
from tinygrad_cv.typing import Array


class ConvGroup(nn.Module):
    """conv 3x3 - 2x2 max pool - norm - GELU - conv 3x3 - norm - GELU, all with ``outside`` channels."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, padding="same", bias=False)
        self.pool = nn.MaxPool2d(2)
        self.norm1 = _norm(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding="same", bias=False)
        self.norm2 = _norm(outside)
        self.activ = nn.GELU()
        for conv in (self.conv1, self.conv2):
            # the first filters hand on one channel each, the rest stay random
            channels = conv.weight.shape[1]
            nn.init.dirac_(conv.weight.data[:channels])

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, OC, H // 2, W // 2)."""
        x = self.activ(self.norm1(self.pool(self.conv1(x))))
        return self.activ(self.norm2(self.conv2(x)))


def _norm(channels: int) -> nn.BatchNorm2d:
    """A batch norm that learns an offset and no scale."""
    norm = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    if norm.weight is not None:
        norm.weight.requires_grad = False
    return norm


class Airbench(Network):
    """Whitening conv 2x2 - GELU - three `ConvGroup` - 3x3 max pool - affine layer without bias, scaled down.

    A 32 x 32 image becomes (24, 31, 31), (64, 15, 15), (256, 7, 7), (256, 3, 3), 256, 10.

    Parameters: 12 C^2 (C = 3: whitening weights 288, offsets 24), then 9 times the channel products of the six
    convolutions, an offset and a fixed scale for each norm's channel, 10 times the last width.

    Parameters
    ----------
    num_classes : K.
    in_channels, image_size : C, and H = W of at least 9.
    widths : channels of the three groups.
    scaling : what the scores are multiplied with; 1 / (last width) by default.

    Source: K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv 2404.00498, 2024, with the shape of
    its variant for the optimiser Muon; the network descends from D. Page's, "How to train your ResNet", 2018.
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 3,
        image_size: int = 32,
        widths: tuple[int, int, int] = (64, 256, 256),
        scaling: float | None = None,
    ) -> None:
        super().__init__()
        self._sizes(in_channels, image_size, 9)
        patch = in_channels * 4
        self.whiten = nn.Conv2d(in_channels, 2 * patch, 2)
        self.whiten.weight.requires_grad = False
        if self.whiten.bias is not None:
            nn.init.zeros_(self.whiten.bias)
        inside = (2 * patch, *widths[:2])
        self.activ = nn.GELU()
        self.groups = nn.Sequential(*[ConvGroup(c, oc) for c, oc in zip(inside, widths, strict=True)])
        side = (image_size - 1) // 8
        self.smallest = 8 * side + 1  # the last pooling's window is as large as its maps
        self.pool = nn.MaxPool2d(side)
        self.head = nn.Linear(widths[2], num_classes, bias=False)
        with np.errstate(all="ignore"):  # inside `unfilled` the weights may be anything
            self.head.weight.data /= self.head.weight._data.std()
        self.scaling = 1 / widths[2] if scaling is None else scaling

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        x = self.pool(self.groups(self.activ(self.whiten(x))))
        return self.head(flatten(x, 1)) * self.scaling

    def whiten_from(self, images: Array, eps: float = 5e-4) -> None:
        """Set the first layer's filters from images (N, C, H, W), normalised as in training.

        With the eigenvectors v and eigenvalues l of the covariance of all 2x2 patches, the filters are
        v / sqrt(l + eps) and their negatives. About five thousand images suffice.

        Raises
        ------
        ShapeError
            The images have other channels, or none has a 2x2 patch.
        """
        oc, c, kh, kw = self.whiten.weight.shape
        if images.ndim != 4 or images.shape[1] != c or min(images.shape[2:]) < 2 or not len(images):
            raise ShapeError(
                f"whiten_from: got images {images.shape}; give (N, {c}, H, W) of at least {kh} x {kw} pixels"
            )
        if not eps > 0:
            raise ArgumentError(f"whiten_from: got eps={eps}; give a number above zero, for example 5e-4")
        patches = np.lib.stride_tricks.sliding_window_view(images, (kh, kw), axis=(2, 3))
        rows = patches.transpose(0, 2, 3, 1, 4, 5).reshape(-1, c * kh * kw)
        values, vectors = np.linalg.eigh((rows.T @ rows / len(rows)).astype(np.float64))
        filters = (vectors / np.sqrt(values + eps)).T[::-1].reshape(oc // 2, c, kh, kw)
        self.whiten.weight._data[...] = np.concatenate([filters, -filters])


@register_model()
def airbench(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, widths: tuple[int, int, int] = (64, 256, 256)
) -> Airbench:
    """Build an `Airbench`: 1,972,792 parameters, of which 1,440 (whitening filters, scales) are not learned."""
    return Airbench(num_classes, in_channels, image_size, widths)
