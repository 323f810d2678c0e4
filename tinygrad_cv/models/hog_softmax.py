"""Softmax regression on histograms of oriented gradients: designed features, learned templates."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.data.features import hog
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.tensors import Tensor


class HOGSoftmax(Network):
    """One affine map from `features.hog` to the scores. Nothing but this map is learned, nor differentiated.

    The second row of the classic ladder: 53.6 % on CIFAR-10 against 38.7 % of the same map on pixels.

    Parameters: F K + K, F = (H/c - 1) (W/c - 1) 4 o with cells of c pixels, o orientations and blocks of 2 x 2 cells;
    324 * 10 + 10 = 3,250 as built by default; cells of 4 pixels 17,650, of 2 pixels 81,010 (90,010 with ten
    orientations, the "90 thousand" of the course notes).

    Parameters
    ----------
    num_classes : K.
    in_channels, image_size : C, and H = W.
    orientations, cell : see `features.hog`.

    Source: N. Dalal, B. Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.

    Examples
    --------
    >>> sum(p.numel() for p in HOGSoftmax().parameters())
    3250
    """

    def __init__(
        self, num_classes: int = 10, in_channels: int = 3, image_size: int = 32, orientations: int = 9, cell: int = 8
    ) -> None:
        super().__init__()
        if orientations < 1 or cell < 1:
            raise ArgumentError(f"HOGSoftmax: got orientations={orientations}, cell={cell}; give at least 1 of each")
        self._sizes(in_channels, image_size, 2 * cell, exact=True)
        self.orientations, self.cell = orientations, cell
        blocks = image_size // cell - 1
        self.fc = nn.Linear(blocks * blocks * 4 * orientations, num_classes)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        if x.ndim == 4 and x.shape[1] != self.input_size[0]:  # the histograms themselves would take any number
            raise ShapeError(f"hog: x has {x.shape[1]} channels, and this network reads {self.input_size[0]}")
        return self.fc(Tensor(hog(x._data, self.orientations, self.cell)))


@register_model()
def hog_softmax(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, orientations: int = 9, cell: int = 8
) -> HOGSoftmax:
    """Build a `HOGSoftmax`: 3,250 parameters."""
    return HOGSoftmax(num_classes, in_channels, image_size, orientations, cell)
