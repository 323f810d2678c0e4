"""The one door to numba: how kernels are compiled, cached, launched and counted.

Two decorators. ``@spread`` (or ``@kernel``) makes an entry that Python calls; ``@inline`` makes a helper that kernels
call and that vanishes into them. Both compile at the first call, never at import, and keep the machine code on disk.
Modules that use them import numba; `readings` loads those modules only when a kernel is called for the first
time.

Flags. ``error_model='numpy'`` drops a test from every division. ``fastmath`` allows sums to be reordered and
products to be contracted, but not the assumption that NaN and infinity do not occur, under which a test for
NaN would vanish.

Environment: TGCV_NUM_THREADS (threads per kernel), TGCV_CACHE_DIR (where machine code is kept),
NUMBA_DISABLE_JIT=1 (kernels run as Python, slowly).
"""

# mypy: disable-error-code="misc, method-assign, no-untyped-call, no-any-return, attr-defined, name-defined"
from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from .jit_cache import cache_class

F = TypeVar("F", bound=Callable[..., Any])

FASTMATH = {"reassoc", "contract", "nsz", "arcp", "afn"}
BARE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def available() -> bool:
    """Tell whether numba is installed, without importing it."""
    return importlib.util.find_spec("numba") is not None


def kernel(function: F) -> F:
    """Make an entry: a kernel that Python calls, compiled and cached at its first call, on one thread."""
    return cast(F, _launcher(_compiled(function, "outlined", fastmath=FASTMATH, _nrt=False, no_cfunc_wrapper=True)))


def spread(function: Callable[..., None], unroll: bool = False) -> Callable[..., None]:
    """Make an entry whose first two parameters are ``worker`` and ``workers``.

    Called as ``f(workers, ...)`` it runs ``f(0, workers, ...)`` to ``f(workers - 1, workers, ...)`` at once, each on
    a thread of its own. It compiles in less than half the time of numba's own ``prange``, whose body is compiled three
    times over. ``unroll`` has LLVM unroll its loops.
    """
    numba = _numba()
    if numba.config.DISABLE_JIT:

        def one_by_one(workers: int, *args: Any) -> None:
            for worker in range(workers):
                function(worker, workers, *args)

        return one_by_one
    share = _compiled(function, "unrolled" if unroll else "kernel", cached=False, fastmath=FASTMATH, _nrt=False, **BARE)
    launch = _spreader()

    def entry(workers: int, *args: Any) -> None:
        launch(share, workers, args)

    entry.__name__, entry.__qualname__, entry.__doc__ = function.__name__, function.__name__, function.__doc__
    launcher = numba.njit(nogil=True, no_cfunc_wrapper=True, _nrt=False, **_leaving_out("launcher"))(entry)
    return _launcher(_cached(launcher, function))


def inline(function: F) -> F:
    """Make a helper that other kernels call; LLVM copies it into each of them.

    It makes no arrays, and does not count who holds those that it is given: threads that count the same array wait
    for each other. Counting in the copies of `grouped` at 32x128x16x16 took 1.4 ms to 1.7 on two threads; now 0.7.
    """
    return _compiled(function, "helper", fastmath=FASTMATH, forceinline=True, cached=False, _nrt=False, **BARE)


def _compiled(function: Callable[..., Any], role: str, cached: bool = True, **options: Any) -> Any:
    numba = _numba()
    compiled = numba.njit(nogil=True, error_model="numpy", **_leaving_out(role), **options)(function)
    return _cached(compiled, function) if cached and not numba.config.DISABLE_JIT else compiled


def _cached(compiled: Any, function: Callable[..., Any]) -> Any:
    """Keep what ``compiled`` compiles on disk, under the name and place of ``function``."""
    try:
        compiled._cache = cache_class()(function)
    except ImportError:  # numba's cache is not public: where it has moved, its own placing is used instead
        with contextlib.suppress(RuntimeError):
            compiled.enable_caching()
    return compiled


@cache
def _spreader() -> Any:
    """The intrinsic behind `spread`: hand ``function(worker, workers, *args)`` to numba's pool of threads."""
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic

    @intrinsic
    def launch(typing: Any, function: Any, workers: Any, args: Any) -> Any:
        given = (types.intp, types.intp, *args.types)
        function.get_call_type(typing, given, {})

        def code(context: Any, builder: Any, sig: Any, values: Any) -> Any:
            # The arguments go into a record on the stack; the pool hands its address to every worker.
            result = function.dispatcher.overloads[given]
            context.active_code_library.add_linking_library(result.library)
            i64, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
            parts = [values[1], *cgutils.unpack_tuple(builder, values[2])]
            record = cgutils.alloca_once(builder, ir.LiteralStructType([part.type for part in parts]))
            for k, part in enumerate(parts):
                builder.store(part, cgutils.gep_inbounds(builder, record, 0, k))

            # A worker's side, in the form of the loops of NumPy's generalised ufuncs: the first "array" starts at
            # address 0 in steps of 1, so that its address is the number of the worker.
            kind = ir.FunctionType(ir.VoidType(), [pointer.as_pointer(), i64.as_pointer(), i64.as_pointer(), pointer])
            share = ir.Function(builder.module, kind, builder.module.get_unique_name("share"))
            share.linkage = "internal"
            inner = ir.IRBuilder(share.append_basic_block())
            first = inner.ptrtoint(inner.load(share.args[0]), i64)
            with cgutils.for_range(inner, inner.load(share.args[1])) as loop:
                held = inner.bitcast(share.args[3], record.type)
                loaded = [inner.load(cgutils.gep_inbounds(inner, held, 0, k)) for k in range(len(parts))]
                callee = context.declare_function(inner.module, result.fndesc)
                worker = inner.add(first, loop.index)
                context.call_conv.call_function(inner, callee, types.none, given, [worker, *loaded])
            inner.ret_void()

            pool = ir.FunctionType(ir.VoidType(), [pointer] * 5 + [i64] * 3)
            parallel_for = cgutils.get_or_insert_function(builder.module, pool, "numba_parallel_for")
            none, one = ir.Constant(pointer, None), i64(1)
            arrays = cgutils.alloca_once_value(builder, none)
            counts, steps = cgutils.alloca_once_value(builder, values[1]), cgutils.alloca_once_value(builder, one)
            void = [builder.bitcast(value, pointer) for value in (share, arrays, counts, steps, record)]
            builder.call(parallel_for, [*void, i64(0), one, values[1]])
            return context.get_dummy_value()

        return types.void(function, types.intp, args), code

    return launch


