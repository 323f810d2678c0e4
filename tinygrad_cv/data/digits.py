"""The 1,797 real handwritten digits that the package brings along.

Scans of 43 people's handwriting, counted in blocks of 4 x 4 pixels: 8 x 8 images with values 0..16.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998 (the file optdigits.tes), licence CC BY 4.0. The values are unchanged; see
``digits.LICENSE.txt``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygrad_cv.data.resample import resize
from tinygrad_cv.data.vision import ArrayImages, Function, Root
from tinygrad_cv.ops.errors import ArgumentError


class Digits(ArrayImages):
    """Handwritten digits, ten classes, inside the package: nothing to download.

    Parameters
    ----------
    root
        Not needed; accepted so that the call looks like that of the other data sets.
    train
        Four fifths (1,438) for training, or the held-out fifth (359). The split is fixed: of each class, in
        the file's order, the third of every five goes to the test set, so both halves hold every class in its
        share and every run on every machine compares on the same images.
    transform, target_transform
        Applied to each PIL image and label.
    download
        Ignored: the file is here.
    size
        Side of the images. 8 gives the originals; 28 (LeNet's MNIST size) and 32 are upscaled bilinearly.

    Attributes
    ----------
    data
        uint8, (n, size, size), 0 is background and 255 full ink.
    mean, std
        Of the training pixels in [0, 1], for ``Normalize``.

    Examples
    --------
    >>> digits = Digits(size=28)
    >>> digits.data.shape
    (1438, 28, 28)
    """

    classes = [str(k) for k in range(10)]

    def __init__(
        self,
        root: Root = None,
        train: bool = True,
        transform: Function = None,
        target_transform: Function = None,
        download: bool = False,
        size: int = 28,
    ) -> None:
        super().__init__(root, transform, target_transform)
        if not 8 <= size <= 512:
            raise ArgumentError(
                f"Digits: got size={size}; give 8 (the originals) to 512, for example 28 or 32"
            )
        self.train, self.size = train, size
        with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
        chosen = self._held_out(labels) != train
        small = images[chosen, None].astype(np.float32) * np.float32(255 / 16)
        self.data = np.rint(resize(small, (size, size))).astype(np.uint8)[:, 0]
        self.targets = labels[chosen]
        self.check(10)

    @staticmethod
    def _held_out(labels: np.ndarray) -> np.ndarray:
        test = np.zeros(len(labels), dtype=bool)
        for label in range(10):
            test[np.flatnonzero(labels == label)[2::5]] = True
        return test

    @property
    def mean(self) -> float:
        return float(self.data.mean() / 255)

    @property
    def std(self) -> float:
        return float(self.data.std() / 255)
