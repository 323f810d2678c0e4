"""Many items into one batch: numbers become arrays, images are stacked, tuples and dicts go by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_cv.data.values import is_pil, is_tensor, pil_to_array, to_array, to_tensor, unit_float
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array


def stack(arrays: Sequence[Array]) -> Array:
    """Stack arrays of one shape; images (C, H, W) that lie channels-last give such a batch."""
    first = arrays[0]
    for k, array in enumerate(arrays):
        if array.shape != first.shape:
            raise DataError(
                f"default_collate: item 0 of the batch has the shape {first.shape} and item {k} has "
                f"{array.shape}; "
                "make them equal, for example with transforms.Resize and CenterCrop, or pass collate_fn"
            )
    if first.ndim == 3 and first.strides[0] < first.strides[2]:
        # np.stack keeps the order of memory too, but copies pixel by pixel: three times slower at 3 x 224 x 224
        return np.stack([a.transpose(1, 2, 0) for a in arrays]).transpose(0, 3, 1, 2)
    return np.stack(arrays)


def collate_arrays(items: Sequence[Any]) -> Any:
    """A list of items as arrays: ``default_collate`` short of the last step, which makes Tensors."""
    first = items[0]
    if is_pil(first):
        return stack([unit_float(pil_to_array(image)) for image in items])
    if is_tensor(first) or isinstance(first, np.ndarray):
        return stack([to_array(item) for item in items])
    if isinstance(first, bool | np.bool_):
        return np.array(items, dtype=np.bool_)
    if isinstance(first, int | np.integer):
        return np.array(items, dtype=np.int64)
    if isinstance(first, float):
        # PyTorch gives float64 here; Python floats become the default dtype, as in tinygrad_cv.tensor
        return np.array(items, dtype=np.float32)
    if isinstance(first, np.floating):
        return np.array(items)
    if isinstance(first, str | bytes):
        return list(items)
    if isinstance(first, Mapping):
        return {key: collate_arrays([item[key] for item in items]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(collate_arrays(field) for field in zip(*items, strict=True)))
    if isinstance(first, Sequence):
        lengths = {len(item) for item in items}
        if len(lengths) != 1:
            raise DataError(
                f"default_collate: the items have {sorted(lengths)} fields; give each the same number"
            )
        return [collate_arrays(field) for field in zip(*items, strict=True)]
    raise DataError(
        f"default_collate: got items of type {type(first).__name__}; give images, arrays, Tensors, numbers, "
        "strings, "
        "or tuples and dicts of them, or pass collate_fn"
    )


def tensors(batch: Any) -> Any:
    """The same nest with every array as a Tensor."""
    if isinstance(batch, np.ndarray):
        return to_tensor(batch)
    if isinstance(batch, Mapping):
        return {key: tensors(value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(tensors(value) for value in batch))
    if isinstance(batch, list | tuple) and not all(isinstance(value, str | bytes) for value in batch):
        return [tensors(value) for value in batch]
    return batch


def default_collate(items: Sequence[Any]) -> Any:
    """Stack a list of items into one batch of Tensors, field by field.

    Integers become int64, floats float32, PIL images (N, C, H, W) float32 in [0, 1].
    """
    if not len(items):
        raise DataError("default_collate: got no items; give at least one")
    return tensors(collate_arrays(items))
