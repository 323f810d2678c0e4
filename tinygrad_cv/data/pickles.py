"""Reading CIFAR's pickles without trusting them.

A pickle is a program, and Python's own loader runs whatever it names. This one knows exactly three names,
those that a NumPy array in a pickle needs, and even for these it runs nothing of NumPy's: each name stands
for a plain recorder of ours, and the array is built at the end from its bytes, after its shape and dtype have
been checked.

The interpreter is Python's slow one (``pickle._Unpickler``, 0.1 s for a CIFAR batch), because the C one
allocates whatever memory index a forged file names.
"""

from __future__ import annotations

import math
import os
import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array

_CODES = {"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "b1"}


class _DType:
    """What ``numpy.dtype(code, align, copy)`` with its state stands for."""

    def __init__(self, code: Any, align: Any = False, copy: Any = False) -> None:
        self.code = code.decode("ascii") if isinstance(code, bytes) else code
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        self.order = order.decode("ascii") if isinstance(order, bytes) else order

    def real(self) -> np.dtype[Any]:
        if self.code not in _CODES or self.order not in ("<", ">", "=", "|"):
            raise DataError(f"an array of the dtype {self.code!r}; give plain numbers")
        return np.dtype(("=" if self.order == "|" else self.order) + self.code)


class _NDArray:
    """What ``_reconstruct(numpy.ndarray, (0,), b'b')`` with its state stands for."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def real(self) -> Array:
        if not (isinstance(self.state, tuple) and len(self.state) == 5):
            raise DataError("an array without content")
        _, shape, dtype, fortran, content = self.state
        if isinstance(content, str):  # Python 2 text, when read with the encoding latin1
            content = content.encode("latin1")
        sound = (
            isinstance(shape, tuple)
            and all(isinstance(n, int) and n >= 0 for n in shape)
            and len(shape) <= 32
        )
        if not (sound and isinstance(dtype, _DType) and isinstance(content, bytes)):
            raise DataError("an array whose shape, dtype or bytes are none")
        real = dtype.real()
        if math.prod(shape) * real.itemsize != len(content):
            raise DataError(f"an array {shape} of {real} with {len(content):,} bytes")
        return np.frombuffer(content, real).reshape(shape, order="F" if fortran else "C")


_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _NDArray,
    ("numpy._core.multiarray", "_reconstruct"): _NDArray,
    ("numpy", "ndarray"): "numpy.ndarray",
    ("numpy", "dtype"): _DType,
}


class _Unpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise DataError(f"the name {module}.{name}, which a data set has no use for; it may be an attack")
        return _KNOWN[module, name]


def read_pickle(path: str | os.PathLike[str]) -> Any:
    """The dicts, lists, strings, numbers and arrays in a pickle; byte strings of Python 2 stay bytes.

    Raises
    ------
    DataError
        The file names anything else than NumPy's array and dtype, or is damaged. Nothing in it has been run.
    """
    content = Path(path).read_bytes()
    try:
        return _real(_Unpickler(BytesIO(content), encoding="bytes").load(), 0)
    except DataError as error:
        raise DataError(f"read_pickle: {path} holds {error}; fetch the file again from its source") from None
    except Exception as error:
        # a damaged program can fail in any way: a missing memo entry, an unhashable key, a short read
        raise DataError(
            f"read_pickle: {path} is damaged or no pickle ({type(error).__name__}: {error}); fetch the file "
            "again"
        ) from None


def _real(value: Any, depth: int) -> Any:
    if depth > 8:
        raise DataError("lists within lists, nine deep")
    if isinstance(value, _NDArray | _DType):
        return value.real()
    if isinstance(value, dict):
        return {key: _real(v, depth + 1) for key, v in value.items()}
    if isinstance(value, list | tuple):
        if all(isinstance(v, int | bytes | str) for v in value):
            return value
        return type(value)(_real(v, depth + 1) for v in value)
    return value
