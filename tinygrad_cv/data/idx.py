"""The IDX format of MNIST: a magic number, the sizes, the bytes; plain or inside gzip.

The magic is two zero bytes, a type code and the number of dimensions; then each size as a big-endian 32-bit
integer; then the values, big-endian, last dimension fastest.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from tinygrad_cv.data.files import replacing
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LIMIT = 1 << 32


def read_idx(path: str | os.PathLike[str]) -> Array:
    """Read one IDX file (``.gz`` or plain, told by content).

    Raises
    ------
    DataError
        The file is no IDX file, holds fewer or more bytes than its header states, or its gzip is damaged.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            return _parse(gzip.GzipFile(fileobj=file) if packed else file, path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"read_idx: {path} is damaged or cut short ({error}); fetch the file again"
        ) from error


def _parse(file: IO[bytes] | gzip.GzipFile, path: Path) -> Array:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or head[3] == 0:
        raise DataError(
            f"read_idx: {path} begins with {head.hex(' ') or 'nothing'} where an IDX file has 00 00, a type "
            "(08 for "
            "bytes) and the number of dimensions; give a file such as train-images-idx3-ubyte"
        )
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise DataError(f"read_idx: {path} ends within its header; fetch the file again")
    shape = struct.unpack(f">{head[3]}I", sizes)
    dtype = np.dtype(_TYPES[head[2]])
    expected = math.prod(shape) * dtype.itemsize
    if expected > _LIMIT:
        raise DataError(
            f"read_idx: {path} announces {shape}, {expected:,} bytes; at most {_LIMIT:,} are read"
        )
    body = file.read(expected + 1)
    if len(body) != expected:
        got = "more" if len(body) > expected else f"{len(body):,}"
        raise DataError(
            f"read_idx: {path} announces {shape}, {expected:,} bytes, but holds {got}; fetch the file again"
        )
    return np.frombuffer(body, dtype).astype(dtype.newbyteorder("="), copy=True).reshape(shape)


def write_idx(path: str | os.PathLike[str], array: Array) -> None:
    """Write an array as IDX, inside gzip when the name ends in ``.gz``; whole or not at all."""
    big = array.astype(array.dtype.newbyteorder(">"), copy=False)
    codes = {np.dtype(text): code for code, text in _TYPES.items()}
    if big.dtype not in codes or not 1 <= array.ndim <= 255:
        kinds = ", ".join(np.dtype(text).name for text in _TYPES.values())
        raise DataError(
            f"write_idx: got {array.dtype} with {array.ndim} dimensions; give 1 to 255 of {kinds}"
        )
    content = (
        struct.pack(f">BBBB{array.ndim}I", 0, 0, codes[big.dtype], array.ndim, *array.shape) + big.tobytes()
    )
    with replacing(path) as file:
        file.write(gzip.compress(content, mtime=0) if str(path).endswith(".gz") else content)