def _leaving_out(role: str) -> dict[str, Any]:
    """Choose numba's compiler for a helper, a kernel or a launcher: `compiler` says what each leaves out."""
    try:
        from .compiler import COMPILERS
        from .target import NAME
    except ImportError:  # what it is made of is not public: where that has moved, nothing is left out
        return {}
    return {"pipeline_class": COMPILERS[role], "_target": NAME}


@cache
def _numba() -> Any:
    """Import numba once, and watch what it compiles."""
    import numba

    with contextlib.suppress(ImportError, AttributeError):
        from numba.core import event

        class Watch(event.Listener):
            def on_start(self, event: Any) -> None:
                _announcement.begin()

            def on_end(self, event: Any) -> None:
                _announcement.end()

        event.register("numba:compile", Watch())
    return numba


class _Announcement:
    """One line on stderr when compiling has taken more than a second in this process."""

    def __init__(self, patience: float = 1.0) -> None:
        self.patience, self.depth, self.spent, self.since, self.said = patience, 0, 0.0, 0.0, False
        self.timer: threading.Timer | None = None

    def begin(self) -> None:
        self.depth += 1
        if self.depth == 1 and not self.said:
            self.since = time.perf_counter()
            self.timer = threading.Timer(max(0.0, self.patience - self.spent), self.say)
            self.timer.daemon = True
            self.timer.start()

    def end(self) -> None:
        self.depth -= 1
        if self.depth == 0 and self.timer is not None:
            self.timer.cancel()
            self.timer = None
            self.spent += time.perf_counter() - self.since

    def say(self) -> None:
        self.said = True
        print("compiling kernels (first run only)...", file=sys.stderr, flush=True)


_announcement = _Announcement()


# Threads. numba's number of threads belongs to each Python thread; here it is one number for the process,
# handed on at every launch. Numba's "workqueue" layer aborts the process when two Python threads launch at
# once, so launches hold a lock until the layer is known to be another one.

_threads: int | None = None
_told = threading.local()
_launching: threading.RLock | None = threading.RLock()
_noting: Callable[[Any, tuple[Any, ...]], None] | None = None  # takes launches instead: see `ahead`


def _wish() -> int:
    text = os.environ.get("TGCV_NUM_THREADS", "")
    return int(text) if text.isdecimal() else 0


if "numba" not in sys.modules:  # how many threads there are to choose from is fixed when numba is imported
    os.environ.setdefault("NUMBA_NUM_THREADS", str(max(os.cpu_count() or 1, _wish(), 4)))


def cores() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_num_threads() -> int:
    """Return how many threads a kernel uses."""
    global _threads
    if _threads is None:
        _threads = max(1, _wish() or cores())
    return _threads


def set_num_threads(count: int) -> None:
    """Set how many threads a kernel uses, in the whole process. The results are the same bits for any number.

    Raises
    ------
    ValueError
        ``count`` is below one, or above what numba was started with.
    """
    global _threads
    most = _numba().config.NUMBA_NUM_THREADS if available() else count
    if not 1 <= count <= most:
        raise ValueError(
            f"set_num_threads: count is {count}, expected 1 to {most}; start with TGCV_NUM_THREADS={count}"
        )
    _threads = count


def _launcher(compiled: Callable[..., Any]) -> Callable[..., Any]:
    numba = _numba()
    if numba.config.DISABLE_JIT:
        return compiled

    def launch(*args: Any) -> Any:
        count = get_num_threads()
        if getattr(_told, "count", None) != count:
            numba.set_num_threads(count)
            _told.count = count
        if _launching is None:
            return compiled(*args)
        return _first_launch(compiled, args)

    launch.__name__, launch.__doc__ = compiled.__name__, compiled.__doc__
    launch.compiled = compiled
    return launch


def _first_launch(compiled: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    global _launching
    if _noting is not None:
        return _noting(compiled, args)
    lock = _launching
    with lock or contextlib.nullcontext():
        from numba.np.ufunc.parallel import _launch_threads

        _launch_threads()
        result = compiled(*args)
        if _numba().threading_layer() != "workqueue":
            _launching = None
        return result
