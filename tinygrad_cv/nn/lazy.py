"""Layers that learn their number of inputs from the first batch.

Until then their parameters are uninitialised and cannot be counted, cast or optimised. After it they are ordinary
layers: their class becomes that of the layer they stand for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import broadcast
from ..ops.errors import DTypeError, ShapeError
from ..typing import DType
from . import init
from .conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .linear import Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .parameter import UninitializedBuffer, UninitializedParameter

Size = int | Sequence[int]


def _waiting(dtype: Any) -> UninitializedParameter:
    return UninitializedParameter(np.empty(0, broadcast.FLOAT if dtype is None else dtype))


class _Lazy(Module):
    """Before its first forward pass, look at the input and become an ordinary layer."""

    _becomes: type[Module]
    _least = 1
    """How many dimensions an input has at least: what is learned is read from one of them."""

    def _learn(self, input: Any) -> None:
        """Give the parameters their shapes and starting values, if nobody (a loaded state) has done so."""
        raise TypeError(f"{type(self).__name__} defines no _learn")

    def has_uninitialized_params(self) -> bool:
        """Tell whether the sizes are still unknown."""
        lazy = (UninitializedParameter, UninitializedBuffer)
        return any(isinstance(v, lazy) for v in [*self._parameters.values(), *self._buffers.values()])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        least, name = self._least, type(self).__name__
        x: Any = args[0] if args else kwargs.get("input")
        if not hasattr(x, "ndim"):
            raise DTypeError(f"{name}: input is {x!r:.40} ({type(x).__name__}); give a tensor")
        if x.ndim < least:
            raise ShapeError(f"{name}: x has shape {x.shape}, expected at least {least} dimensions")
        self._learn(x)
        object.__setattr__(self, "__class__", self._becomes)
        return self(*args, **kwargs)


class LazyLinear(_Lazy, Linear):
    """A `Linear` whose ``in_features`` is the last size of its first input."""

    _becomes = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: DType | None = None) -> None:
        Linear.__init__(self, 0, out_features, False, device, dtype)
        self.out_features = out_features
        self.weight = _waiting(dtype)
        if bias:
            self.bias = _waiting(dtype)

    def reset_parameters(self) -> None:
        """Draw new starting values, once the sizes are known."""
        if self.in_features:
            super().reset_parameters()

    def _learn(self, input: Any) -> None:
        if isinstance(self.weight, UninitializedParameter):
            self.in_features = input.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))
            if isinstance(self.bias, UninitializedParameter):
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        self.in_features = self.weight.shape[1]


class _LazyConv(_Lazy):
    def _wait(self, out_channels: int, bias: bool, dtype: Any) -> None:
        self.out_channels = out_channels
        self.register_parameter("weight", _waiting(dtype))
        self.register_parameter("bias", _waiting(dtype) if bias else None)

    def _learn(self, input: Any) -> None:
        layer: Any = self
        if isinstance(layer.weight, UninitializedParameter):
            channels = input.shape[-1 - layer._rank]
            ends = (layer.out_channels, channels // layer.groups)
            if layer._transposed:
                ends = (channels, layer.out_channels // layer.groups)
            layer.weight.materialize((*ends, *layer.kernel_size))
            if isinstance(layer.bias, UninitializedParameter):
                layer.bias.materialize((layer.out_channels,))
            init.default_layer_(layer.weight, layer.bias)
        layer.in_channels = layer.weight.shape[0] if layer._transposed else layer.weight.shape[1] * layer.groups

    def reset_parameters(self) -> None:
        """Nothing before the sizes are known."""


class _LazyForward(_LazyConv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: str | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        layer: Any = self._becomes
        layer.__init__(self, 0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        self._wait(out_channels, bias, dtype)


class LazyConv2d(_LazyForward, Conv2d):
    """A `Conv2d` whose ``in_channels`` is that of its first input."""

    _becomes = Conv2d
    _least = 3


class LazyConv1d(_LazyForward, Conv1d):
    """A `Conv1d` whose ``in_channels`` is that of its first input."""

    _becomes = Conv1d
    _least = 2


class _LazyTransposed(_LazyConv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        layer: Any = self._becomes
        shape = (kernel_size, stride, padding, output_padding, groups)
        layer.__init__(self, 0, 0, *shape, False, dilation, padding_mode, device, dtype)
        self._wait(out_channels, bias, dtype)


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A `ConvTranspose2d` whose ``in_channels`` is that of its first input; see `ConvTranspose2d` for the others."""

    _becomes = ConvTranspose2d
    _least = 3


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A `ConvTranspose1d` whose ``in_channels`` is that of its first input; see `ConvTranspose2d` for the others."""

    _becomes = ConvTranspose1d
    _least = 2


class _LazyNorm(_Lazy):
    _least = 2

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        layer: Any = self._becomes
        layer.__init__(self, 0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self._wait(dtype)

    def _wait(self, dtype: Any) -> None:
        layer: Any = self
        for name in ("weight", "bias"):
            if getattr(self, name) is not None:
                setattr(self, name, _waiting(dtype))
        if layer.track_running_stats:
            for name in ("running_mean", "running_var"):
                self.register_buffer(name, UninitializedBuffer(_waiting(dtype)._data))

    def _learn(self, input: Any) -> None:
        layer: Any = self
        if self.has_uninitialized_params():
            layer.num_features = input.shape[1]
            for t in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                if isinstance(t, (UninitializedParameter, UninitializedBuffer)):
                    t.materialize((layer.num_features,))
            layer.reset_parameters()
        known = next((t for t in (layer.weight, layer.running_mean) if t is not None), None)
        layer.num_features = 0 if known is None else known.shape[0]  # as PyTorch: nothing waits for the number


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` whose ``num_features`` is the number of channels of its first input."""

    _becomes = BatchNorm2d


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` whose ``num_features`` is the number of channels of its first input."""

    _becomes = BatchNorm1d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` whose ``num_features`` is the number of channels of its first input."""

    _becomes = BatchNorm3d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """An `InstanceNorm2d` whose ``num_features`` is the number of channels of its first input.

    The other arguments are those of `BatchNorm2d`.
    """

    _becomes = InstanceNorm2d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """An `InstanceNorm1d` whose ``num_features`` is the number of channels of its first input.

    The other arguments are those of `BatchNorm2d`.
    """

    _becomes = InstanceNorm1d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """An `InstanceNorm3d` whose ``num_features`` is the number of channels of its first input.

    The other arguments are those of `BatchNorm2d`.
    """

    _becomes = InstanceNorm3d
