"""Data sets for the loader's tests, in a module of their own so that a spawned process can import them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_cv.data import Dataset, IterableDataset, current_generator


class Noisy(Dataset):
    """Item k is k plus noise drawn while it is loaded."""

    def __init__(self, n: int = 23) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        if index % 3 == 0:
            time.sleep(0.001)  # so that workers finish in another order than they start
        return np.float64(index) + current_generator().random(2), index


class Broken(Noisy):
    """Fails at item 11."""

    def __getitem__(self, index: int) -> Any:
        if index == 11:
            raise OSError("no such picture")
        return super().__getitem__(index)


class Dying(Noisy):
    """Takes its process along at item 11."""

    def __getitem__(self, index: int) -> Any:
        if index == 11:
            os._exit(9)
        return super().__getitem__(index)


class Curious(Dataset):
    """Tells whether numba was imported where the item is loaded, and in which process."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return {"numba": int("numba" in sys.modules), "process": os.getpid(), "name": str(index)}


class Stream(IterableDataset):
    """0, 1, 2, ... with noise."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Any]:
        for k in range(self.n):
            yield k + current_generator().random()


def double(batch: Any) -> Any:
    """A collate function that a process can be sent."""
    return np.array([2 * item[1] for item in batch])


class SlowFirst(Dataset):
    """Its first item comes last."""

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> np.ndarray:
        time.sleep(0.5 * (index == 0))
        return np.full(3, index)
