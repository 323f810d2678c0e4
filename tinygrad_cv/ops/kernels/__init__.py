"""The numbers behind the ops: kernels on NumPy arrays, images channels-last, each in three readings.

The ground floor knows neither ops nor tensors. Arrays of images are C-contiguous (N, H, W, C) blocks; sizes fit,
for the ops have checked them.
"""

from __future__ import annotations

from .conv import conv2d, conv2d_grad_w, conv2d_grad_x
from .cost import ALGORITHMS, Geometry, choose_algorithm, estimates, forward_algorithm, get_algorithm, set_algorithm
from .jit import get_num_threads, set_num_threads
from .jit_cache import cache_folder
from .readings import reading, use

__all__ = [
    "ALGORITHMS",
    "Geometry",
    "cache_folder",
    "choose_algorithm",
    "forward_algorithm",
    "conv2d",
    "conv2d_grad_w",
    "conv2d_grad_x",
    "estimates",
    "get_algorithm",
    "get_num_threads",
    "reading",
    "set_algorithm",
    "set_num_threads",
    "use",
]
