"""The DataLoader: an epoch's batches in order, loaded ahead by threads or processes.

Three facts make it deterministic. The order of an epoch and everything random in it come from one number, the
epoch's seed, which is drawn when the epoch begins. Every item (or whole batch) draws from a stream keyed by
that seed and its place in the epoch, never from the worker that happens to load it. And batches are handed
out in order. So the batches depend on the seed alone, not on the number or the kind of workers, and an epoch
can be taken up again at any batch from a seed and a position.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Literal

import numpy as np

from tinygrad_cv.data.collate import tensors
from tinygrad_cv.data.dataset import IterableDataset
from tinygrad_cv.data.samplers import BatchSampler, RandomSampler, SequentialSampler
from tinygrad_cv.data.seeds import get_state, numpy_generator, owned, scope, set_state
from tinygrad_cv.data.work import Job, Recipe, load
from tinygrad_cv.ops.errors import ArgumentError


class DataLoader:
    """Iterate over a data set in batches.

    Parameters
    ----------
    dataset
        Anything with ``__len__`` and ``__getitem__``, or an ``IterableDataset``. One that can be gathered
        from arrays (``TensorDataset``, ``MNIST``, ``CIFAR10`` ... with transforms that have a batch form) is,
        unless ``collate_fn`` is given.
    batch_size
        Items per batch; None hands out single items.
    shuffle
        A new order each epoch.
    sampler, batch_sampler
        Your own order of items, or of batches.
    num_workers
        Workers that load ahead; 0 loads in the calling thread.
    collate_fn
        Makes a batch out of a list of items; by default ``default_collate``.
    pin_memory
        Ignored; there is no other memory here.
    drop_last
        Leave out a last batch that is not full.
    timeout
        Seconds to wait for a batch from the workers; 0 waits without end.
    worker_init_fn
        Called with the worker's number in each worker before it loads.
    generator
        Where the epoch's seed is drawn from; by default the package's generator (``manual_seed``).
    prefetch_factor
        Batches that each worker loads ahead, by default 2.
    persistent_workers
        Keep process workers from epoch to epoch.
    worker_type
        ``"thread"`` (cheap; decoding and NumPy's larger loops release the interpreter's lock, and so do the
        kernels that train meanwhile) or ``"process"`` (spawned, for Python-heavy items; the data set must be
        picklable, batches come back through shared memory).
    batch_transform
        Applied to each collated batch in the worker: an image transform changes the first field, ``MixUp``
        and ``CutMix`` images and labels.

    Notes
    -----
    A transform of your own that draws random numbers should draw them from
    ``tinygrad_cv.data.current_generator()``; then it shares the determinism described above.

    Examples
    --------
    >>> from tinygrad_cv.data import Digits
    >>> loader = DataLoader(Digits(), batch_size=64, shuffle=True)
    >>> len(loader)
    23
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        *,
        generator: Any = None,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        worker_type: Literal["thread", "process"] = "thread",
        batch_transform: Callable[..., Any] | None = None,
    ) -> None:
        self.dataset, self.generator, self.num_workers = dataset, owned(generator), num_workers
        self.timeout, self.worker_init_fn, self.worker_type = timeout, worker_init_fn, worker_type
        self.prefetch_factor = 2 if prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self._streaming = isinstance(dataset, IterableDataset)
        self._refuse_nonsense(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            self.batch_size, self.drop_last = None, False
            self.sampler = getattr(batch_sampler, "sampler", None)
        else:
            self.batch_size, self.drop_last = batch_size, drop_last
            if sampler is None and not self._streaming:
                sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
            self.sampler = sampler
            if batch_size is not None and sampler is not None:
                batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler, self.collate_fn, self.batch_transform = batch_sampler, collate_fn, batch_transform
        self._epoch, self._position = 0, 0
        self._seed: int | None = None
        self._resume: dict[str, Any] | None = None
        self._orders: list[Any] = []
        self._pool: Any = None
        self._close_pool: Any = None

    def _refuse_nonsense(
        self, batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any, drop_last: bool
    ) -> None:
        if self.num_workers < 0 or self.prefetch_factor < 1:
            raise ArgumentError(
                f"DataLoader: got num_workers={self.num_workers}, prefetch_factor={self.prefetch_factor}; "
                "give num_workers >= 0 and prefetch_factor >= 1"
            )
        if self.worker_type not in ("thread", "process"):
            raise ArgumentError(
                f"DataLoader: got worker_type={self.worker_type!r}; give 'thread' or 'process'"
            )
        if batch_size is not None and batch_size < 1:
            raise ArgumentError(
                f"DataLoader: got batch_size={batch_size}; give 1 or more, or None for single items"
            )
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ArgumentError(
                "DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last; give one or "
                "the other"
            )
        if sampler is not None and shuffle:
            raise ArgumentError("DataLoader: both a sampler and shuffle=True fix the order; give one of them")
        if self._streaming:
            if shuffle or sampler is not None or batch_sampler is not None:
                raise ArgumentError(
                    "DataLoader: an IterableDataset has its own order; give no sampler, no shuffle"
                )
            if self.worker_type == "process":
                raise ArgumentError(
                    "DataLoader: an IterableDataset is read by one thread; give worker_type='thread'"
                )
        elif not (
            hasattr(self.dataset, "__getitem__")
            and (hasattr(self.dataset, "__len__") or sampler is not None or batch_sampler is not None)
        ):
            raise ArgumentError(
                f"DataLoader: {type(self.dataset).__name__} has no __getitem__ and __len__; "
                "give a Dataset, a list, or an IterableDataset"
            )

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        if self._streaming and self.batch_size is not None:
            items = int(len(self.dataset))
            return items // self.batch_size if self.drop_last else -(-items // self.batch_size)
        return len(self.dataset if self.sampler is None else self.sampler)

    def __iter__(self) -> Iterator[Any]:
        resume, self._resume = self._resume, None
        if resume is None:
            self._orders = [get_state(g) for g in self._own_generators()]
            self._seed, self._position = int(numpy_generator(self.generator).integers(1 << 62)), 0
        else:
            for generator, state in zip(self._own_generators(), self._orders, strict=True):
                set_state(generator, state)
        return self._run(int(self._seed or 0), self._position)

    def _run(self, seed: int, start: int) -> Iterator[Any]:
        single = self.batch_size is None and self.batch_sampler is None
        recipe = Recipe(self.dataset, self.collate_fn, self.batch_transform, seed, self._epoch, single)
        with closing(self._batches(recipe, start)) as batches:
            for position, batch in enumerate(batches, start):
                self._position = position + 1
                yield batch
        self._epoch += 1
        self._position, self._seed = 0, None

    def _jobs(self, seed: int, start: int) -> Iterator[Job]:
        """What each batch consists of; the order is drawn from the streams (seed, 0, ...) alone."""
        groups: Iterator[Any]
        if self.batch_sampler is not None:
            groups = iter(self.batch_sampler)
        else:
            groups = ([index] for index in self.sampler or ())
        place, number = 0, 0
        while True:
            with scope(seed, 0, number):
                indices = next(groups, None)
            if indices is None:
                return
            if number >= start:
                yield Job(number, place, np.asarray(indices, dtype=np.int64).reshape(-1))
            place += len(indices)
            number += 1

    def _batches(self, recipe: Recipe, start: int) -> Generator[Any, None, None]:
        if self._streaming:
            from tinygrad_cv.data.streams import ahead, batches

            stream = islice(batches(recipe, self.dataset, self.batch_size, self.drop_last), start, None)
            yield from (
                ahead(stream, self.num_workers * self.prefetch_factor) if self.num_workers else stream
            )
            return
        jobs = self._jobs(recipe.seed, start)
        if self.num_workers == 0:
            for job in jobs:
                yield tensors(load(recipe, job))
        elif self.worker_type == "thread":
            from tinygrad_cv.data.threads import in_threads

            yield from in_threads(
                recipe, jobs, self.num_workers, self.prefetch_factor, self.timeout, self.worker_init_fn
            )
        else:
            yield from self._in_processes(recipe, jobs)

    def _in_processes(self, recipe: Recipe, jobs: Iterator[Job]) -> Iterator[Any]:
        from tinygrad_cv.data.processes import WorkerPool

        if self._pool is None:
            self._pool = WorkerPool(recipe, self.num_workers, self.worker_init_fn)
            self._close_pool = weakref.finalize(self, self._pool.close)
        done = False
        try:
            yield from self._pool.run(recipe, jobs, self.num_workers * self.prefetch_factor, self.timeout)
            done = True
        finally:
            if not (done and self.persistent_workers):
                self._close_pool()
                self._pool = None

    def _own_generators(self) -> list[Any]:
        """Generators that samplers brought along; their state when an epoch begins belongs to the epoch."""
        samplers = [self.sampler, self.batch_sampler]
        found = [getattr(s, "generator", None) for s in samplers]
        return [g for g in found if g is not None]

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: epoch, batches handed out, the epoch's seed, the generators' states.

        Plain numbers, strings, lists and dicts, so that it can be written as JSON.
        """
        return {
            "epoch": self._epoch,
            "position": self._position,
            "seed": self._seed,
            "orders": self._orders,
            "generator": None if self.generator is None else get_state(self.generator),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where ``state_dict`` was taken: the next ``iter`` goes on with the batch after it.

        Where no generator was given to the loader, the seeds of later epochs come from the package's
        generator, whose state is saved on its own.
        """
        missing = {"epoch", "position", "seed", "orders", "generator"} - set(state)
        if missing:
            raise ArgumentError(
                f"DataLoader: the state lacks {sorted(missing)}; give what state_dict returned"
            )
        if (state["generator"] is None) != (self.generator is None):
            raise ArgumentError(
                "DataLoader: the state was saved with a generator and this loader has none, or the "
                "other way round; build the loader as it was"
            )
        self._epoch, self._position = int(state["epoch"]), int(state["position"])
        self._seed, self._orders = state["seed"], list(state["orders"])
        if self.generator is not None:
            set_state(self.generator, state["generator"])
        self._resume = state if self._seed is not None else None

    @property
    def epoch(self) -> int:
        """Epochs that have been handed out completely."""
        return self._epoch

    def __repr__(self) -> str:
        name = type(self.dataset).__name__
        return f"DataLoader({name}, batch_size={self.batch_size}, num_workers={self.num_workers})"
