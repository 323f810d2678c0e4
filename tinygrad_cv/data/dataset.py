"""What a data set is, and the ways to cut and join them: the names of ``torch.utils.data``.

A data set with ``__len__`` and ``__getitem__`` is all that a ``DataLoader`` needs. One whose items lie in
arrays may also offer ``take``: a whole batch by one gather, some fifty times faster than item by item.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from tinygrad_cv.data.seeds import numpy_generator
from tinygrad_cv.data.values import is_tensor, like, to_array
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.typing import Array


class Dataset:
    """Items by number. Subclasses define ``__getitem__`` and ``__len__``."""

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no __getitem__; define it to return item `index`"
        )

    def __len__(self) -> int:
        raise NotImplementedError(
            f"{type(self).__name__} has no __len__; define it to return the number of items"
        )

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])

    @property
    def can_take(self) -> bool:
        """Whether ``take`` gives what collating single items would give."""
        return False

    def take(self, indices: Array) -> tuple[Array, ...]:
        """The fields of the items at ``indices``, stacked: what collating them one by one would give."""
        raise NotImplementedError(f"{type(self).__name__} loads item by item; ask can_take before take")


class IterableDataset(Dataset):
    """Items in the order in which they come (a stream). Subclasses define ``__iter__``."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__; define it to yield the items")


class TensorDataset(Dataset):
    """Rows of arrays or Tensors that share their first size.

    ``tensors`` are any number of them.

    Examples
    --------
    >>> rows = TensorDataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 1]))
    >>> rows[1]
    (array([2., 3.]), np.int64(1))
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ArgumentError("TensorDataset: got no tensor; give at least one")
        self.tensors = tuple(t if is_tensor(t) else np.asarray(t) for t in tensors)
        lengths = [len(t) if t.shape else None for t in self.tensors]
        if None in lengths or len(set(lengths)) != 1:
            shapes = ", ".join(str(tuple(t.shape)) for t in self.tensors)
            raise DataError(
                f"TensorDataset: the first sizes differ in {shapes}; give tensors with one row per item"
            )

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(like(to_array(t)[index], t) for t in self.tensors)

    def __len__(self) -> int:
        return len(to_array(self.tensors[0]))

    @property
    def can_take(self) -> bool:
        return True

    def take(self, indices: Array) -> tuple[Array, ...]:
        return tuple(rows(to_array(t), indices) for t in self.tensors)


class Subset(Dataset):
    """Some items of a data set, chosen by index.

    ``indices`` into ``dataset``, in the order in which they shall come.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | Array) -> None:
        self.dataset = dataset
        self.indices = np.asarray(to_array(indices), dtype=np.int64)
        if self.indices.ndim != 1:
            raise ArgumentError(f"Subset: indices have the shape {self.indices.shape}; give a flat list")

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Subset: item {index} of {len(self)}; give a number from 0 to {len(self) - 1}")
        return self.dataset[int(self.indices[index])]

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def can_take(self) -> bool:
        return bool(getattr(self.dataset, "can_take", False))

    def take(self, indices: Array) -> tuple[Array, ...]:
        taken: tuple[Array, ...] = self.dataset.take(self.indices[indices])
        return taken


class ConcatDataset(Dataset):
    """Several data sets one after another.

    ``datasets`` are those, in order.
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ArgumentError("ConcatDataset: got no data set; give at least one")
        self.cumulative_sizes = list(accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ConcatDataset: index {index} is outside its {len(self)} items")
        index %= len(self)
        which = bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


def rows(array: Array, indices: Array) -> Array:
    """``array[indices]``; images held channels-last come back channels-last.

    NumPy's gather of a transposed array keeps the order of the *result's* axes and would copy pixel by pixel;
    gathering through the memory order copies whole images.
    """
    if array.ndim == 4 and array.strides[1] < array.strides[3]:
        return np.take(array.transpose(0, 2, 3, 1), indices, axis=0).transpose(0, 3, 1, 2)
    return np.take(array, indices, axis=0)


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Any = None) -> list[Subset]:
    """Cut a data set into parts of the given lengths, or fractions that sum to one, at random.

    Fractions are floored and what is left over goes round from the first part on, as in PyTorch.

    ``dataset`` stays as it is; the parts are `Subset` objects.
    """
    total = len(dataset)
    sizes: list[int]
    if (
        math.isclose(sum(lengths), 1)
        and sum(lengths) <= 1 + 1e-9
        and not (total == 1 and list(lengths) == [1])
    ):
        if any(not 0 <= f <= 1 for f in lengths):
            raise ArgumentError(
                f"random_split: the fractions {list(lengths)} leave [0, 1]; give shares of the whole"
            )
        sizes = [math.floor(total * f) for f in lengths]
        for k in range(total - sum(sizes)):
            sizes[k % len(sizes)] += 1
    else:
        sizes = [int(n) for n in lengths]
    if sum(sizes) != total or any(n < 0 for n in sizes):
        raise ArgumentError(
            f"random_split: the lengths {list(lengths)} sum to {sum(lengths)}; make them sum to {total}, "
            "or give fractions that sum to 1"
        )
    order = numpy_generator(generator).permutation(total)
    ends = list(accumulate(sizes))
    return [Subset(dataset, order[end - n : end]) for n, end in zip(sizes, ends, strict=True)]
