"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functional as F
from ..ops import broadcast
from ..ops.errors import ArgumentError, ShapeError
from ..tensors import Tensor
from ..typing import DType
from . import init
from .linear import empty_parameter
from .module import Module
from .parameter import Parameter


class _Running(Module):
    """Parameters and running statistics per channel."""

    _optional = frozenset({"num_batches_tracked"})
    _ranks: dict[int, str]
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def _build(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        dtype: DType | None,
        bias: bool,
    ) -> None:
        if (affine or track_running_stats) and num_features < 0:  # else nobody asks for the number, in PyTorch neither
            raise ArgumentError(f"{type(self).__name__}: num_features is {num_features}; give at least 0")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        shape = (num_features,)
        self.register_parameter("weight", empty_parameter(shape, dtype) if affine else None)
        self.register_parameter("bias", empty_parameter(shape, dtype) if affine and bias else None)
        kind = broadcast.FLOAT if dtype is None else np.dtype(dtype)
        track = track_running_stats
        self.register_buffer("running_mean", Tensor(np.zeros(shape, kind)) if track else None)
        self.register_buffer("running_var", Tensor(np.ones(shape, kind)) if track else None)
        self.register_buffer("num_batches_tracked", Tensor(np.zeros((), np.int64)) if track else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the statistics."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Start from scale 1, offset 0 and no statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check(self, input: Any) -> None:
        if input.ndim not in self._ranks:
            fits = " or ".join(f"{n} {letters}" for n, letters in sorted(self._ranks.items(), reverse=True))
            raise ShapeError(f"{type(self).__name__}: x has {input.ndim} dimensions {input.shape}, expected {fits}")

    def extra_repr(self) -> str:
        text = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}"
        return f"{text}, bias={self.bias is not None}, track_running_stats={self.track_running_stats}"


class _BatchNorm(_Running):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self._build(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, input: Any) -> Any:
        self._check(input)
        factor, counter = self.momentum, self.num_batches_tracked
        mean, var = self.running_mean, self.running_var
        if self.training:
            if counter is not None and self.track_running_stats:
                counter._data += 1
                factor = 1.0 / int(counter._data) if factor is None else factor
            else:
                mean = var = None
        training = self.training or (mean is None and var is None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, training, factor, self.eps)


class BatchNorm2d(_BatchNorm):
    """Normalise each channel over the batch and the image (Ioffe and Szegedy 2015); see `functional.batch_norm`.

    Parameters
    ----------
    num_features : C of (N, C, H, W).
    momentum : the share of the newest batch in the running statistics; None takes the plain average of all batches.
    affine : learn a scale and an offset per channel.
    track_running_stats : keep statistics for evaluation; otherwise the batch's own always serve.

    Attributes
    ----------
    weight, bias : (C,), or None.
    running_mean, running_var, num_batches_tracked : buffers.
    """

    _ranks = {4: "(N, C, H, W)"}


class BatchNorm1d(_BatchNorm):
    """Normalise each channel of (N, C) or (N, C, L) over the batch and the length; see `BatchNorm2d`."""

    _ranks = {3: "(N, C, L)", 2: "(N, C)"}


class BatchNorm3d(_BatchNorm):
    """Normalise each channel of (N, C, D, H, W) over the batch and the volume; see `BatchNorm2d`."""

    _ranks = {5: "(N, C, D, H, W)"}


class _InstanceNorm(_Running):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self._build(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, input: Any) -> Any:
        self._check(input)
        single = input.ndim == min(self._ranks)
        x = F.unsqueeze(input, 0) if single else input
        c = x.shape[1]
        if c != self.num_features and (self.affine or self.track_running_stats):
            raise ShapeError(
                f"{type(self).__name__}: x has {c} channels {input.shape}, expected {self.num_features}; "
                f"give num_features={c}"
            )
        own = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        y = F.instance_norm(x, self.running_mean, self.running_var, self.weight, self.bias, own, momentum, self.eps)
        return F.squeeze(y, 0) if single else y


class InstanceNorm2d(_InstanceNorm):
    """Normalise each channel of each image (Ulyanov, Vedaldi and Lempitsky 2016)."""

    _ranks = {4: "(N, C, H, W)", 3: "(C, H, W)"}


class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each signal."""

    _ranks = {3: "(N, C, L)", 2: "(C, L)"}


class InstanceNorm3d(_InstanceNorm):
    """Normalise each channel of each volume."""

    _ranks = {5: "(N, C, D, H, W)", 4: "(C, D, H, W)"}


class LayerNorm(Module):
    """Normalise over the trailing dimensions of each sample (Ba, Kiros and Hinton 2016).

    ``normalized_shape`` are the sizes of these dimensions; with ``elementwise_affine`` there is a ``weight`` of that
    shape, and with ``bias`` a ``bias``. See `layer_norm`.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        shape = self.normalized_shape
        self.register_parameter("weight", empty_parameter(shape, dtype) if elementwise_affine else None)
        self.register_parameter("bias", empty_parameter(shape, dtype) if elementwise_affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from scale 1 and offset 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        text = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        return f"{text}, bias={self.bias is not None}"


class GroupNorm(Module):
    """Normalise each of ``num_groups`` groups of channels of each image (Wu and He 2018).

    ``num_channels`` is C; with ``affine`` there is a ``weight`` (C,), and with ``bias`` a ``bias`` (C,). See
    `group_norm`.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ArgumentError(
                f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups; "
                f"give a divisor of {num_channels}"
            )
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.register_parameter("weight", empty_parameter((num_channels,), dtype) if affine else None)
        self.register_parameter("bias", empty_parameter((num_channels,), dtype) if affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from scale 1 and offset 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        text = f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
        return f"{text}, bias={self.bias is not None}"


class LocalResponseNorm(Module):
    """Divide by the energy of neighbouring channels (Krizhevsky, Sutskever and Hinton 2012, section 3.3).

    ``size``, ``alpha``, ``beta`` and ``k`` as in `local_response_norm`.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Any) -> Any:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
