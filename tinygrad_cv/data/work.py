"""One job of a loader: gather or fetch the items of a batch, collate them, transform the batch.

The same function runs in the calling thread, in a worker thread and in a worker process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv.data.collate import collate_arrays
from tinygrad_cv.data.seeds import Place, scope
from tinygrad_cv.data.values import is_tensor, to_array
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array


@dataclass(frozen=True)
class Recipe:
    """What is the same for every batch of an epoch."""

    dataset: Any
    collate: Callable[[list[Any]], Any] | None
    batch_transform: Callable[..., Any] | None
    seed: int
    epoch: int
    single: bool


@dataclass(frozen=True)
class Job:
    """One batch: its number, the place of its first item in the epoch, the item numbers."""

    number: int
    place: int
    indices: Array


def load(recipe: Recipe, job: Job) -> Any:
    """The batch of a job, as a nest of arrays (or whatever ``collate_fn`` makes).

    Raises
    ------
    DataError
        An item failed; the message names its index, the cause is chained.
    """
    if recipe.collate is None and not recipe.single and getattr(recipe.dataset, "can_take", False):
        batch = _gathered(recipe, job)
    else:
        items = [_item(recipe, job, k) for k in range(len(job.indices))]
        batch = collated(recipe, items)
    return transformed(recipe, job.number, batch, job.indices)


def _gathered(recipe: Recipe, job: Job) -> list[Array]:
    try:
        with scope(recipe.seed, 1, job.place, place=Place(recipe.epoch, job.indices)):
            return list(recipe.dataset.take(job.indices))
    except Exception as error:
        raise _failure(recipe, f"items {_some(job.indices)}", error) from error


def _item(recipe: Recipe, job: Job, k: int) -> Any:
    index = int(job.indices[k])
    try:
        with scope(recipe.seed, 1, job.place + k, place=Place(recipe.epoch, job.indices[k : k + 1])):
            return recipe.dataset[index]
    except Exception as error:
        raise _failure(recipe, f"item {index}", error) from error


def collated(recipe: Recipe, items: list[Any]) -> Any:
    """The items as one batch (or the one item as it is, when the loader hands out single items)."""
    if recipe.collate is not None:
        return recipe.collate(items[0] if recipe.single else items)
    if not recipe.single:
        return collate_arrays(items)
    return _unwrapped(items[0])


def _unwrapped(value: Any) -> Any:
    if isinstance(value, tuple):
        return (
            type(value)(*map(_unwrapped, value))
            if hasattr(value, "_fields")
            else [_unwrapped(v) for v in value]
        )
    return to_array(value) if is_tensor(value) else value


def transformed(recipe: Recipe, number: int, batch: Any, indices: Array | None = None) -> Any:
    """The batch after ``batch_transform``, drawn from the stream (seed, 2, number)."""
    if recipe.batch_transform is None:
        return batch
    place = None if indices is None else Place(recipe.epoch, indices)
    with scope(recipe.seed, 2, number, place=place):
        if getattr(recipe.batch_transform, "mixes_labels", False):
            return list(recipe.batch_transform(*batch))
        if isinstance(batch, list | tuple):
            return [recipe.batch_transform(batch[0]), *batch[1:]]
        return recipe.batch_transform(batch)


def _failure(recipe: Recipe, what: str, error: Exception) -> DataError:
    return DataError(
        f"DataLoader: {what} of {type(recipe.dataset).__name__} failed with {type(error).__name__}: {error}"
    )


def _some(indices: Array) -> str:
    listed = ", ".join(map(str, indices[:4].tolist()))
    return f"{listed}, ... ({len(indices)} of them)" if len(indices) > 4 else listed


def plain(value: Any) -> Any:
    """A nest with Tensors replaced by their arrays, for a journey between processes."""
    if is_tensor(value):
        return np.asarray(to_array(value))
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(plain, value))
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value
