"""Reading images, changing them, and handing them out in batches.

Three public rooms re-export this one under PyTorch's names: ``tinygrad_cv.datasets``,
``tinygrad_cv.transforms`` and ``tinygrad_cv.utils.data``.
"""

from __future__ import annotations

from tinygrad_cv.data.cifar import CIFAR10, CIFAR100
from tinygrad_cv.data.collate import default_collate
from tinygrad_cv.data.dataset import (
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tinygrad_cv.data.digits import Digits
from tinygrad_cv.data.folder import DatasetFolder, FakeData, ImageFolder
from tinygrad_cv.data.loader import DataLoader
from tinygrad_cv.data.mnist import MNIST, FashionMNIST
from tinygrad_cv.data.samplers import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from tinygrad_cv.data.seeds import current as current_generator
from tinygrad_cv.data.strokes import Strokes

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DatasetFolder",
    "Digits",
    "FakeData",
    "FashionMNIST",
    "ImageFolder",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Strokes",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "current_generator",
    "default_collate",
    "random_split",
]
