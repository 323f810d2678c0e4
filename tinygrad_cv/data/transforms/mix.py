"""Batches mixed with themselves: MixUp and CutMix. Labels become shares of classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_cv.data.seeds import current
from tinygrad_cv.data.values import like, to_array
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.typing import Array


class _Mix:
    """What both share: partners by a permutation of the batch, a share from Beta(alpha, alpha), mixed labels.

    Parameters
    ----------
    alpha
        Of the Beta distribution; 1 draws evenly, small values mix rarely and little.
    num_classes
        Needed when the labels are class numbers; they come out as float32 shares (N, num_classes), which
        ``cross_entropy`` takes as targets.
    per_image
        Draw a share for each image, instead of one for the batch as the papers do.
    """

    mixes_labels = True
    batched = True

    def __init__(
        self, *, alpha: float = 1.0, num_classes: int | None = None, per_image: bool = False
    ) -> None:
        if not alpha > 0:
            raise ArgumentError(f"{type(self).__name__}: got alpha={alpha}; give a positive number")
        self.alpha, self.num_classes, self.per_image = float(alpha), num_classes, per_image

    def __call__(self, images: Any, labels: Any) -> tuple[Any, Any]:
        x, shares = to_array(images), self._shares(to_array(labels))
        if x.ndim != 4 or len(x) != len(shares):
            raise DataError(
                f"{type(self).__name__}: got images {x.shape} and labels for {len(shares)}; give a batch "
                "(N, C, H, W) "
                "and N labels"
            )
        rng = current()
        partner = rng.permutation(len(x))
        lam = rng.beta(self.alpha, self.alpha, size=len(x) if self.per_image else 1)
        y, lam = self.mixed(x, partner, np.broadcast_to(lam, len(x)), rng)
        w = lam.astype(np.float32)[:, None]
        return like(y, images), like(w * shares + (1 - w) * shares[partner], labels)

    def mixed(self, x: Array, partner: Array, lam: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """The mixed images, and each image's share in the result."""
        raise NotImplementedError

    def _shares(self, labels: Array) -> Array:
        if labels.ndim == 2:
            return labels.astype(np.float32, copy=False)
        if self.num_classes is None:
            raise ArgumentError(f"{type(self).__name__}: the labels are class numbers; give num_classes")
        if labels.ndim != 1 or (labels.size and not 0 <= labels.min() <= labels.max() < self.num_classes):
            raise DataError(
                f"{type(self).__name__}: labels of shape {labels.shape} from {labels.min()} to "
                f"{labels.max()} are no "
                f"class numbers below num_classes={self.num_classes}"
            )
        return np.eye(self.num_classes, dtype=np.float32)[labels]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(alpha={self.alpha}, num_classes={self.num_classes})"


class MixUp(_Mix):
    """Every image averaged with another: lam x + (1 - lam) x', labels likewise.

    Source: H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    """

    def mixed(self, x: Array, partner: Array, lam: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        if x.dtype.kind != "f":
            raise DataError(f"MixUp: got images of {x.dtype}; put ToTensor before it to have floats")
        w = lam.astype(x.dtype)[:, None, None, None]
        y = x * w
        y += x[partner] * (1 - w)
        return y, lam


class CutMix(_Mix):
    """A rectangle of every image replaced by that of another; labels by the areas.

    The rectangle has the share 1 - lam of the area and the image's proportions; its middle is anywhere, and
    what hangs over the border is cut off, so the label's share is counted from the pixels.

    Source: S. Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
    features", ICCV 2019.
    """

    def mixed(self, x: Array, partner: Array, lam: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        h, w = x.shape[2:]
        places = rng.random((len(x), 2))
        if not self.per_image:
            places[:] = places[0]
        y, shares = x.copy(order="K"), np.empty(len(x))
        for k in range(len(x)):
            half = 0.5 * math.sqrt(1 - float(lam[k]))
            cy, cx = int(places[k, 0] * h), int(places[k, 1] * w)
            top, bottom = max(cy - int(half * h), 0), min(cy + int(half * h), h)
            left, right = max(cx - int(half * w), 0), min(cx + int(half * w), w)
            y[k, :, top:bottom, left:right] = x[partner[k], :, top:bottom, left:right]
            shares[k] = 1 - (bottom - top) * (right - left) / (h * w)
        return y, shares


Mixup = MixUp
