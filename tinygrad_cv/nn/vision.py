"""Layers that move pixels: padding, resizing, shuffling, windows as columns; and the cosine of an angle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import functional as F
from ..ops.errors import ArgumentError
from .module import Module

Size = int | Sequence[int]
Quad = tuple[int, int, int, int]


class _Pad2d(Module):
    _mode: str

    def __init__(self, padding: Size) -> None:
        super().__init__()
        given = (padding,) * 4 if isinstance(padding, int) else tuple(padding)
        if len(given) != 4:
            raise ArgumentError(
                f"{type(self).__name__}: padding is {padding!r}; give an int or (left, right, top, bottom)"
            )
        self.padding = given

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, mode=self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad2d(_Pad2d):
    """Continue images by their mirror image, without repeating the edge.

    ``padding`` is an int or (left, right, top, bottom), here and below.
    """

    _mode = "reflect"


class ReplicationPad2d(_Pad2d):
    """Continue images by their edge."""

    _mode = "replicate"


class CircularPad2d(_Pad2d):
    """Continue images by their opposite side."""

    _mode = "circular"


class ConstantPad2d(_Pad2d):
    """Put a constant around images.

    ``value`` is the constant, ``padding`` one number or (left, right, top, bottom).
    """

    def __init__(self, padding: Size, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        return F.pad(input, self.padding, mode="constant", value=self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ZeroPad2d(ConstantPad2d):
    """Put zeros around images."""

    def __init__(self, padding: Size) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class Upsample(Module):
    """Resize images to ``size``, or by ``scale_factor``; see `functional.interpolate`.

    ``mode``, ``align_corners`` and ``recompute_scale_factor`` as in `interpolate`.
    """

    def __init__(
        self,
        size: Size | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor
        self.scale_factor: float | tuple[float, ...] | None
        if isinstance(scale_factor, Sequence):
            self.scale_factor = tuple(float(s) for s in scale_factor)
        else:
            self.scale_factor = None if scale_factor is None else float(scale_factor)

    def forward(self, input: Any) -> Any:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        text = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{text}, mode={self.mode!r}"


class PixelShuffle(Module):
    """Turn (N, C r^2, H, W) into (N, C, H r, W r) (Shi et al. 2016).

    r is the ``upscale_factor``.
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Any:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Turn (N, C, H r, W r) into (N, C r^2, H, W).

    r is the ``downscale_factor``.
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Any:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Deal the channels of ``groups`` groups out in turn (Zhang et al. 2018)."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Any:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Unfold(Module):
    """The windows of (N, C, H, W) as columns (N, C*KH*KW, L)."""

    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Any) -> Any:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """Add columns (N, C*KH*KW, L) back to images of ``output_size``."""

    def __init__(
        self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Any) -> Any:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class CosineSimilarity(Module):
    """The cosine of the angle between two tensors along ``dim``."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Any:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
