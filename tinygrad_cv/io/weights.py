"""State dicts as safetensors files: names, shapes, dtypes and bytes, and no program to run.

The format is Hugging Face's (https://github.com/huggingface/safetensors): eight bytes that hold the length of
a JSON header, the header, then the arrays. Other tools (Netron, PyTorch's safetensors) read the same file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.io.files import PathLike, write_bytes
from tinygrad_cv.ops.errors import DataError, DTypeError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array

STORABLE = ("float16", "float32", "float64", "int8", "int16", "int32", "int64",
            "uint8", "uint16", "uint32", "uint64", "bool")  # fmt: skip


def plain_array(name: str, value: Any) -> Array:
    """The array of a tensor, row-major.

    safetensors 0.8.0 writes the memory of an array as it lies and the shape as it is seen: a transposed,
    strided or reversed view would come back with its elements elsewhere (its issue 825).
    """
    array = np.ascontiguousarray(value._data if isinstance(value, Tensor) else value).reshape(np.shape(value))
    if array.dtype.name not in STORABLE:
        raise DTypeError(f"save_file: {name!r} has the dtype {array.dtype}; give numbers or booleans")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def to_bytes(tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return a whole safetensors file as bytes."""
    from safetensors.numpy import save as serialize

    arrays = {name: plain_array(name, value) for name, value in tensors.items()}
    content: bytes = serialize(arrays, metadata=None if metadata is None else dict(metadata))
    return content


def save_file(
    tensors: Mapping[str, Any], filename: PathLike, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write named tensors (or arrays) as safetensors, whole or not at all, and return the path.

    Parameters
    ----------
    tensors : name to Tensor or array; any memory order.
    metadata : words about the file.

    Raises
    ------
    OSError
        The file cannot be written; what lay there before is untouched.
    """
    return write_bytes(filename, to_bytes(tensors, metadata))


def read_file(filename: PathLike, what: str = "load_file") -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays and the metadata of a safetensors file."""
    from safetensors import SafetensorError, safe_open

    path = Path(filename)
    if not path.is_file():
        raise DataError(f"{what}: there is no file {path}; check the path")
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})
    except SafetensorError as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{what}: {path} ({path.stat().st_size:,} bytes) breaks off or is no safetensors file ({reason}); "
            "copy it again or train again"
        ) from None
    except OSError as error:
        raise DataError(f"{what}: {path} cannot be read ({error.strerror or error}); check the path") from None


def load_file(filename: PathLike) -> dict[str, Tensor]:
    """Return the named tensors of a safetensors file.

    Raises
    ------
    DataError
        The file is missing, breaks off, or is something else.
    """
    return {name: Tensor(array) for name, array in read_file(filename)[0].items()}


def read_metadata(filename: PathLike) -> dict[str, str]:
    """Return the words that were stored beside the tensors."""
    return read_file(filename)[1]


def save(state_dict: Mapping[str, Any], path: PathLike) -> Path:
    """Write a state dict; what `load` reads. The file is safetensors whatever its suffix."""
    return save_file(state_dict, path)


def load(path: PathLike) -> dict[str, Tensor]:
    """Return the state dict in a file: safetensors, or a file of PyTorch's (``.pth``, ``.pt``).

    The kind is told by the content, not by the suffix.

    Examples
    --------
    >>> import tempfile, pathlib, tinygrad_cv.nn as nn
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "layer.safetensors"
    >>> path = save(nn.Linear(2, 3).state_dict(), file)
    >>> sorted(load(file))
    ['bias', 'weight']
    """
    from tinygrad_cv.io.pth import is_pth, load_pth

    if is_pth(path):
        return load_pth(path)
    return load_file(path)
