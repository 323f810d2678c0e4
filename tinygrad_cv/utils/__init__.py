"""Where PyTorch users look for the data loader: ``tinygrad_cv.utils.data``."""

from __future__ import annotations
