"""Random numbers: one generator for the process, or your own."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops.errors import ArgumentError


class Generator:
    """A seeded source of random numbers (NumPy's PCG64), with PyTorch's names.

    >>> g = Generator().manual_seed(3)
    >>> g.initial_seed()
    3
    """

    def __init__(self, device: str = "cpu") -> None:
        self._seed = 0
        self.numpy = np.random.Generator(np.random.PCG64(0))

    def manual_seed(self, seed: int) -> Generator:
        """Start the sequence that belongs to ``seed`` and return the generator."""
        if not hasattr(seed, "__index__"):
            raise ArgumentError(f"manual_seed: seed is {seed!r}; give a whole number")
        self._seed = int(seed)
        self.numpy = np.random.Generator(np.random.PCG64(self._seed % 2**64))
        return self

    def seed(self) -> int:
        """Start from an unpredictable seed, and return it."""
        return self.manual_seed(int(np.random.SeedSequence().generate_state(1, np.uint64)[0]) >> 1)._seed

    def initial_seed(self) -> int:
        """Return the seed that was set last."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """Return the state, from which `set_state` continues exactly (plain numbers and strings)."""
        return {"seed": self._seed, **self.numpy.bit_generator.state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state that `get_state` returned."""
        self._seed = int(state["seed"])
        self.numpy.bit_generator.state = {k: v for k, v in state.items() if k != "seed"}


default_generator = Generator()
"""The generator of functions that were given none."""


def manual_seed(seed: int) -> Generator:
    """Seed the default generator and return it.

    ``seed`` is a whole number; the same one gives the same numbers ever after.
    """
    return default_generator.manual_seed(seed)


def initial_seed() -> int:
    """Return the default generator's seed."""
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, Any]:
    """Return the default generator's state."""
    return default_generator.get_state()


def set_rng_state(state: dict[str, Any]) -> None:
    """Set the default generator's state."""
    default_generator.set_state(state)


def pick(generator: Generator | None) -> np.random.Generator:
    """Return the NumPy generator behind ``generator``, or the default one's."""
    return (default_generator if generator is None else generator).numpy
