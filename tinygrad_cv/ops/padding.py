"""Padding of any number of trailing dimensions, with constants or with the image's own pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..typing import Value
from .broadcast import read_number
from .errors import ArgumentError, DTypeError, ShapeError
from .geometry import whole
from .index import getitem
from .shape import Crop, Pad

__all__ = [
    "pad",
]  # fmt: skip


def pad(input: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Value:
    """Add elements before and behind the trailing dimensions; a negative number takes elements away.

    Parameters
    ----------
    pad : (before, behind) of the last dimension, then of the one before it, and so on: (left, right, top, bottom).
    mode : 'constant' writes ``value`` (0 if None); 'reflect' mirrors without repeating the edge; 'replicate' repeats
        the edge; 'circular' goes round. All but 'constant' want every dimension behind the channels padded.

    Notes
    -----
    Derivative: each padded element hands its gradient to the element that it copied; constants hand it to nobody.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> tg.pad(tg.tensor([[1, 2, 3]]), (2, 1), mode="reflect").tolist()
    [[3, 2, 1, 2, 3, 2]]
    """
    if not isinstance(pad, Sequence) or not all(map(whole, pad)):
        raise DTypeError(f"pad: pad is {pad!r}; give whole numbers, two for each padded dimension")
    sizes = [int(p) for p in pad]
    if len(sizes) % 2 or len(sizes) > 2 * input.ndim:
        raise ArgumentError(
            f"pad: {len(sizes)} sizes {tuple(sizes)} for a tensor {input.shape}; give two for each padded "
            f"dimension, at most {2 * input.ndim}"
        )
    pairs = list(zip(sizes[::2], sizes[1::2]))[::-1]
    first = input.ndim - len(pairs)
    for d, (before, after) in enumerate(pairs, first):
        if input.shape[d] + min(before, 0) + min(after, 0) < 0:
            raise ShapeError(
                f"pad: ({before}, {after}) takes more than the {input.shape[d]} elements of dimension {d}; take less"
            )
    if mode == "constant":
        fill = 0.0 if value is None else read_number("pad", "value", value, input.dtype)
        return _constant(input, [(0, 0)] * first + pairs, fill)
    if mode not in ("reflect", "replicate", "circular"):
        raise ArgumentError(f"pad: mode is {mode!r}; give 'constant', 'reflect', 'replicate' or 'circular'")
    if value:
        raise ArgumentError(f"pad: value {value} has no meaning in mode {mode!r}; leave it out")
    if not pairs or first not in (1, 2) or len(pairs) > 3:
        raise ShapeError(
            f"pad: mode {mode!r} pads every dimension behind (N, C) or (C), but {len(sizes)} sizes were given for "
            f"{input.shape}; "
            f"give {2 * (input.ndim - 2)} or {2 * (input.ndim - 1)}"
        )
    if input.dtype == np.bool_ and mode != "circular":
        raise DTypeError(f"pad: x is bool, which mode {mode!r} does not take; cast to a number first")
    if 0 in input.shape[first == 2 :] and mode != "circular":
        raise ShapeError(f"pad: x has shape {input.shape}; in mode {mode!r} only the batch may be empty")
    if mode != "circular" and all(input.shape[d] + b + a < 1 for d, (b, a) in enumerate(pairs, first)):
        raise ShapeError(f"pad: {tuple(sizes)} leaves nothing of x {input.shape}; take less")
    y = input
    for d, (before, after) in enumerate(pairs, first):
        if before or after:
            y = getitem(y, (slice(None),) * d + (_sources(mode, d, input.shape[d], before, after),))
    return y


def _constant(x: Value, pairs: list[tuple[int, int]], value: float) -> Value:
    """Crop where a size is negative, then write around what is left."""
    if min((p for pair in pairs for p in pair), default=0) < 0:
        x = Crop(tuple(max(-b, 0) for b, _ in pairs), tuple(max(-a, 0) for _, a in pairs))(x)
    return Pad(tuple(max(b, 0) for b, _ in pairs), tuple(max(a, 0) for _, a in pairs), value)(x)


def _sources(mode: str, dim: int, n: int, before: int, after: int) -> np.ndarray:
    """Return which of the n elements each element of the padded dimension copies."""
    i = np.arange(-before, n + after)
    if n == 0 and i.size:
        raise ShapeError(
            f"pad: dimension {dim} has size 0, from which mode {mode!r} can copy nothing; use mode 'constant'"
        )
    most = max(before, after)
    if mode == "replicate":
        return i.clip(0, max(n - 1, 0))
    if mode == "circular":
        if most > n:
            raise ShapeError(
                f"pad: ({before}, {after}) goes round dimension {dim} of size {n} more than once; give at most {n}"
            )
        first, left = (
            max(-before, 0),
            n + min(before, 0) + min(after, 0),
        )  # what is taken away is gone before it goes round
        return first + (i - first) % max(left, 1)
    if most >= n:
        raise ShapeError(
            f"pad: ({before}, {after}) reflects more than dimension {dim} of size {n} holds; give at most {n - 1}"
        )
    return (n - 1) - np.abs((n - 1) - np.abs(i))
