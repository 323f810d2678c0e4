"""State dicts as safetensors files: names, shapes, dtypes and bytes, and no program to run.

The format is Hugging Face's (https://github.com/huggingface/safetensors): eight bytes that hold the length of
a JSON header, the header, then the arrays. Other tools (Netron, PyTorch's safetensors) read the same file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.io.files import PathLike, write_bytes
from tinygrad_cv.ops.errors import ArgumentError, DataError, DTypeError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array

CODES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip


def plain_array(name: str, value: Any) -> Array:
    """The array of a tensor, row-major and little-endian.

    safetensors' own writer (0.8.0) takes the memory of an array as it lies and the shape as it is seen: a
    transposed, strided or reversed view would come back with its elements elsewhere (its issue 825).
    """
    array = np.ascontiguousarray(value._data if isinstance(value, Tensor) else value).reshape(np.shape(value))
    if array.dtype.name not in CODES:
        raise DTypeError(f"save_file: {name!r} has the dtype {array.dtype}; give numbers or booleans")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def to_bytes(tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return a whole safetensors file as bytes; equal tensors give equal bytes.

    The library's writer shuffles the metadata from call to call, so that equal weights would give different
    files; the format is simple enough to be written here. Wide dtypes come first, which aligns every array.
    """
    if "__metadata__" in tensors:
        raise ArgumentError("save_file: '__metadata__' is where the format keeps words; give the tensor another name")
    for name, word in (metadata or {}).items():
        if not isinstance(word, str):
            raise DTypeError(f"save_file: metadata[{name!r}] is {word!r} ({type(word).__name__}); give a string")
    arrays = {name: plain_array(name, value) for name, value in tensors.items()}
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0]))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, array in ordered:
        start, end = end, end + array.nbytes
        header[name] = {"dtype": CODES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *(array.tobytes() for _, array in ordered)])


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
