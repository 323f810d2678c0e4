"""Functions on tensors: the public names of `ops`, and those that draw random numbers.

``tinygrad_cv.functional``, ``tinygrad_cv.nn.functional`` and ``tinygrad_cv`` itself offer the same functions,
which PyTorch spreads over ``torch`` and ``torch.nn.functional``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import ops
from .ops import *  # noqa: F403
from .ops.errors import ArgumentError, DTypeError, ShapeError
from .ops.layout import is_channels_last, to_nchw, to_nhwc
from .tensors.inplace import write
from .tensors.random import Generator, pick
from .tensors.spelling import spelled
from .typing import Value

if not TYPE_CHECKING:  # checkers follow the star above, but not sums of names
    __all__ = ["dropout", "dropout1d", "dropout2d", "dropout3d", *ops.__all__]


def dropout(
    input: Value, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Set each element to 0 with probability ``p`` and divide the others by 1 - p; nothing when not training.

    The expected value stays as it was. Derivative: g times the same mask. Source: Srivastava et al. 2014.
    """
    return _drop("dropout", input, p, training, input.shape, inplace, generator)


def dropout2d(
    input: Value, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Set whole channels of (N, C, H, W) to 0 with probability ``p`` (Tompson et al. 2015).

    With ``training`` False nothing happens; the channels that stay are divided by 1 - p. Derivative: g times the same
    mask.
    """
    if training and 0 < p < 1 and input.ndim < 2:
        raise ShapeError(f"dropout2d: x has shape {input.shape}, expected channels: (N, C, H, W), (N, C, L) or (N, C)")
    return _drop("dropout2d", input, p, training, (*input.shape[:2], *(1,) * (input.ndim - 2)), inplace, generator)


def dropout3d(
    input: Value, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Set whole channels of volumes (N, C, D, H, W) or (C, ...) to 0 with probability ``p``; see `dropout2d`."""
    if training and 0 < p < 1 and not input.ndim:
        raise ShapeError("dropout3d: x has shape (), expected (N, C, D, H, W) or (C, D, H, W)")
    channels = input.shape[: 2 if input.ndim == 5 else 1]
    shape = (*channels, *(1,) * (input.ndim - len(channels)))
    return _drop("dropout3d", input, p, training, shape, inplace, generator)


def dropout1d(
    input: Value, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Any:
    """Set whole channels of signals (N, C, L) or (C, L) to 0 with probability ``p``; see `dropout2d`."""
    if input.ndim not in (2, 3):
        raise ShapeError(f"dropout1d: x has shape {input.shape}, expected (N, C, L) or (C, L)")
    return _drop("dropout1d", input, p, training, (*input.shape[:-1], 1), inplace, generator)


def _with_inplace(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``inplace=True`` write the result into the input's memory, in the graph too."""
    position = list(inspect.signature(function).parameters).index("inplace")

    @functools.wraps(function)
    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        inplace = args[position - 1] if len(args) >= position else kwargs.get("inplace", False)
        if not inplace:
            return function(input, *args, **kwargs)
        return write(input, function(input._alias(), *args, **kwargs), function.__name__)

    return call


for _function in (
    ops.relu, ops.relu6, ops.hardtanh, ops.elu, ops.celu, ops.selu, ops.leaky_relu, ops.silu, ops.mish, ops.hardswish,
    ops.hardsigmoid, ops.threshold,
):  # fmt: skip
    globals()[_function.__name__] = _with_inplace(_function)


_ONE_SEQUENCE = ("reshape", "permute", "tile", "flip")  # where PyTorch's functions, unlike its methods, take no numbers

for _name in globals()["__all__"]:
    if inspect.isfunction(_function := globals()[_name]):
        globals()[_name] = spelled(_function, single=_name in _ONE_SEQUENCE, name=_name)


def _drop(
    op: str,
    input: Any,
    p: float,
    training: bool,
    shape: tuple[int, ...],
    inplace: bool,
    generator: Generator | None,
) -> Any:
    if not 0 <= p <= 1:
        raise ArgumentError(f"{op}: p is {p}; give a probability from 0 to 1")
    if not training or p == 0:
        return input
    if p < 1 and input.dtype.kind != "f":
        raise DTypeError(f"{op}: x has dtype {input.dtype}, which holds no x / {1 - p}; cast with .float()")
    keep = pick(generator).random(shape, "f4") >= p
    scale = 1 / (1 - p) if p < 1 else 0.0
    mask = keep.astype(input.dtype) * input.dtype.type(scale)
    # A product of mixed orders would come out row-major.
    if shape == input.shape and is_channels_last(getattr(input, "_data", input)):
        mask = to_nchw(to_nhwc(mask))
    return write(input, input._alias() * mask, op) if inplace and mask.size else input * mask
