"""Rows and columns in plain loops: what is meant.

Images with their channels last are rows of channels, (P, C) with P = N*H*W pixels. The gradient of an offset for each
channel is the sum of every column; turning (C, H*W) into (H*W, C) is turning rows into columns.
"""

from __future__ import annotations

import numpy as np

from ...typing import Array


def column_sums(x: Array) -> Array:
    """Return the sum of each column of x (P, C)."""
    sums = np.zeros(x.shape[1])
    for p, c in np.ndindex(*x.shape):
        sums[c] += x[p, c]
    return sums.astype(x.dtype)


def swap(x: Array) -> Array:
    """Return y (N, C, R) with y[n, c, r] = x[n, r, c]."""
    y = np.empty((x.shape[0], x.shape[2], x.shape[1]), x.dtype)
    for n, r, c in np.ndindex(*x.shape):
        y[n, c, r] = x[n, r, c]
    return y
