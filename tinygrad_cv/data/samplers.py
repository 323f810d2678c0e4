"""In which order the items of an epoch are visited: the samplers of ``torch.utils.data``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from tinygrad_cv.data.seeds import numpy_generator, owned
from tinygrad_cv.data.values import to_array
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array


class Sampler:
    """An iterable of item numbers with a length.

    The samplers here also give the whole epoch at once as an array (``order``), which a ``DataLoader``
    slices; one of your own needs only ``__iter__`` and, if ``len(loader)`` shall work, ``__len__``.
    """

    generator: Any = None

    def order(self) -> Array:
        """The item numbers of one epoch, (n,) int64."""
        raise NotImplementedError(f"{type(self).__name__} has no order; define order or __iter__")

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())

    def __len__(self) -> int:
        raise NotImplementedError(
            f"{type(self).__name__} has no __len__; define it to return the items per epoch"
        )


def _sized(name: str, data_source: Any) -> Sized:
    if not hasattr(data_source, "__len__"):
        raise ArgumentError(f"{name}: {type(data_source).__name__} has no length; give a data set that has one")
    return data_source


class SequentialSampler(Sampler):
    """The items in their order: 0, 1, 2, ... up to the length of ``data_source``."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = _sized("SequentialSampler", data_source)

    def order(self) -> Array:
        return np.arange(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """A new permutation each epoch; or, with replacement, independent draws.

    ``data_source`` is what has a length.

    Parameters
    ----------
    num_samples
        Items per epoch; by default as many as the data source has. More than that without replacement means
        several permutations one after another.
    generator
        Where the permutation is drawn from; by default from the loader's epoch, or from the package's
        generator.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        self.data_source = _sized("RandomSampler", data_source)
        self.replacement, self.generator = replacement, owned(generator)
        self.num_samples = len(data_source) if num_samples is None else num_samples
        if self.num_samples < 0 or (self.num_samples > 0 and len(data_source) == 0):
            raise ArgumentError(
                f"RandomSampler: cannot draw {self.num_samples} of {len(data_source)} items; give a data "
                "set with items"
            )

    def order(self) -> Array:
        rng, n = numpy_generator(self.generator), len(self.data_source)
        if self.replacement:
            return rng.integers(n, size=self.num_samples)
        if self.num_samples <= n:
            return rng.permutation(n)[: self.num_samples]
        rounds = [rng.permutation(n) for _ in range(-(-self.num_samples // n))]
        return np.concatenate(rounds)[: self.num_samples]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """A permutation of the given item numbers.

    ``indices`` are those numbers.
    """

    def __init__(self, indices: Sequence[int] | Array, generator: Any = None) -> None:
        self.indices, self.generator = np.asarray(to_array(indices), dtype=np.int64), owned(generator)
        if self.indices.ndim != 1:
            raise ArgumentError(f"SubsetRandomSampler: indices are {indices!r}; give a list of item numbers")

    def order(self) -> Array:
        return numpy_generator(self.generator).permutation(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Draws with probability proportional to a weight per item: the remedy for classes of unequal size.

    ``weights`` (n,) need not add up to 1; ``num_samples`` are drawn an epoch, with ``replacement`` or each item once.
    """

    def __init__(
        self,
        weights: Sequence[float] | Array,
        num_samples: int,
        replacement: bool = True,
        generator: Any = None,
    ) -> None:
        self.weights = np.asarray(to_array(weights), dtype=np.float64)
        self.num_samples, self.replacement, self.generator = int(num_samples), replacement, owned(generator)
        usable = self.weights.ndim == 1 and self.weights.size > 0 and bool(np.all(np.isfinite(self.weights)))
        if not usable or self.weights.min() < 0 or self.weights.sum() == 0:
            raise ArgumentError(
                f"WeightedRandomSampler: weights of shape {self.weights.shape} are not all finite, >= 0 and "
                "with "
                "a positive sum; give one such weight per item"
            )
        drawable = int(np.count_nonzero(self.weights))
        if num_samples <= 0 or (not replacement and num_samples > drawable):
            raise ArgumentError(
                f"WeightedRandomSampler: cannot draw {num_samples} items without replacement from "
                f"{drawable} of "
                "positive weight; give a num_samples between 1 and that, or replacement=True"
            )

    def order(self) -> Array:
        p = self.weights / self.weights.sum()
        return numpy_generator(self.generator).choice(len(p), self.num_samples, replace=self.replacement, p=p)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler:
    """Lists of ``batch_size`` item numbers from a sampler; the last may be shorter unless ``drop_last``."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool = False) -> None:
        if batch_size < 1:
            raise ArgumentError(f"BatchSampler: got batch_size={batch_size}; give 1 or more")
        self.sampler, self.batch_size, self.drop_last = sampler, int(batch_size), drop_last

    def __iter__(self) -> Iterator[Array]:
        if isinstance(self.sampler, Sampler) and type(self.sampler).__iter__ is Sampler.__iter__:
            order = self.sampler.order()
            for start in range(0, len(order), self.batch_size):
                if start + self.batch_size <= len(order) or not self.drop_last:
                    yield order[start : start + self.batch_size]
            return
        batch: list[int] = []
        for index in self.sampler:
            batch.append(int(index))
            if len(batch) == self.batch_size:
                yield np.array(batch)
                batch = []
        if batch and not self.drop_last:
            yield np.array(batch)

    def __len__(self) -> int:
        items = len(self.sampler)  # type: ignore[arg-type]
        return items // self.batch_size if self.drop_last else -(-items // self.batch_size)
