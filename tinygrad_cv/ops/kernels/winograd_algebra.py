"""The algebra of Winograd convolution, on vectors: three small matrices for each number of points, written as sums.

F(m, r) gives m outputs of a filter with r taps from m + r - 1 multiplications instead of m*r:

    y = A^T [ (G w) * (B^T d) ],    d: m + r - 1 inputs, w: r taps, *: element by element.

Where it comes from. The product of two polynomials is known by its values at as many points as it has coefficients,
and infinity may be one of them: the value there is the leading coefficient. With n points, the polynomial of the m
numbers y and that of the r taps w have a product of n = m + r - 1 coefficients d, and values multiply one by one:

    d = L [ (A y) * (G w) ]

    G w    w at each point p, w0 + w1 p + w2 p^2 ..; at infinity its last tap
    A y    y at each point, divided by f(p), the product of p - q over all other finite points q
    L      Lagrange's polynomials: for p, the coefficients of M(x) / (x - p); for infinity those of M(x), the product of
           x - q over all finite points q

The sum over d of this map is a form in three arguments, so it can be turned: fix G w, and what takes y to d by L and A
takes d to y by their transposes. That is the convolution above, with B^T = L^T.

Here B^T holds Lagrange's polynomials as they are, G only powers of the points, A all the denominators. So U = G w G^T
belongs to points and not to m: the first 4 or 6 of the 8 points need the first 4 or 6 rows of the same U. A map can
thus be covered by tiles of several sizes. The points, in this order, and what they serve:

    0  infinity  1  -1    F(2, 3)
    2  -2                 F(4, 3)
    1/2  -1/2             F(6, 3)  F(4, 5)

As p and -p come in pairs, even and odd powers are summed once for both. In two dimensions each matrix is applied from
both sides,

    Y = A^T [ (G w G^T) * (B^T d B) ] A

and F(6x6, 3x3) multiplies 64 times for 36 outputs, where 324 were needed; F(4x4, 5x5) 64 times instead of 400. Sums
over channels move inside, so all tiles together need one matrix product for each of the 64 points.

The gradients use the same matrices: gx is a convolution of g with the filters turned round, and as the map is linear
in G w G^T, gw = G^T [ sum over tiles of (B^T d B) * (A g A^T) ] G, its exact adjoint.

Larger tiles lose digits, for powers of the points grow; that is why 1/2 follows 2, and not 3. In float32, relative to
the largest output, 6 points lose about 5e-6 and 8 points 1e-5. A ninth would lose 1e-4. Factors that are powers of two
lose nothing, so how the rows of G and B^T are scaled does not matter.

Source: Winograd 1980, "Arithmetic complexity of computations"; Lavin and Gray 2016, "Fast algorithms for
convolutional neural networks", section 4; for points and their errors, Barabasz, Anderson, Soodhalter and Gregg 2020,
"Error analysis and improving the accuracy of Winograd convolution for deep neural networks".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import inline
from .simd import splat

f32 = np.float32


@inline
def evaluate8(d0: Any, d1: Any, d2: Any, d3: Any, d4: Any, d5: Any, d6: Any, d7: Any) -> Any:
    """B^T d for eight points: M(x) = x (x^2 - 1) (x^2 - 4) (x^2 - 1/4); the row of 0 is turned to make its f(0) 1."""
    two, half, four, five = splat(f32(2)), splat(f32(1 / 2)), splat(f32(4)), splat(f32(5))
    q, r, s, t = splat(f32(1 / 4)), splat(f32(5 / 4)), splat(f32(17 / 4)), splat(f32(21 / 4))
    a, b = d2 + d6 - s * d4, d1 + d5 - s * d3
    c, d = d6 - r * d4 + q * d2, d5 - r * d3 + q * d1
    e, f = d6 - five * d4 + four * d2, d5 - five * d3 + four * d1
    return (
        d0 - d6 + t * (d4 - d2), d7 - d1 + t * (d3 - d5), a + b, a - b, c + two * d, c - two * d, e + half * f,
        e - half * f,
    )  # fmt: skip


@inline
def evaluate6(d0: Any, d1: Any, d2: Any, d3: Any, d4: Any, d5: Any) -> Any:
    """B^T d for six points: M(x) = x (x^2 - 1) (x^2 - 4); the row of 0 is divided by its f(0) = 4."""
    two, four = splat(f32(2)), splat(f32(4))
    q, r = splat(f32(1 / 4)), splat(f32(5 / 4))
    a, b, c, e = d4 - four * d2, d3 - four * d1, d4 - d2, d3 - d1
    return d0 - r * d2 + q * d4, d5 - d3 - four * e, a + b, a - b, c + two * e, c - two * e


@inline
def evaluate4(d0: Any, d1: Any, d2: Any, d3: Any) -> Any:
    """B^T d for four points: M(x) = x (x^2 - 1); the row of 0 is turned."""
    return d0 - d2, d3 - d1, d2 + d1, d2 - d1


@inline
def filter3(w0: Any, w1: Any, w2: Any) -> Any:
    """G w of three taps for all points."""
    two, half, four, quarter = splat(f32(2)), splat(f32(1 / 2)), splat(f32(4)), splat(f32(1 / 4))
    a, b, c = w0 + w2, w0 + four * w2, w0 + quarter * w2
    return w0, w2, a + w1, a - w1, b + two * w1, b - two * w1, c + half * w1, c - half * w1


@inline
def filter5(w0: Any, w1: Any, w2: Any, w3: Any, w4: Any) -> Any:
    """G w of five taps for all points."""
    two, half, four, quarter = splat(f32(2)), splat(f32(1 / 2)), splat(f32(4)), splat(f32(1 / 4))
    a, b, c = w0 + w2 + w4, w0 + four * (w2 + four * w4), w0 + quarter * (w2 + quarter * w4)
    d, e, f = w1 + w3, w1 + four * w3, w1 + quarter * w3
    return w0, w4, a + d, a - d, b + two * e, b - two * e, c + half * f, c - half * f


@inline
def filter3_adjoint(u0: Any, u1: Any, u2: Any, u3: Any, u4: Any, u5: Any, u6: Any, u7: Any) -> Any:
    """G^T u of three taps."""
    two, half, four, quarter = splat(f32(2)), splat(f32(1 / 2)), splat(f32(4)), splat(f32(1 / 4))
    a, b, c = u2 + u3, u4 + u5, u6 + u7
    return u0 + a + b + c, u2 - u3 + two * (u4 - u5) + half * (u6 - u7), u1 + a + four * b + quarter * c


@inline
def filter5_adjoint(u0: Any, u1: Any, u2: Any, u3: Any, u4: Any, u5: Any, u6: Any, u7: Any) -> Any:
    """G^T u of five taps."""
    two, half, four, quarter = splat(f32(2)), splat(f32(1 / 2)), splat(f32(4)), splat(f32(1 / 4))
    a, b, c = u2 + u3, u4 + u5, u6 + u7
    d, e, f = u2 - u3, two * (u4 - u5), half * (u6 - u7)
    return (
        u0 + a + b + c,
        d + e + f,
        a + four * b + quarter * c,
        d + four * e + quarter * f,
        u1 + a + four * (four * b) + quarter * (quarter * c),
    )


@inline
def spread8(y0: Any, y1: Any, y2: Any, y3: Any, y4: Any, y5: Any, last: Any) -> Any:
    """A y for eight points, of up to six numbers and the last again: f(1) = -9/2, f(2) = 90, f(1/2) = 45/32."""
    k = splat(f32(-2 / 9))
    a, b = k * (y0 + y2 + y4), k * (y1 + y3 + y5)
    c = splat(f32(1 / 90)) * y0 + splat(f32(2 / 45)) * y2 + splat(f32(8 / 45)) * y4
    d = splat(f32(1 / 45)) * y1 + splat(f32(4 / 45)) * y3 + splat(f32(16 / 45)) * y5
    e = splat(f32(32 / 45)) * y0 + splat(f32(8 / 45)) * y2 + splat(f32(2 / 45)) * y4
    f = splat(f32(16 / 45)) * y1 + splat(f32(4 / 45)) * y3 + splat(f32(1 / 45)) * y5
    return y0, last, a + b, a - b, c + d, c - d, e + f, e - f


@inline
def spread6(y0: Any, y1: Any, y2: Any, y3: Any, last: Any) -> Any:
    """A y for six points, of up to four numbers: f(1) = -6, f(2) = 24."""
    k = splat(f32(-1 / 6))
    a, b = k * (y0 + y2), k * (y1 + y3)
    c = splat(f32(1 / 24)) * y0 + splat(f32(1 / 6)) * y2
    d = splat(f32(1 / 12)) * y1 + splat(f32(1 / 3)) * y3
    return y0, last, a + b, a - b, c + d, c - d


@inline
def spread4(y0: Any, y1: Any) -> Any:
    """A y for four points, of two numbers: f(1) = 2."""
    half = splat(f32(1 / 2))
    a, b = half * y0, half * y1
    return y0, y1, a + b, a - b


@inline
def interpolate8(m0: Any, m2: Any, m3: Any, m4: Any, m5: Any, m6: Any, m7: Any) -> Any:
    """A^T m for eight points but for infinity, to be added to the last number: six numbers, or the first of them."""
    k = splat(f32(-2 / 9))
    a, b, c, d, e, f = k * (m2 + m3), k * (m2 - m3), m4 + m5, m4 - m5, m6 + m7, m6 - m7
    return (
        m0 + a + splat(f32(1 / 90)) * c + splat(f32(32 / 45)) * e,
        b + splat(f32(1 / 45)) * d + splat(f32(16 / 45)) * f,
        a + splat(f32(2 / 45)) * c + splat(f32(8 / 45)) * e,
        b + splat(f32(4 / 45)) * d + splat(f32(4 / 45)) * f,
        a + splat(f32(8 / 45)) * c + splat(f32(2 / 45)) * e,
        b + splat(f32(16 / 45)) * d + splat(f32(1 / 45)) * f,
    )


@inline
def interpolate6(m0: Any, m2: Any, m3: Any, m4: Any, m5: Any) -> Any:
    """A^T m for six points but for infinity: of four numbers, or the first of them."""
    k = splat(f32(-1 / 6))
    a, b, c, d = k * (m2 + m3), k * (m2 - m3), m4 + m5, m4 - m5
    return (
        m0 + a + splat(f32(1 / 24)) * c,
        b + splat(f32(1 / 12)) * d,
        a + splat(f32(1 / 6)) * c,
        b + splat(f32(1 / 3)) * d,
    )


@inline
def interpolate4(m0: Any, m1: Any, m2: Any, m3: Any) -> Any:
    """A^T m for four points."""
    half = splat(f32(1 / 2))
    return m0 + half * (m2 + m3), m1 + half * (m2 - m3)
