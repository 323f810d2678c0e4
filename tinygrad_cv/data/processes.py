"""Loading with processes: spawned, never forked, their batches returned through shared memory.

Forking is not an option, because a child forked after the first parallel kernel is killed by the OpenMP
runtime. A spawned worker imports the data code and the data set's own module, and nothing that compiles.

A worker writes each array of a batch into a shared block of its own and sends only the block's name; the
parent copies it out and removes the block. The copy costs about 0.1 ms per megabyte, little against decoding,
and it leaves nobody to ask how long a block must live.
"""

from __future__ import annotations

import multiprocessing
import pickle
import queue
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

import numpy as np

from tinygrad_cv.data.collate import tensors
from tinygrad_cv.data.work import Job, Recipe, load, plain
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array


class Block(NamedTuple):
    """An array in shared memory: the block's name, and how to see the array in it (``axes``: its strides)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple[int, ...]


def pack(value: Any) -> Any:
    """A nest with every array moved to a shared block."""
    if isinstance(value, np.ndarray) and value.nbytes and value.dtype != object:
        axes = tuple(int(a) for a in np.argsort([-s for s in value.strides], kind="stable"))
        dense = np.ascontiguousarray(value.transpose(axes))
        memory = SharedMemory(create=True, size=dense.nbytes)
        np.ndarray(dense.shape, dense.dtype, buffer=memory.buf)[...] = dense
        memory.close()
        return Block(memory.name, dense.shape, dense.dtype.str, axes)
    return _mapped(pack, value)


def unpack(value: Any) -> Any:
    """The nest with every block copied out and removed."""
    if isinstance(value, Block):
        memory = SharedMemory(name=value.name)
        try:
            array: Array = np.ndarray(value.shape, value.dtype, buffer=memory.buf).copy()
        finally:
            memory.close()
            memory.unlink()
        return array.transpose(np.argsort(value.axes))
    return _mapped(unpack, value)


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: function(v) for key, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(function, value))
    if isinstance(value, list | tuple):
        return [function(v) for v in value]
    return value


class WorkerPool:
    """Spawned workers that share one queue of jobs."""

    def __init__(
        self, recipe: Recipe, workers: int, worker_init_fn: Callable[[int], None] | None = None
    ) -> None:
        try:
            content = pickle.dumps((recipe, worker_init_fn))
        except Exception as error:
            raise DataError(
                f"DataLoader: {type(recipe.dataset).__name__} (with its transforms and collate_fn) cannot "
                "be sent to a "
                f"process: {error}; define functions at the top of a module, or use worker_type='thread'"
            ) from error
        context = multiprocessing.get_context("spawn")
        self._jobs: Any = context.Queue()
        self._done: Any = context.Queue()
        self._stop: Any = context.Event()
        self._workers = [
            context.Process(target=_serve, args=(content, k, self._jobs, self._done, self._stop), daemon=True)
            for k in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def run(self, recipe: Recipe, jobs: Iterator[Job], window: int, timeout: float = 0) -> Iterator[Any]:
        """The batches of ``jobs`` in order, with at most ``window`` of them begun and not handed out."""
        ready: dict[int, Any] = {}
        sent: list[int] = []
        try:
            for job in jobs:
                self._jobs.put((recipe.seed, recipe.epoch, job))
                sent.append(job.number)
                if len(sent) >= window:
                    yield tensors(unpack(self._wait(sent.pop(0), ready, timeout)))
            while sent:
                yield tensors(unpack(self._wait(sent.pop(0), ready, timeout)))
        finally:
            for batch in ready.values():  # came before its turn, and nobody will ask for it
                unpack(batch)

    def _wait(self, number: int, ready: dict[int, Any], timeout: float) -> Any:
        end = time.monotonic() + timeout
        while number not in ready:
            try:
                got, batch, failure = self._done.get(timeout=0.2)
            except queue.Empty:
                for k, worker in enumerate(self._workers):
                    if worker.exitcode is not None:
                        raise DataError(
                            f"DataLoader: worker process {k} ended with exit code {worker.exitcode} before "
                            "batch "
                            f"{number} came; a negative code is a signal (-9: often out of memory), so use "
                            "fewer "
                            "workers or smaller batches; a script needs `if __name__ == '__main__':` around "
                            "its start"
                        ) from None
                if timeout and time.monotonic() > end:
                    raise DataError(
                        f"DataLoader: batch {number} did not come within {timeout} s; raise timeout, or use "
                        "more workers"
                    ) from None
                continue
            if failure is not None:
                message, details = failure
                error = DataError(message)
                error.add_note("In the worker process:\n" + details)
                raise error
            ready[got] = batch
        return ready.pop(number)

    def close(self) -> None:
        """End the workers and remove the blocks that nobody fetched.

        A worker ends by itself after the item it is loading, because one that is killed between making a
        block and sending its name would leave the block behind; after five seconds it is killed all the same.
        """
        self._stop.set()
        for _ in self._workers:
            self._jobs.put(None)
        end = time.monotonic() + 5
        while any(worker.exitcode is None for worker in self._workers) and time.monotonic() < end:
            self._drain(0.02)
        for worker in self._workers:
            worker.terminate()
            worker.join()
        self._drain(0)
        for channel in (self._jobs, self._done):
            channel.cancel_join_thread()
            channel.close()

    def _drain(self, timeout: float) -> None:
        while True:
            try:
                unpack(self._done.get(timeout=timeout)[1])
            except (queue.Empty, EOFError, OSError):
                return


def _serve(content: bytes, number: int, jobs: Any, done: Any, stop: Any) -> None:
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent ends its workers
    recipe, worker_init_fn = pickle.loads(content)
    if worker_init_fn is not None:
        worker_init_fn(number)
    while (task := _next(jobs)) is not None and not stop.is_set():
        seed, epoch, job = task
        here = replace(recipe, seed=seed, epoch=epoch)
        try:
            batch = plain(load(here, job))
            if stop.is_set():
                return
            done.put((job.number, pack(batch), None))
        except Exception as error:
            message = (
                str(error) if isinstance(error, DataError) else f"DataLoader: batch {job.number}: {error}"
            )
            done.put((job.number, None, (message, traceback.format_exc())))


def _next(jobs: Any) -> Any:
    """The next job, or None when there are no more, be it because the parent has been killed."""
    parent = multiprocessing.parent_process()
    while True:
        try:
            return jobs.get(timeout=0.5)
        except queue.Empty:
            if parent is None or not parent.is_alive():
                return None
