"""Changes of images, under torchvision's names; each also on whole batches."""

from __future__ import annotations

from tinygrad_cv.data.resample import InterpolationMode
from tinygrad_cv.data.transforms.affine import RandomAffine, RandomRotation
from tinygrad_cv.data.transforms.base import Transform
from tinygrad_cv.data.transforms.colour import ColorJitter, Grayscale, PCAColorNoise, RandomGrayscale
from tinygrad_cv.data.transforms.compose import Compose, RandomApply, RandomChoice, RandomOrder
from tinygrad_cv.data.transforms.convert import Lambda, Normalize, PILToTensor, ToPILImage, ToTensor
from tinygrad_cv.data.transforms.crop import CenterCrop, FiveCrop, Pad, RandomCrop, RandomResizedCrop, Resize
from tinygrad_cv.data.transforms.erase import Cutout, RandomErasing
from tinygrad_cv.data.transforms.flip import AlternatingFlip, RandomHorizontalFlip, RandomVerticalFlip
from tinygrad_cv.data.transforms.mix import CutMix, MixUp, Mixup
from tinygrad_cv.data.transforms.permute import PermutedPixels
from tinygrad_cv.data.transforms.policy import AutoAugment, AutoAugmentPolicy, RandAugment, TrivialAugmentWide

__all__ = [
    "AlternatingFlip",
    "AutoAugment",
    "AutoAugmentPolicy",
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "FiveCrop",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "MixUp",
    "Mixup",
    "Normalize",
    "PCAColorNoise",
    "PILToTensor",
    "Pad",
    "PermutedPixels",
    "RandAugment",
    "RandomAffine",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomOrder",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
    "Transform",
    "TrivialAugmentWide",
]
