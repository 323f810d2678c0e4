"""The algebra of Winograd convolution, on vectors: six small matrices, written as sums.

F(m, r) gives m outputs of a filter with r taps from m + r - 1 multiplications instead of m*r:

    y = A^T [ (G w) * (B^T d) ],    d: m + r - 1 inputs, w: r taps, *: element by element.

It is Lagrange interpolation. The outputs are coefficients of a product of polynomials; a product can be taken value by
value at m + r - 1 points; B^T and G evaluate, A^T interpolates (up to which of the three carries the denominators).
With the points 0, 1, -1 and infinity this is F(2, 3); with 0, 1, -1, 2, -2 and infinity it is F(4, 3) and F(2, 5),
which share B^T, for B^T depends on the points alone. In two dimensions, apply each matrix from both sides:

    Y = A^T [ (G w G^T) * (B^T d B) ] A

F(4x4, 3x3) multiplies 36 times for 16 outputs, where 144 were needed. Sums over channels move inside, so all tiles
of an image together need one matrix product for each of the 36 points.

The gradients use the same matrices: gx is a convolution of g with the filters turned round, and as the map is linear
in G w G^T, gw = G^T [ sum over tiles of (B^T d B) * (A g A^T) ] G, its exact adjoint.

Larger tiles lose digits: powers of the points grow. F(4x4, 3x3) has a relative error of about 1e-5 in float32.

Source: Winograd 1980, "Arithmetic complexity of computations"; Lavin and Gray 2016, "Fast algorithms for
convolutional neural networks", section 4.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .jit import inline
from .simd import splat


class Variant(NamedTuple):
    """F(m x m, r x r)."""

    m: int
    r: int

    @property
    def points(self) -> int:
        return self.m + self.r - 1


F43, F23, F25 = Variant(4, 3), Variant(2, 3), Variant(2, 5)

f32 = np.float32


@inline
def evaluate6(d0: Any, d1: Any, d2: Any, d3: Any, d4: Any, d5: Any) -> Any:
    """B^T d for the six points of F(4, 3) and F(2, 5): six additions and six multiply-adds, which run side by side."""
    two, four = splat(f32(2)), splat(f32(4))
    a, b = d4 - four * d2, d3 - four * d1
    c, e = d4 - d2, d3 - d1
    return four * (d0 - d2) + c, a + b, a - b, c + two * e, c - two * e, d5 - d3 - four * e


@inline
def evaluate4(d0: Any, d1: Any, d2: Any, d3: Any) -> Any:
    """B^T d for the four points of F(2, 3)."""
    return d0 - d2, d1 + d2, d2 - d1, d1 - d3


@inline
def filter43(w0: Any, w1: Any, w2: Any) -> Any:
    """G w of F(4, 3)."""
    a = splat(f32(-1 / 6)) * (w0 + w2)
    b = splat(f32(-1 / 6)) * w1
    c = splat(f32(1 / 24)) * w0 + splat(f32(1 / 6)) * w2
    d = splat(f32(1 / 12)) * w1
    return splat(f32(1 / 4)) * w0, a + b, a - b, c + d, c - d, w2


@inline
def filter23(w0: Any, w1: Any, w2: Any) -> Any:
    """G w of F(2, 3)."""
    half = splat(f32(1 / 2))
    a, b = half * (w0 + w2), half * w1
    return w0, a + b, a - b, w2


@inline
def filter25(w0: Any, w1: Any, w2: Any, w3: Any, w4: Any) -> Any:
    """G w of F(2, 5)."""
    a, b = splat(f32(-1 / 6)) * (w0 + w2 + w4), splat(f32(-1 / 6)) * (w1 + w3)
    c = splat(f32(1 / 24)) * w0 + splat(f32(1 / 6)) * w2 + splat(f32(2 / 3)) * w4
    d = splat(f32(1 / 12)) * w1 + splat(f32(1 / 3)) * w3
    return splat(f32(1 / 4)) * w0, a + b, a - b, c + d, c - d, w4


@inline
def filter43_adjoint(u0: Any, u1: Any, u2: Any, u3: Any, u4: Any, u5: Any) -> Any:
    """G^T u of F(4, 3)."""
    a, b = splat(f32(-1 / 6)) * (u1 + u2), splat(f32(-1 / 6)) * (u1 - u2)
    c, d = u3 + u4, u3 - u4
    return (
        splat(f32(1 / 4)) * u0 + a + splat(f32(1 / 24)) * c,
        b + splat(f32(1 / 12)) * d,
        a + splat(f32(1 / 6)) * c + u5,
    )


@inline
def filter23_adjoint(u0: Any, u1: Any, u2: Any, u3: Any) -> Any:
    """G^T u of F(2, 3)."""
    half = splat(f32(1 / 2))
    a = half * (u1 + u2)
    return u0 + a, half * (u1 - u2), a + u3


@inline
def filter25_adjoint(u0: Any, u1: Any, u2: Any, u3: Any, u4: Any, u5: Any) -> Any:
    """G^T u of F(2, 5)."""
    a, b = splat(f32(-1 / 6)) * (u1 + u2), splat(f32(-1 / 6)) * (u1 - u2)
    c, d = u3 + u4, u3 - u4
    return (
        splat(f32(1 / 4)) * u0 + a + splat(f32(1 / 24)) * c,
        b + splat(f32(1 / 12)) * d,
        a + splat(f32(1 / 6)) * c,
        b + splat(f32(1 / 3)) * d,
        a + splat(f32(2 / 3)) * c + u5,
    )


@inline
def interpolate43(m0: Any, m1: Any, m2: Any, m3: Any, m4: Any, m5: Any) -> Any:
    """A^T m of F(4, 3)."""
    two, four, eight = splat(f32(2)), splat(f32(4)), splat(f32(8))
    a, b, c, d = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return m0 + a + c, b + two * d, a + four * c, b + eight * d + m5


@inline
def interpolate23(m0: Any, m1: Any, m2: Any, m3: Any) -> Any:
    """A^T m of F(2, 3)."""
    return m0 + m1 + m2, m1 - m2 - m3


@inline
def interpolate25(m0: Any, m1: Any, m2: Any, m3: Any, m4: Any, m5: Any) -> Any:
    """A^T m of F(2, 5)."""
    return m0 + m1 + m2 + m3 + m4, m1 - m2 + splat(f32(2)) * (m3 - m4) + m5


@inline
def spread43(y0: Any, y1: Any, y2: Any, y3: Any) -> Any:
    """A y of F(4, 3)."""
    two, four, eight = splat(f32(2)), splat(f32(4)), splat(f32(8))
    a, b, c, d = y0 + y2, y1 + y3, y0 + four * y2, two * y1 + eight * y3
    return y0, a + b, a - b, c + d, c - d, y3


@inline
def spread23(y0: Any, y1: Any) -> Any:
    """A y of F(2, 3)."""
    return y0, y0 + y1, y0 - y1, splat(f32(0)) - y1


@inline
def spread25(y0: Any, y1: Any) -> Any:
    """A y of F(2, 5)."""
    b = splat(f32(2)) * y1
    return y0, y0 + y1, y0 - y1, y0 + b, y0 - b, y1
