"""Batches from an IterableDataset, and loading ahead with one thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

from tinygrad_cv.data.collate import tensors
from tinygrad_cv.data.seeds import scope
from tinygrad_cv.data.work import Recipe, collated, transformed
from tinygrad_cv.ops.errors import DataError


def batches(recipe: Recipe, stream: Any, batch_size: int | None, drop_last: bool) -> Iterator[Any]:
    """Group the items of a stream; each item may draw from the stream of its place."""
    items: list[Any] = []
    source, number, place = iter(stream), 0, 0
    while True:
        try:
            with scope(recipe.seed, 1, place):
                items.append(next(source))
        except StopIteration:
            break
        except Exception as error:
            raise DataError(
                f"DataLoader: item {place} of {type(stream).__name__} failed with {type(error).__name__}: "
                f"{error}"
            ) from error
        place += 1
        if len(items) == (batch_size or 1):
            yield tensors(transformed(recipe, number, collated(recipe, items)))
            items, number = [], number + 1
    if items and not drop_last:
        yield tensors(transformed(recipe, number, collated(recipe, items)))


def ahead(source: Iterator[Any], depth: int) -> Iterator[Any]:
    """The same values, computed up to ``depth`` ahead by a thread of its own."""
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(kind: str, value: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put((kind, value), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for value in source:
                if not put("value", value):
                    return
        except Exception as error:
            put("error", error)
        else:
            put("end", None)

    thread = threading.Thread(target=produce, name="tinygrad_cv-data", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
    finally:
        stop.set()
