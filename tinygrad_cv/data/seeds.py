"""Where randomness in data comes from: one rule for samplers, transforms and loaders.

A draw takes, in this order: the ``generator`` it was given, the *scope* of the item or batch being loaded,
the package's own generator (the one that ``tinygrad_cv.manual_seed`` seeds).

The scope makes loading independent of scheduling. A ``DataLoader`` opens one around every item, keyed by
the epoch's seed and the item's place in the epoch; so a crop is the same whether one thread loads the epoch
or eight processes do, and it differs from epoch to epoch. Building a NumPy generator costs about 10 us,
therefore a scope builds it only when something draws.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array


class Place(NamedTuple):
    """What a loader is loading: the epoch, counted from 0, and the numbers of the items in the data set."""

    epoch: int
    indices: Array


class _Scope(threading.local):
    key: tuple[int, ...] | None = None
    rng: np.random.Generator | None = None
    place: Place | None = None


_scope = _Scope()


def keyed(*key: int) -> np.random.Generator:
    """The generator that belongs to a key; equal keys give equal streams, different keys independent ones."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


@contextmanager
def scope(*key: int, place: Place | None = None) -> Iterator[None]:
    """Let draws without a generator of their own come from the stream of ``key``, in this thread."""
    before = _scope.key, _scope.rng, _scope.place
    _scope.key, _scope.rng, _scope.place = key, None, place
    try:
        yield
    finally:
        _scope.key, _scope.rng, _scope.place = before


def current_place() -> Place | None:
    """Which items are being loaded in this thread, in which epoch; None outside of a loader."""
    return _scope.place


def current() -> np.random.Generator:
    """The stream of the open scope, or the package's own generator."""
    if _scope.rng is None:
        if _scope.key is None:
            return _default()
        _scope.rng = keyed(*_scope.key)
    return _scope.rng


def numpy_generator(generator: Any = None) -> np.random.Generator:
    """NumPy's generator behind what a caller may pass: None, a seed, NumPy's, a ``tinygrad_cv.Generator``."""
    if generator is None:
        return current()
    if isinstance(generator, np.random.Generator):
        return generator
    if isinstance(generator, int | np.integer):
        return keyed(int(generator))
    inner = getattr(generator, "numpy", None)
    if isinstance(inner, np.random.Generator):
        return inner
    raise ArgumentError(
        f"generator: got {type(generator).__name__}; give a tinygrad_cv.Generator, a numpy.random.Generator "
        "or a seed"
    )


def owned(generator: Any) -> Any:
    """What a sampler or loader keeps of the ``generator`` it was given: a seed becomes a generator, once."""
    return keyed(int(generator)) if isinstance(generator, int | np.integer) else generator


def get_state(generator: Any) -> Any:
    """The state of a generator as plain numbers and strings."""
    return numpy_generator(generator).bit_generator.state


def set_state(generator: Any, state: Any) -> None:
    """Put a generator back to a state from ``get_state``."""
    numpy_generator(generator).bit_generator.state = state


def _default() -> np.random.Generator:
    from tinygrad_cv.tensors.random import default_generator

    return default_generator.numpy
