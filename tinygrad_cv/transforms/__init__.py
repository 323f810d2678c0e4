"""Changes of images, under torchvision's names; the code is in ``tinygrad_cv.data.transforms``."""

from __future__ import annotations

from tinygrad_cv.data.transforms import *  # noqa: F403
from tinygrad_cv.data.transforms import __all__ as __all__
