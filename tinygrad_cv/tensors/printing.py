"""How a tensor prints: like PyTorch's, through NumPy's formatter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .tensor import Tensor

_SILENT = {"float32", "int64", "bool"}


def text(t: Tensor) -> str:
    """Return ``tensor([[1., 2.]], dtype=float64, requires_grad=True)``."""
    body = np.array2string(
        t._data, precision=4, separator=", ", prefix="tensor(", threshold=1000, edgeitems=3, floatmode="maxprec_equal"
    )
    notes = []
    if 0 in t.shape and t.ndim > 1:
        notes.append(f"size={t.shape}")
    if t.dtype.name not in _SILENT:
        notes.append(f"dtype={t.dtype.name}")
    if t._node is not None:
        notes.append(f"grad_fn=<{t._node.name()}>")
    elif t.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([body, *notes])})"
