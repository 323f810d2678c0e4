"""Compiling ahead, on all cores: first note which kernels some code would launch, then compile them in processes.

    with noted() as entries:        # kernels are not run: they note with what they were called, and leave their
        step()                      # results as they find them
    for entry in compiled(entries, processes):
        ...                         # as they get ready

The kernels of one step depend on each other's results, so that a step by itself compiles one after the other; their
types of arguments do not. Compiling shares nothing but the folder that keeps machine code, so processes take one kernel
after the other, all signatures of it at once, for they lie in one file.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import contextlib
import inspect
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from typing import Any, NamedTuple

from . import jit


class Entry(NamedTuple):
    """A kernel, by the module and the name that lead to it, and the types that it is to be compiled for."""

    module: str
    name: str
    kinds: tuple[Any, ...]


@contextlib.contextmanager
def noted() -> Iterator[list[Entry]]:
    """Note launches instead of making them, in this block.

    The list, filled at the block's end, has each kernel once, with all types that no machine code is kept for.
    """
    entries: list[Entry] = []
    seen: dict[int, tuple[Any, set[Any]]] = {}

    def note(compiled: Any, args: tuple[Any, ...]) -> None:
        starred = compiled.py_func.__code__.co_flags & inspect.CO_VARARGS  # ``entry(workers, *args)`` of `jit.spread`
        kinds = tuple(compiled.typeof_pyval(a) for a in ((args[0], args[1:]) if starred else args))
        seen.setdefault(id(compiled), (compiled, set()))[1].add(kinds)

    before = jit._launching, jit._noting
    jit._launching, jit._noting = threading.RLock(), note
    try:
        yield entries
    finally:
        jit._launching, jit._noting = before
        for compiled, kinds in seen.values():
            new = tuple(each for each in kinds if compiled._cache.load_overload(each, compiled.targetctx) is None)
            if new and (place := _place(compiled)):
                entries.append(Entry(*place, new))


def _place(compiled: Any) -> tuple[str, str] | None:
    """Find a module of this room, and the name in it, that hold the launcher of ``compiled``."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{__package__}."):
            for word, value in vars(module).items():
                if getattr(value, "compiled", None) is compiled:
                    return name, word
    return None


def compiled(entries: Sequence[Entry], processes: int) -> Iterator[Entry]:
    """Compile kernels in so many processes, and yield each when its machine code is kept.

    A kernel that does not compile is not yielded: the call that needs it will say why.

    Raises
    ------
    OSError, RuntimeError
        Processes cannot be started, or end unexpectedly.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_begin)
    try:
        waiting = {pool.submit(_compile, entry): entry for entry in entries}
        for done in as_completed(waiting):
            if (error := done.exception()) is None:
                yield waiting[done]
            elif isinstance(error, (OSError, RuntimeError)):
                raise error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    from numba.np.ufunc.parallel import _launch_threads

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started the processes ends them
    jit._announcement.said = True
    _launch_threads()


def _compile(entry: Entry) -> None:
    launcher: Callable[..., Any] = getattr(import_module(entry.module), entry.name)
    kernel: Any = launcher.compiled  # type: ignore[attr-defined]
    for kinds in entry.kinds:
        kernel.compile(kinds)
