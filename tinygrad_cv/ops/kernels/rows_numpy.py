"""Rows and columns by NumPy. See `rows_loops`."""

from __future__ import annotations

import numpy as np

from ...typing import Array


def column_sums(x: Array) -> Array:
    """Return the sum of each column of x (P, C)."""
    return x.sum(0, dtype=x.dtype)


def swap(x: Array) -> Array:
    """Return y (N, C, R) with y[n, c, r] = x[n, r, c]."""
    return np.ascontiguousarray(x.transpose(0, 2, 1))
