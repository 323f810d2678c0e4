"""Image data sets, under torchvision's names."""

from __future__ import annotations

from tinygrad_cv.data.adapters import from_huggingface
from tinygrad_cv.data.cifar import CIFAR10, CIFAR100
from tinygrad_cv.data.digits import Digits
from tinygrad_cv.data.folder import DatasetFolder, FakeData, ImageFolder
from tinygrad_cv.data.mnist import MNIST, FashionMNIST
from tinygrad_cv.data.strokes import Strokes
from tinygrad_cv.data.vision import VisionDataset

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "DatasetFolder",
    "Digits",
    "FakeData",
    "FashionMNIST",
    "ImageFolder",
    "Strokes",
    "VisionDataset",
    "from_huggingface",
]
