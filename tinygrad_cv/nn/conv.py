"""Convolution layers. A filter bank is (OC, C/groups, K...), whatever the order of its bytes in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import functional as F
from ..ops.errors import ArgumentError
from ..typing import DType
from . import init
from .linear import empty_parameter, empty_weight
from .module import Module
from .parameter import Parameter

Size = int | Sequence[int]

_MODES = ("zeros", "reflect", "replicate", "circular")


def sizes(value: Size, rank: int, what: str, layer: str) -> tuple[int, ...]:
    """Read an int or one int per dimension."""
    given = tuple(value) if isinstance(value, Sequence) else (value,) * rank
    if len(given) != rank or not all(hasattr(n, "__index__") for n in given):
        raise ArgumentError(f"{layer}: {what} is {value!r}; give an int or {rank} of them")
    return given


class _Conv(Module):
    """What all convolutions hold: sizes, filters, bias."""

    _rank: int
    _transposed = False
    weight: Parameter
    bias: Parameter | None

    def _build(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: str | Size,
        dilation: Size,
        output_padding: Size,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: DType | None,
    ) -> None:
        name, rank = type(self).__name__, self._rank
        if groups < 1:
            raise ArgumentError(f"{name}: groups is {groups}; give at least 1")
        for what, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ArgumentError(
                    f"{name}: {what}={channels} does not divide into groups={groups}; give a multiple of {groups}"
                )
        if padding_mode not in (_MODES[:1] if self._transposed else _MODES):
            known = "'zeros'" if self._transposed else ", ".join(map(repr, _MODES))
            raise ArgumentError(f"{name}: padding_mode is {padding_mode!r}; give {known}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = sizes(kernel_size, rank, "kernel_size", name)
        self.stride = sizes(stride, rank, "stride", name)
        self.dilation = sizes(dilation, rank, "dilation", name)
        self.output_padding = sizes(output_padding, rank, "output_padding", name)
        self.padding: str | tuple[int, ...]
        if isinstance(padding, str):
            if self._transposed:
                raise ArgumentError(f"{name}: padding is {padding!r}; give an int or {rank} of them")
            if padding not in ("valid", "same"):
                raise ArgumentError(f"{name}: padding is {padding!r}; give numbers, 'valid' or 'same'")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ArgumentError(
                    f"{name}: padding='same' keeps the size only at stride 1, the stride is {self.stride}"
                )
            self.padding = padding
        else:
            asymmetric = rank == 2 and isinstance(padding, Sequence) and len(padding) == 4 and not self._transposed
            self.padding = sizes(padding, 4 if asymmetric else rank, "padding", name)
        self.padding_mode = padding_mode
        ends = (in_channels, out_channels // groups) if self._transposed else (out_channels, in_channels // groups)
        self.weight = empty_weight((*ends, *self.kernel_size), dtype)
        self.register_parameter("bias", empty_parameter((out_channels,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new starting values."""
        init.default_layer_(self.weight, self.bias)

    def _bordered(self, input: Any) -> tuple[Any, Any]:
        """Return the input and the padding left to do: other modes than zeros are done here."""
        if self.padding_mode == "zeros":
            return input, self.padding
        return F.pad(input, self._border(), mode=self.padding_mode), 0

    def _border(self) -> list[int]:
        """Return the padding as `pad` wants it: the last dimension first."""
        if self.padding == "valid":
            return [0] * (2 * self._rank)
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            both = [(t // 2, t - t // 2) for t in totals]
        elif len(self.padding) == 2 * self._rank and self._rank == 2:
            both = [(int(self.padding[0]), int(self.padding[1])), (int(self.padding[2]), int(self.padding[3]))]
        else:
            both = [(int(p), int(p)) for p in self.padding]
        return [p for pair in reversed(both) for p in pair]

    def extra_repr(self) -> str:
        n = self._rank
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * n:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * n:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class _Forward(_Conv):
    def __init__(
        self,
        in_channels: int,
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
        super().__init__()
        self._build(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, dtype
        )


class Conv2d(_Forward):
    """Slide filters over images (N, C, H, W); see `functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : C and OC.
    kernel_size, stride, dilation : an int or (vertical, horizontal).
    padding : an int, (vertical, horizontal), (top, bottom, left, right), 'valid' or 'same'.
    groups : the number of parts into which channels and filters are cut.
    bias : False leaves the offset of each filter out.
    padding_mode : what stands in the padding: 'zeros', 'reflect', 'replicate' or 'circular'.

    Attributes
    ----------
    weight : (OC, C/groups, KH, KW).
    bias : (OC,), or None.
    """

    _rank = 2

    def forward(self, input: Any) -> Any:
        if self.padding_mode == "zeros":
            return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        x, padding = self._bordered(input)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Forward):
    """Slide filters over signals (N, C, L); see `Conv2d` for the parameters, each an int here."""

    _rank = 1

    def forward(self, input: Any) -> Any:
        x, padding = self._bordered(input)
        return F.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _Transposed(_Conv):
    _transposed = True

    def __init__(
        self,
        in_channels: int,
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
        super().__init__()
        self._build(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            dtype,
        )

    def _more(self, input: Any, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """Return the output padding that gives ``output_size``, of the several sizes that a stride allows."""
        if output_size is None:
            return self.output_padding
        k, whole = self._rank, input.ndim
        if len(output_size) not in (k, whole):
            raise ArgumentError(f"{type(self).__name__}: output_size is {output_size!r}; give {k} sizes, or {whole}")
        wanted = tuple(output_size)[-self._rank :]
        more = []
        for i, (n, want) in enumerate(zip(input.shape[-self._rank :], wanted)):
            extent = self.dilation[i] * (self.kernel_size[i] - 1) + 1
            least = (n - 1) * self.stride[i] - 2 * int(self.padding[i]) + extent
            if not least <= want < least + self.stride[i]:
                raise ArgumentError(
                    f"{type(self).__name__}: output_size {tuple(output_size)} is out of reach; "
                    f"in dimension {i - self._rank} give {least} to {least + self.stride[i] - 1}"
                )
            more.append(want - least)
        return tuple(more)


class ConvTranspose2d(_Transposed):
    """The adjoint of `Conv2d`: each pixel of (N, C, H, W) paints a filter; often called deconvolution.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, dilation, groups, bias : as of `Conv2d`.
    padding : an int or (vertical, horizontal): rows and columns that are cut from each side of the result.
    output_padding : extra rows and columns at the bottom and the right; see `functional.conv_transpose2d`.
    padding_mode : 'zeros' alone.

    Attributes
    ----------
    weight : (C, OC/groups, KH, KW).
    bias : (OC,), or None.
    """

    _rank = 2

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Any:
        more = self._more(input, output_size)
        settings = (self.stride, self.padding, more, self.groups, self.dilation)
        return F.conv_transpose2d(input, self.weight, self.bias, *settings)  # type: ignore[arg-type]


class ConvTranspose1d(_Transposed):
    """The adjoint of `Conv1d`."""

    _rank = 1

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Any:
        more = self._more(input, output_size)
        settings = (self.stride, self.padding, more, self.groups, self.dilation)
        return F.conv_transpose1d(input, self.weight, self.bias, *settings)  # type: ignore[arg-type]
