"""Checkpoints: nests of dicts, lists, numbers, strings, arrays and tensors in one file, without pickle.

The arrays are a safetensors file's tensors, named by their place; the nest around them is JSON in its
metadata. One file, because two could be of different ages after a crash.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.io.files import PathLike
from tinygrad_cv.io.weights import read_file, save_file
from tinygrad_cv.ops.errors import DataError, DTypeError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array

VERSION = "1"


def save_checkpoint(state: Any, path: PathLike) -> Path:
    """Write a nest, whole or not at all, and return the path.

    Tensors become arrays, tuples and keys that are numbers survive, floats keep every bit.

    ``state`` is the nest, usually a dict.

    Raises
    ------
    DTypeError
        Something in the nest is neither number, string, array, dict nor list.
    """
    arrays: dict[str, Array] = {}
    skeleton = _encode(state, "state", arrays)
    return save_file(arrays, path, {"checkpoint": VERSION, "nest": json.dumps(skeleton)})


def load_checkpoint(path: PathLike) -> Any:
    """Return the nest that `save_checkpoint` wrote.

    Raises
    ------
    DataError
        The file is missing, damaged, or no checkpoint.
    """
    arrays, metadata = read_file(path, "load_checkpoint")
    if metadata.get("checkpoint") != VERSION or "nest" not in metadata:
        raise DataError(
            f"load_checkpoint: {path} holds weights but no checkpoint of version {VERSION}; "
            "read weights with tinygrad_cv.io.load"
        )
    try:
        return _decode(json.loads(metadata["nest"]), arrays)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"load_checkpoint: the nest in {path} is damaged ({type(error).__name__}: {error}); "
            "go back to an earlier checkpoint"
        ) from None


def _encode(value: Any, place: str, arrays: dict[str, Array]) -> Any:
    if isinstance(value, Tensor):
        value = value._data
    if isinstance(value, np.ndarray | np.generic):
        while place in arrays:  # the key "a.b" and the key "b" in the dict "a"
            place += "'"
        arrays[place] = np.asarray(value)
        return {"array": place}
    if isinstance(value, Mapping):
        items = list(value.items())
        encoded = [_encode(v, f"{place}.{k}" if isinstance(k, str) else f"{place}.{k!r}", arrays) for k, v in items]
        if all(isinstance(k, str) for k, _ in items):
            return {"dict": {k: e for (k, _), e in zip(items, encoded, strict=True)}}
        return {"items": [[k, e] for (k, _), e in zip(items, encoded, strict=True)]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(v, f"{place}.{i}", arrays) for i, v in enumerate(value)]}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    raise DTypeError(
        f"save_checkpoint: {place} is of type {type(value).__name__}; give numbers, strings, arrays, dicts or lists"
    )


def _decode(value: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(value, dict):
        ((kind, inner),) = value.items()
        if kind == "array":
            return arrays[inner]
        if kind == "dict":
            return {k: _decode(v, arrays) for k, v in inner.items()}
        if kind == "items":
            return {k: _decode(v, arrays) for k, v in inner}
        if kind == "list":
            return [_decode(v, arrays) for v in inner]
        if kind == "tuple":
            return tuple(_decode(v, arrays) for v in inner)
        if kind == "float":
            return float(inner)
        raise ValueError(f"a part of the kind {kind!r}")
    return value
