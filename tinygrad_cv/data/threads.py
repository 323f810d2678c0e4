"""Loading ahead with threads: a window of batches in flight, handed out in order.

Threads and not processes by default, because the work overlaps anyway: image decoding, large NumPy loops and
the compiled kernels that train meanwhile all release the interpreter's lock, and nothing has to be pickled or
copied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from itertools import count
from typing import Any

from tinygrad_cv.data.collate import tensors
from tinygrad_cv.data.work import Job, Recipe, load
from tinygrad_cv.ops.errors import DataError


def in_threads(
    recipe: Recipe,
    jobs: Iterator[Job],
    workers: int,
    prefetch: int,
    timeout: float = 0,
    worker_init_fn: Callable[[int], None] | None = None,
) -> Iterator[Any]:
    """The batches of ``jobs`` in order, with at most ``workers * prefetch`` of them in flight."""
    numbers = count()
    pool = ThreadPoolExecutor(
        workers,
        thread_name_prefix="tinygrad_cv-data",
        initializer=(lambda: worker_init_fn(next(numbers))) if worker_init_fn else None,
    )
    window: deque[tuple[Job, Future[Any]]] = deque()
    try:
        for job in jobs:
            window.append((job, pool.submit(load, recipe, job)))
            if len(window) >= workers * prefetch:
                yield _result(*window.popleft(), timeout)
        while window:
            yield _result(*window.popleft(), timeout)
    finally:
        # without waiting: a consumer that leaves early must not pay for batches that nobody wants
        pool.shutdown(wait=False, cancel_futures=True)


def _result(job: Job, future: Future[Any], timeout: float) -> Any:
    try:
        return tensors(future.result(timeout or None))
    except FutureTimeout:
        if future.done():
            raise
        raise DataError(
            f"DataLoader: batch {job.number} did not come within {timeout} s; raise timeout, or use more "
            "workers"
        ) from None
