"""Changes of images, under torchvision's names; each also on whole batches."""

from __future__ import annotations

from tinygrad_cv.data.transforms.base import Transform
from tinygrad_cv.data.transforms.compose import Compose, RandomApply, RandomChoice, RandomOrder
from tinygrad_cv.data.transforms.convert import Lambda, Normalize, PILToTensor, ToPILImage, ToTensor

__all__ = [
    "Compose",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "RandomApply",
    "RandomChoice",
    "RandomOrder",
    "ToPILImage",
    "ToTensor",
    "Transform",
]
