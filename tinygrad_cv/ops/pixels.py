"""Trading channels for pixels, and channels among themselves: reshapes and permutations."""

from __future__ import annotations

from ..typing import Value
from .errors import ArgumentError, ShapeError
from .shape import permute, reshape

__all__ = [
    "channel_shuffle", "pixel_shuffle", "pixel_unshuffle",
]  # fmt: skip


def pixel_shuffle(input: Value, upscale_factor: int) -> Value:
    """Rearrange (..., C*r*r, H, W) as (..., C, H*r, W*r): r*r channels become a block of pixels (Shi et al. 2016).

    r is the ``upscale_factor``; channels must divide by r*r. Derivative: `pixel_unshuffle` of g.
    """
    r = upscale_factor
    if input.ndim < 3:
        raise ShapeError(f"pixel_shuffle: x has shape {input.shape}, expected (..., C*r*r, H, W)")
    if r < 1:
        raise ArgumentError(f"pixel_shuffle: upscale_factor is {r}; give at least 1")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise ShapeError(
            f"pixel_shuffle: {c} channels {input.shape} do not divide into blocks of {r} x {r}; give a multiple "
            f"of {r * r}"
        )
    k = len(lead)
    blocks = reshape(input, (*lead, c // (r * r), r, r, h, w))
    mixed = permute(blocks, *range(k), k, k + 3, k + 1, k + 4, k + 2)
    return reshape(mixed, (*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Value, downscale_factor: int) -> Value:
    """Rearrange (..., C, H*r, W*r) as (..., C*r*r, H, W): the inverse of `pixel_shuffle`.

    r is the ``downscale_factor``; H and W must divide by it. Derivative: `pixel_shuffle` of g.
    """
    r = downscale_factor
    if input.ndim < 3:
        raise ShapeError(f"pixel_unshuffle: x has shape {input.shape}, expected (..., C, H*r, W*r)")
    if r < 1:
        raise ArgumentError(f"pixel_unshuffle: downscale_factor is {r}; give at least 1")
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise ShapeError(
            f"pixel_unshuffle: images of {h} x {w} do not divide into blocks of {r} x {r}; give multiples of {r}"
        )
    k = len(lead)
    blocks = reshape(input, (*lead, c, h // r, r, w // r, r))
    mixed = permute(blocks, *range(k), k, k + 2, k + 4, k + 1, k + 3)
    return reshape(mixed, (*lead, c * r * r, h // r, w // r))


def channel_shuffle(input: Value, groups: int) -> Value:
    """Interleave the channels (dimension 1) of ``groups`` groups (Zhang et al. 2018).

    Shape (N, C, ..) stays; C must divide by ``groups``. Derivative: g with its channels put back.
    """
    if input.ndim < 3:
        raise ShapeError(f"channel_shuffle: x has shape {input.shape}, expected (N, C, ...) with at least 3 dimensions")
    n, c, *rest = input.shape
    if groups < 1 or c % groups:
        raise ArgumentError(f"channel_shuffle: {c} channels do not divide into {groups} groups; give a divisor of {c}")
    k = len(rest)
    mixed = permute(reshape(input, (n, groups, c // groups, *rest)), 0, 2, 1, *range(3, 3 + k))
    return reshape(mixed, input.shape)
