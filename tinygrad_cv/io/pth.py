"""Reading PyTorch's weight files without PyTorch and without trusting them.

A ``.pth`` file is a ZIP archive: ``data.pkl`` holds a pickle that names storages, ``data/0``, ``data/1`` ...
their bytes. A pickle is a program and could do anything; this reader knows the few names that a state dict
needs and refuses all others, and every view is checked against the size of its storage before it is made,
because NumPy's ``as_strided`` would read whatever memory a forged header points at.

Layout: `torch.serialization` of PyTorch 1.6 and later. Files of older versions are not ZIP archives.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygrad_cv.io.files import PathLike
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array

DTYPES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bfloat16",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "?",
}  # fmt: skip
LARGEST = 16 << 30


class _Storage(NamedTuple):
    key: str
    dtype: str
    size: int


class _View(NamedTuple):
    """A tensor still to be read: which storage, and what of it."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def is_pth(path: PathLike) -> bool:
    """Tell whether a file looks like PyTorch's: a ZIP archive, or a bare pickle of an old version."""
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError:
        return False
    return start in (b"PK\x03\x04", b"PK\x05\x06") or start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05"


def load_pth(path: PathLike) -> dict[str, Tensor]:
    """Return the state dict in a PyTorch file; nested dicts become dotted names.

    A checkpoint that holds the weights beside other things under ``state_dict`` or ``model`` gives the weights.

    Raises
    ------
    DataError
        The file is missing, damaged, or names anything that a state dict has no use for. Nothing in it is run.
    """
    name = Path(path)
    if not name.is_file():
        raise DataError(f"load_pth: there is no file {name}; check the path")
    try:
        with zipfile.ZipFile(name) as archive:
            return _read(archive)
    except DataError as error:
        raise DataError(f"load_pth: {name} {error}") from None
    except zipfile.BadZipFile:
        raise DataError(
            f"load_pth: {name} is no ZIP archive, as PyTorch writes since version 1.6; "
            "load it with PyTorch and save it again"
        ) from None
    except Exception as error:
        # a damaged pickle can fail in any way: a missing memo entry, an unhashable key, a short read
        raise DataError(
            f"load_pth: {name} is damaged ({type(error).__name__}: {error}); fetch it again from its source"
        ) from None


def _read(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    members = {info.filename: info for info in archive.infolist()}
    programs = [n for n in members if n == "data.pkl" or n.endswith("/data.pkl")]
    if len(programs) != 1:
        raise DataError(f"holds {len(programs)} members named data.pkl where one belongs; is it a PyTorch file?")
    root = programs[0].removesuffix("data.pkl")
    if members.get(root + "byteorder") and archive.read(root + "byteorder") != b"little":
        raise DataError("was written on a big-endian machine; load it with PyTorch and save it again")
    value = _Unpickler(BytesIO(_bytes(archive, members, programs[0]))).load()
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
            break
    views: dict[str, _View] = {}
    _collect(value, "", views)
    if not views:
        raise DataError("holds no tensors; give a file that torch.save(model.state_dict(), path) wrote")
    blocks = {v.storage: _bytes(archive, members, f"{root}data/{v.storage.key}") for v in views.values()}
    return {name: Tensor(_array(name, view, blocks[view.storage])) for name, view in views.items()}


def _bytes(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    if name not in members:
        raise DataError(f"lacks its member {name}; it breaks off or was put together by hand")
    if members[name].file_size > LARGEST or members[name].compress_type != zipfile.ZIP_STORED:
        raise DataError(f"has a member {name} that is compressed or larger than 16 GiB, which PyTorch never writes")
    return archive.read(name)


def _collect(value: Any, prefix: str, views: dict[str, _View]) -> None:
    if isinstance(value, _View):
        views[prefix] = value
    elif isinstance(value, dict):
        for key, inner in value.items():
            _collect(inner, f"{prefix}.{key}" if prefix else str(key), views)


def _array(name: str, view: _View, block: bytes) -> Array:
    storage, offset, shape, strides = view
    width = 2 if storage.dtype == "bfloat16" else np.dtype(storage.dtype).itemsize
    count = len(block) // width
    whole = all(type(n) is int and n >= 0 for n in (offset, *shape, *strides))
    if not whole or len(shape) != len(strides) or len(shape) > 32:
        raise DataError(f"describes {name} by shape {shape}, strides {strides}, offset {offset}, which is no tensor")
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if 0 not in shape and last >= count:
        raise DataError(
            f"lets {name} reach element {last} of a storage of {count}; it is damaged or forged"
        )
    flat = _bfloat16(block) if storage.dtype == "bfloat16" else np.frombuffer(block, storage.dtype, count)
    if 0 in shape:
        return np.zeros(shape, flat.dtype)
    steps = tuple(s * flat.itemsize for s in strides)
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, steps, writeable=False).copy()


def _bfloat16(block: bytes) -> Array:
    """bfloat16 is the upper half of float32."""
    return (np.frombuffer(block, "<u2").astype("<u4") << 16).view("<f4")


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> _View:
    if not isinstance(storage, _Storage):
        raise DataError("rebuilds a tensor from something that is no storage; it is damaged or forged")
    return _View(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(data: Any, *rest: Any) -> Any:
    return data


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    **{("torch", name): name for name in DTYPES},
}


class _Unpickler(pickle._Unpickler):
    # Python's slow interpreter: the C one allocates as much memory as a forged file's largest memo index asks for
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise DataError(f"names {module}.{name}, which a state dict has no use for; it may be an attack")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage, key, _, size = pid
        if kind != "storage" or storage not in DTYPES or not isinstance(key, str) or not isinstance(size, int):
            raise DataError(f"refers to {pid!r}, which is no storage")
        return _Storage(key, DTYPES[storage], size)
