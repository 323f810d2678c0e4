"""Windows that slide over images: their sizes, and what comes out.

Letters, used everywhere: images (N, C, H, W); filters (OC, C/groups, KH, KW); stride SH SW; padding as
(top, bottom, left, right); dilation DH DW; results (N, OC, OH, OW) with

    OH = floor((H + top + bottom - DH*(KH - 1) - 1) / SH) + 1

(Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", relationship 14 for dilation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import SupportsIndex, TypeGuard

from .errors import ArgumentError, ShapeError

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]


def pair(value: int | Sequence[int], what: str, op: str, least: int = 1) -> Pair:
    """Read an int or (vertical, horizontal) as a pair of ints that are at least ``least``."""
    if type(value) is int and value >= least:
        return (value, value)
    if type(value) is tuple and len(value) == 2 and type(value[0]) is type(value[1]) is int and min(value) >= least:
        return value
    got = (value, value) if not isinstance(value, Sequence) else tuple(value) * (2 if len(value) == 1 else 1)
    if len(got) != 2 or not all(map(whole, got)):
        raise ArgumentError(f"{op}: {what} is {value!r}; give an int or a pair (vertical, horizontal)")
    if min(got) < least:
        raise ArgumentError(f"{op}: {what} is {value!r}, smaller than {least}; give at least {least}")
    return (int(got[0]), int(got[1]))


def whole(value: object) -> TypeGuard[SupportsIndex]:
    """Tell whether a value is a whole number, in Python, in NumPy or as a 0-d tensor; a bool is none."""
    if type(value) is int:
        return True
    kind = getattr(getattr(value, "dtype", None), "kind", "i")
    alone = not getattr(value, "shape", ())
    return hasattr(value, "__index__") and not isinstance(value, bool) and kind in "iu" and alone


def single(value: int | Sequence[int], what: str, op: str) -> int:
    """Read an int, or a sequence of one, as what signals (N, C, L) have in place of a pair."""
    one = value[0] if isinstance(value, Sequence) and len(value) == 1 else value
    if not whole(one):
        raise ArgumentError(f"{op}: {what} is {value!r}; give an int")
    return int(one)


def same_padding(kernel: Pair, dilation: Pair) -> Quad:
    """Return the padding that keeps a stride-1 window's output as large as its input; the odd pixel goes right and
    below.
    """
    (top, bottom), (left, right) = (
        (d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2) for k, d in zip(kernel, dilation)
    )
    return (top, bottom, left, right)


def read_padding(padding: int | str | Sequence[int], kernel: Pair, stride: Pair, dilation: Pair, op: str) -> Quad:
    """Read PyTorch's padding forms, and (top, bottom, left, right) for asymmetric padding, which PyTorch lacks."""
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0, 0, 0)
        if padding != "same":
            raise ArgumentError(f"{op}: padding is {padding!r}; give an int, a pair, four ints, 'valid' or 'same'")
        if stride != (1, 1):
            raise ArgumentError(
                f"{op}: padding='same' keeps the size only at stride 1, the stride is {stride}; "
                f"give the four paddings (top, bottom, left, right) yourself"
            )
        return same_padding(kernel, dilation)
    if not hasattr(padding, "__index__") and len(padding) == 4:
        top, bottom, left, right = padding
        return (*pair((top, bottom), "padding", op, 0), *pair((left, right), "padding", op, 0))
    vertical, horizontal = pair(padding, "padding", op, 0)
    return (vertical, vertical, horizontal, horizontal)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A sliding window: everything about a convolution or pooling but its operands.

    ``read`` returns one object for one meaning, so that what is known of it is found without comparing numbers.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Quad = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    ceil: bool = False

    @classmethod
    def read(
        cls,
        op: str,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | str | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil: bool = False,
    ) -> Window:
        """Build a window from a user's arguments, refusing what cannot be meant."""
        k = pair(kernel, "kernel_size", op)
        s = pair(stride, "stride", op)
        d = pair(dilation, "dilation", op)
        return _window(k, s, read_padding(padding, k, s, d, op), d, ceil)

    def extent(self) -> Pair:
        """Return how many pixels the window spans, (DH*(KH-1)+1, DW*(KW-1)+1)."""
        return (self.dilation[0] * (self.kernel[0] - 1) + 1, self.dilation[1] * (self.kernel[1] - 1) + 1)

    def output(self, size: Pair, op: str) -> Pair:
        """Return (OH, OW) for an image of ``size``, or say why there is none."""
        return _output(self, size, op)


@lru_cache(maxsize=4096)
def _output(window: Window, size: Pair, op: str) -> Pair:
    out = []
    for axis, (n, extent, stride) in enumerate(zip(size, window.extent(), window.stride)):
        before, after = window.padding[2 * axis : 2 * axis + 2]
        room = n + before + after - extent
        count = room // stride + 1
        if window.ceil and room % stride and (count * stride) < n + before:
            count += 1  # the last window may hang over, if it starts inside the image or its leading padding
        if count < 1:
            side, k = ("height", "width")[axis], window.kernel[axis]
            raise ShapeError(
                f"{op}: a window of {k} (spanning {extent} pixels) does not fit into the {side} of {n} + padding "
                f"{before} + {after}; "
                f"give a smaller kernel, at least {-room} more pixels of padding, or a larger image"
            )
        out.append(count)
    return (out[0], out[1])


_window = lru_cache(maxsize=4096)(Window)
