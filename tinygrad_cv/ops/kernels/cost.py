"""Which algorithm for which geometry, from a small model of what each one costs.

The unit is one vector instruction of the micro-kernel, LANES multiply-adds. The weights of the model were fitted to
measurements of the layers in ``benchmarks/conv_layers.py``; they need only be right where two algorithms are close.

    direct      pixels * taps * C * OC                          at the efficiency of the micro-kernel
    winograd    points of all tiles * (C * OC + transforms of C inputs and OC outputs) + transforms of filters
    scatter     pixels of g * kernel rows * kernel columns times C * (OC + adding to a line); the input gradient alone

float64, strides, dilation, groups and kernels other than 3x3 and 5x5 never go by Winograd.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from .winograd_cut import SIZES, Variant, cut

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


PACKING = 240
"""Vector instructions in the time of packing a vector of 3x3 filters and transforming it, at least, whatever its
points: one image of 8 x 8 x 256 takes 317 microseconds in tiles of four points, 272 in tiles of six."""

LAUNCH = 1e5
"""What Winograd's launches take beyond the one of a direct sum: 7 microseconds for what is transformed beforehand, on
one core where tiles are few, and as many for meeting. One image of 16 x 16 x 32, 3x3: 49 microseconds, 40 direct."""

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


def winograd_variant(geometry: Geometry) -> Variant | None:
    """Return the cheapest F(m x m, r x r), or None where Winograd does not apply.

    Large tiles make fewer products, but more filters' points, which one image alone does not pay back.

    Examples
    --------
    >>> winograd_variant(Geometry(8, 256, 256, (14, 14), (3, 3)))
    Variant(m=6, r=3)
    >>> winograd_variant(Geometry(1, 256, 256, (14, 14), (3, 3)))
    Variant(m=4, r=3)
    """
    if geometry.stride != (1, 1) or geometry.dilation != (1, 1) or geometry.groups != 1:
        return None
    r = geometry.kernel[0]
    if geometry.dtype != "float32" or geometry.kernel[1] != r or r not in SIZES:
        return None
    C, vectors = geometry.C, -(-geometry.OC // 16)

    def cost(variant: Variant) -> float:
        return _winograd_cost(geometry, variant) + max(0, PACKING - 10 * variant.points**2) * C * vectors

    return min((Variant(m, r) for m in SIZES[r]), key=cost)


def winograd_products(geometry: Geometry, variant: Variant) -> int:
    """Return the products for each channel and filter: as many as all tiles together have points."""
    down, across = (cut(size, variant).points for size in geometry.out)
    return geometry.N * down * across


def _winograd_cost(geometry: Geometry, variant: Variant, lanes: int = 16) -> float:
    """Return the vector instructions of the products, and of transforms in the time they take.

    The tiles of 64 points write, for each, a patch first and lines that lie further apart (see `winograd_tiles`).
    """
    C, vectors = geometry.C, -(-geometry.OC // lanes)
    inputs, outputs = (21, 20) if variant.points == 8 else (14, 10)
    filters = 10 * variant.points**2 * C * vectors
    products = winograd_products(geometry, variant)
    return products * (1.1 * C * vectors + inputs * -(-C // lanes) + outputs * vectors) + filters


def side_by_side(C: int, OC: int, groups: int, lanes: int = 16) -> int:
    """Return the channels of a group where `grouped` lays several groups side by side in a vector, else 0."""
    G = C // groups
    return G if C == OC >= lanes > G and G in (2, 4, 8) else 0


def estimates(geometry: Geometry, lanes: int = 16) -> dict[str, float]:
    """Return the estimated cost of each algorithm that applies, in vector instructions."""
    N, C, OC, out, kernel, *_ = geometry
    if geometry.groups == C == OC > 1:  # lanes are channels; measured in the cache
        return {"direct": 2.0 * N * out[0] * out[1] * kernel[0] * kernel[1] * -(-C // lanes)}
    if G := side_by_side(C, OC, geometry.groups, lanes):  # lanes are channels of several groups
        return {"direct": 1.4 * N * out[0] * out[1] * kernel[0] * kernel[1] * G * -(-C // lanes)}
    C, OC = C // geometry.groups, OC // geometry.groups
    vectors = -(-OC // lanes)
    pixels = N * out[0] * out[1]
    costs = {"direct": 1.15 * geometry.groups * pixels * kernel[0] * kernel[1] * C * vectors}
    variant = winograd_variant(geometry)
    if variant:
        costs["winograd"] = _winograd_cost(geometry, variant, lanes) + LAUNCH
    return costs


BUFFER = 1 << 22
"""Bytes of an image's gradient beyond which `scatter` would leave the caches (2 x 64 x 224 x 224 by 3x3/2: 4 % slower
than the gather; 2 x 64 x 112 x 112: 4 % faster)."""


def scatter_pays(geometry: Geometry, g_hw: Pair, wish: str, lanes: int = 16) -> bool:
    """Tell whether an input gradient goes faster as `scatter` than as the gather or Winograd that ``wish`` allows.

    The geometry is that of the gradient, a map from the OC channels of g to the C of x.
    """
    N, OC, C, (H, W), (KH, KW), stride, dilation, groups, dtype = geometry
    if wish not in ("auto", "direct") or dtype != "float32" or groups > 1 or dilation != (1, 1) or KH * KW == 1:
        return False
    if 4 * H * W * C > BUFFER:
        return False
    costs = estimates(geometry, lanes)
    strides = stride[0] * stride[1]
    gathered = costs["direct"] if strides == 1 else 1.3 * costs["direct"] / strides  # phases have short sums
    best = gathered if wish == "direct" else min(gathered, costs.get("winograd", gathered))
    return best > N * g_hw[0] * g_hw[1] * KH * -(-KW * C // lanes) * (1.15 * OC + 6)


RATE = 3.5e9
"""Vector instructions of a core in a second, on the machine of the measurements (3.5 GHz, one multiply-add a cycle)."""

BANDWIDTH = 3e10
"""Bytes that all cores together read and write in a second."""

COPY = 1.8e9
"""Bytes of windows that NumPy lays out for `conv_im2col` in a second, on one core whatever the threads."""


def seconds(geometry: Geometry, bytes_: int, threads: int) -> dict[str, float]:
    """Return the estimated seconds of each algorithm: its instructions, shared by the threads, and then its bytes.

    Arithmetic and memory hardly overlap in what was measured: streaming 25 MB through a 1x1 layer added to its 7 ms
    what reading them alone takes. im2col copies each window before its matrix product (measured, float32, two threads:
    16x64x32x32, 128 of 3x3: 34 ms, estimated 33; 8x128x28x28 in 32 groups: 21 ms, estimated 16).
    """
    at_once = min(threads, max(1, geometry.N * geometry.out[0]))
    costs = estimates(geometry) if geometry.dtype == "float32" else {}
    times = {name: value / RATE / at_once + bytes_ / BANDWIDTH for name, value in costs.items()}
    N, C, OC, out, kernel, *_, groups, _ = geometry
    windows = np.dtype(geometry.dtype).itemsize * N * out[0] * out[1] * kernel[0] * kernel[1] * C
    product = windows / 4 * OC / groups / 16 / RATE / at_once
    return {**times, "im2col": windows / COPY + product + bytes_ / BANDWIDTH}


def expected_error(geometry: Geometry, algorithm: str) -> float:
    """Return the expected difference from exact arithmetic, relative to the largest value of the result.

    A direct sum of K terms in blocks of 256 makes about sqrt(256 + K/256) roundings of half a unit in the last place.
    Winograd's errors are those measured on normal numbers: they grow with the powers of its points (see
    `winograd_algebra`).
    """
    unit = float(np.finfo(geometry.dtype).eps) / 2
    K = geometry.C // geometry.groups * geometry.kernel[0] * geometry.kernel[1]
    if algorithm == "winograd":
        variant = winograd_variant(geometry)
        return {4: 1e-6, 6: 6e-6}.get(variant.points if variant else 0, 1e-5)
    return float(unit * max(1.0, np.sqrt(min(K, 256) + K / 256) / 2))


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


FEW, MANY = 128, 9 << 12
"""Pixels that a tap meets at most and weights at least for `stream`. Microseconds on two cores, filters packed before
and streamed: 512 of 3x3 on 512 channels for 4 x 4 pixels 1020 and 340, 256 of 3x3/2 on 128 for 8 x 8 305 and 208; 128
on 128 for 16 x 16 414 and 480, 256 of 1x1 on 128 for 8 x 8 42 and 44."""

FAR = 1 << 20
"""Weights beyond which Winograd's transformed filters leave the caches before they are used."""


