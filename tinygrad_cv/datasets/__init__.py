"""Image data sets, under torchvision's names."""

from __future__ import annotations

from tinygrad_cv.data.digits import Digits
from tinygrad_cv.data.mnist import MNIST, FashionMNIST
from tinygrad_cv.data.vision import VisionDataset

__all__ = ["MNIST", "Digits", "FashionMNIST", "VisionDataset"]
