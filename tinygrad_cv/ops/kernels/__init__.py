"""The numbers behind the ops: kernels on NumPy arrays, images channels-last, each in three readings.

The ground floor knows neither ops nor tensors. Arrays of images are C-contiguous (N, H, W, C) blocks; sizes fit,
for the ops have checked them.
"""

from __future__ import annotations

from .conv import conv2d, conv2d_grad_w, conv2d_grad_x
from .jit import cache_folder, get_num_threads, set_num_threads
from .readings import reading, use

__all__ = [
    "cache_folder",
    "conv2d",
    "conv2d_grad_w",
    "conv2d_grad_x",
    "get_num_threads",
    "reading",
    "set_num_threads",
    "use",
]
