"""What travels between the page and Python: a short JSON header, then plain numbers.

Four bytes say how long the header is (padded with blanks so that numbers begin at a multiple of four), all
little-endian. Under ``arrays`` the header lists the shape and kind (``f4`` or ``u1``) of each array that follows.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_cv.typing import Array


def pack(header: Mapping[str, Any], arrays: Iterable[Array] = ()) -> bytes:
    """Return a header and arrays as bytes; floating point becomes float32, every array starts at a multiple of four."""
    blocks: list[bytes] = []
    listed = []
    for array in arrays:
        kind = "u1" if array.dtype == np.uint8 else "f4"
        data = np.ascontiguousarray(array, np.dtype(f"<{kind}")).tobytes()
        blocks.append(data + b"\0" * (-len(data) % 4))
        listed.append({"shape": array.shape, "kind": kind})
    text = json.dumps({**header, "arrays": listed}, ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *blocks])


def unpack(data: bytes) -> tuple[dict[str, Any], list[Array]]:
    """Return the header and the arrays of `pack`."""
    (length,) = struct.unpack("<I", data[:4])
    header: dict[str, Any] = json.loads(data[4 : 4 + length])
    at, arrays = 4 + length, []
    for one in header.pop("arrays"):
        dtype = np.dtype(f"<{one['kind']}")
        count = int(np.prod(one["shape"], dtype=np.int64))
        arrays.append(np.frombuffer(data, dtype, count, at).reshape(one["shape"]))
        at += count * dtype.itemsize
        at += -at % 4
    return header, arrays


def quantised(values: Array) -> tuple[Array, float, float]:
    """Values as bytes 0..255 with the values that 0 and 255 stand for; what is not finite counts as the lowest."""
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, values[finite].min() if finite.any() else 0)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    span = high - low or 1.0
    return np.rint((values - low) * (255 / span)).astype(np.uint8), low, high
