"""Functions on tensors, under the name that PyTorch gives them: ``import tinygrad_cv.nn.functional as F``."""

from __future__ import annotations

from ..functional import *  # noqa: F403
