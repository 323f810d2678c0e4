"""Three readings of every kernel, with one meaning.

    loops   plain Python loops: the truth of the tests, slow, and all that there is to understand
    numpy   array expressions (a convolution as im2col and a matrix product); any float dtype
    numba   compiled code at the machine's speed; float32, anything else goes to the numpy reading

Each kernel is a function of the same name and signature in three modules, listed in TABLE and imported when
first called: ``import tinygrad_cv`` pays for none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from . import jit
from .blas import stand_aside

READINGS = ("loops", "numpy", "numba")

TABLE: dict[str, tuple[str, str, str]] = {
    # kernel: the modules of its readings, in the order of READINGS
    "conv2d": ("conv_loops", "conv_im2col", "conv_numba"),
    "conv2d_grad_x": ("conv_loops", "conv_im2col", "conv_numba"),
    "conv2d_grad_w": ("conv_loops", "conv_im2col", "conv_numba"),
    "max_pool2d": ("pool_loops", "pool_numpy", "pool_numba"),
    "max_pool2d_grad": ("pool_loops", "pool_numpy", "pool_numba"),
    "max_pool2d_gather": ("pool_loops", "pool_numpy", "pool_numba"),
    "adaptive_max_pool2d": ("pool_loops", "pool_numpy", "pool_numba"),
    "adaptive_max_pool2d_grad": ("pool_loops", "pool_numpy", "pool_numba"),
    "avg_pool2d": ("pool_loops", "pool_numpy", "pool_numba"),
    "avg_pool2d_grad": ("pool_loops", "pool_numpy", "pool_numba"),
    "adaptive_avg_pool2d": ("pool_loops", "pool_numpy", "pool_numba"),
    "adaptive_avg_pool2d_grad": ("pool_loops", "pool_numpy", "pool_numba"),
    "matmul": ("product_loops", "product_numpy", "product"),
    "linear": ("product_loops", "product_numpy", "product"),
    "column_sums": ("rows_loops", "rows_numpy", "rows_numba"),
    "swap": ("rows_loops", "rows_numpy", "rows_numba"),
    "batch_norm_stats": ("norm_loops", "norm_numpy", "norm_numba"),
    "batch_norm_apply": ("norm_loops", "norm_numpy", "norm_numba"),
    "batch_norm_grad": ("norm_loops", "norm_numpy", "norm_numba"),
    "softmax": ("softmax_loops", "softmax_numpy", "softmax_numba"),
    "log_softmax": ("softmax_loops", "softmax_numpy", "softmax_numba"),
    "cross_entropy": ("softmax_loops", "softmax_numpy", "softmax_numba"),
    "cross_entropy_grad": ("softmax_loops", "softmax_numpy", "softmax_numba"),
    "sgd_update": ("update_loops", "update_numpy", "update_numba"),
    "adam_update": ("update_loops", "update_numpy", "update_numba"),
    "relu": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "relu_grad": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "add": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "add_relu": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "sigmoid": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "sigmoid_grad": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "tanh": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "tanh_grad": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "silu": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "silu_grad": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "gelu": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
    "gelu_grad": ("pointwise_loops", "pointwise_numpy", "pointwise_numba"),
}

_reading: str | None = None


def reading() -> str:
    """Return the reading in use: "loops", "numpy" or "numba" (the default where numba is installed).

    The environment variable TGCV_BACKEND sets it at the start.
    """
    global _reading
    if _reading is None:
        wish = os.environ.get("TGCV_BACKEND", "").lower()
        if wish and wish not in READINGS:
            raise ValueError(
                f"TGCV_BACKEND: {wish!r} is not a reading of the kernels; give one of {', '.join(READINGS)}"
            )
        _reading = wish or ("numba" if jit.available() else "numpy")
    return _reading


@contextmanager
def _until_left(before: str) -> Iterator[None]:
    global _reading
    try:
        yield
    finally:
        _reading = before


def use(name: str) -> Any:
    """Choose the reading of all kernels, for every thread; as a context, until it is left.

    Examples
    --------
    >>> with use("loops"):
    ...     reading()
    'loops'
    """
    global _reading
    if name not in READINGS:
        raise ValueError(f"use: {name!r} is not a reading of the kernels; give one of {', '.join(READINGS)}")
    if name == "numba" and not jit.available():
        raise ValueError("use: numba is not installed; give 'numpy', or install numba")
    before, _reading = reading(), name
    return _until_left(before)


SMALL = 1 << 12
"""Elements below which an array expression takes less time than a launch of compiled code."""


def pick(kernel: str, dtype: Any = np.float32, size: int = SMALL) -> Callable[..., Any]:
    """Return the function that computes ``kernel`` for arrays of ``dtype`` in the reading in use.

    Kernels of a line or two in NumPy tell the ``size`` of the array: for a few elements that reading is the faster one.
    """
    name = reading()
    if name == "numba" and (dtype != np.float32 or size < SMALL):
        name = "numpy"
    return _function(kernel, name)


@cache
def _function(kernel: str, name: str) -> Callable[..., Any]:
    if name == "numba":
        stand_aside()
    module = import_module(f".{TABLE[kernel][READINGS.index(name)]}", __package__)
    function: Callable[..., Any] = getattr(module, kernel)
    return function