def streams(geometry: Geometry) -> bool:
    """Tell whether a direct convolution goes by `stream`: few pixels and many weights."""
    _, C, OC, _, kernel, _, _, groups, dtype = geometry
    many = C * OC * kernel[0] * kernel[1] >= MANY
    return groups == 1 and dtype == "float32" and many and 0 < _met(geometry) <= FEW


def _met(geometry: Geometry) -> float:
    """Return how many pixels a tap meets on the average, in images that are padded to the size of the result."""
    met = float(geometry.N)
    for size, kernel, stride, dilation in zip(*geometry[3:7], strict=True):
        first = -(kernel // 2) * dilation
        seen = [0 <= i * stride + first + t * dilation < size * stride for t in range(kernel) for i in range(size)]
        met *= sum(seen) / kernel
    return met


def forward_algorithm(geometry: Geometry, wish: str = "auto") -> str:
    """Return `choose_algorithm` for the map from x to y, in which few pixels meet many weights by `stream`.

    That takes the time of its multiply-adds, or that of reading the weights. Winograd's filters are transformed for a
    handful of tiles, and read and written 36 numbers for 9. Microseconds by both, weights from memory:

        pixels, channels          8x8, 64  8x8, 128  8x8, 256  7x7, 512  2 of 4x4, 256  64 of 2x2, 512
        `stream`                       37       101       346      1055            153            3390
        Winograd, three launches       42        93       289      1642            267            3930

    Examples
    --------
    >>> forward_algorithm(Geometry(1, 512, 512, (4, 4), (3, 3)))
    'direct'
    >>> forward_algorithm(Geometry(64, 512, 512, (4, 4), (3, 3)))
    'winograd'
    """
    wish = get_algorithm() if wish == "auto" else wish
    chosen = choose_algorithm(geometry, wish)
    if wish != "auto" or chosen != "winograd" or not streams(geometry):
        return chosen
    _, C, OC, _, kernel, *_ = geometry
    vectors = C * -(-OC // 16)
    m, r = winograd_variant(geometry) or (0, 0)
    taps, points = kernel[0] * kernel[1], (m + r - 1) ** 2
    streamed = taps * vectors * max(10, 1.25 * _met(geometry))
    transformed = estimates(geometry)["winograd"] + 10 * points * vectors * (16 * taps * vectors > FAR)
    return "direct" if streamed < transformed else "winograd"
