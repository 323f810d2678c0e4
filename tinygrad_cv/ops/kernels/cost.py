"""Which algorithm for which geometry, from a small model of what each one costs.

The unit is one vector instruction of the micro-kernel, LANES multiply-adds. The weights of the model were fitted to
measurements of the layers in ``benchmarks/conv_layers.py``; they need only be right where two algorithms are close.

    direct      pixels * taps * C * OC                          at the efficiency of the micro-kernel
    winograd    tiles * (points * C * OC + transforms of C inputs and OC outputs) + filters for each block

float64, strides, dilation, groups and kernels other than 3x3 and 5x5 never go by Winograd.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

ALGORITHMS = ("auto", "direct", "winograd", "im2col")

Pair = tuple[int, int]


class Geometry(NamedTuple):
    """What decides: sizes of a convolution from C to OC channels."""

    N: int
    C: int
    OC: int
    out: Pair
    kernel: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    groups: int = 1
    dtype: str = "float32"


_algorithm: str | None = None


def set_algorithm(name: str) -> None:
    """Choose the algorithm of every convolution that does not name one: "auto", "direct", "winograd" or "im2col".

    One that does not fit a geometry gives way to "direct". The environment variable TGCV_ALGORITHM sets the start.
    """
    global _algorithm
    if name not in ALGORITHMS:
        raise ValueError(f"set_algorithm: {name!r} is unknown; give one of {', '.join(ALGORITHMS)}")
    _algorithm = name


def get_algorithm() -> str:
    """Return what `set_algorithm` chose."""
    if _algorithm is None:
        set_algorithm(os.environ.get("TGCV_ALGORITHM") or "auto")
    return _algorithm or "auto"


def winograd_variant(geometry: Geometry) -> Pair | None:
    """Return (m, r) of the cheapest F(m x m, r x r), or None where Winograd does not apply."""
    if geometry.stride != (1, 1) or geometry.dilation != (1, 1) or geometry.groups != 1:
        return None
    if geometry.dtype != "float32":
        return None
    if geometry.kernel == (5, 5):
        return (2, 5)
    if geometry.kernel == (3, 3):
        return min(((4, 3), (2, 3)), key=lambda v: _tiles(geometry, v[0]) * (v[0] + v[1] - 1) ** 2)
    return None


def _tiles(geometry: Geometry, m: int) -> int:
    return geometry.N * -(-geometry.out[0] // m) * -(-geometry.out[1] // m)


def estimates(geometry: Geometry, lanes: int = 16) -> dict[str, float]:
    """Return the estimated cost of each algorithm that applies, in vector instructions."""
    N, C, OC, out, kernel, *_ = geometry
    C, OC = C // geometry.groups, OC // geometry.groups
    vectors = -(-OC // lanes)
    pixels = N * out[0] * out[1]
    costs = {"direct": 1.15 * geometry.groups * pixels * kernel[0] * kernel[1] * C * vectors}
    variant = winograd_variant(geometry)
    if variant:
        m, r = variant
        points, tiles = (m + r - 1) ** 2, _tiles(geometry, m)
        inputs = 14 * points * -(-C // lanes)
        outputs = 10 * points * vectors
        filters = 3 * points * C * vectors * max(1, tiles // 48)
        costs["winograd"] = tiles * (1.2 * points * C * vectors + inputs + outputs) + filters
    return costs


def choose_algorithm(geometry: Geometry, wish: str = "auto") -> str:
    """Return "direct", "winograd" or "im2col" for a geometry: the wish where it applies, else the cheapest.

    Examples
    --------
    >>> choose_algorithm(Geometry(64, 64, 64, (32, 32), (3, 3)))
    'winograd'
    >>> choose_algorithm(Geometry(64, 64, 64, (32, 32), (3, 3), dtype="float64"))
    'im2col'
    >>> choose_algorithm(Geometry(64, 1, 6, (24, 24), (5, 5)))
    'direct'
    """
    if wish not in ALGORITHMS:
        raise ValueError(f"conv2d: algorithm {wish!r} is unknown; give one of {', '.join(ALGORITHMS)}")
    wish = get_algorithm() if wish == "auto" else wish
    if geometry.dtype != np.dtype(np.float32).name or wish == "im2col":
        return "im2col"
    costs = estimates(geometry)
    return min(costs, key=costs.__getitem__) if wish == "auto" else wish if wish in costs else "direct"
