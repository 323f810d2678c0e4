"""Drawing arguments: shapes with zeros and ones in them, values with ties, memory in every order.

Everything is drawn through a ``random.Random``: hypothesis hands in one of its own and can shrink what it drew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Arg:
    """An array argument, and whether its gradients are compared."""

    array: np.ndarray
    grad: bool = True

    def __post_init__(self) -> None:
        self.array = np.asarray(self.array)

    def __repr__(self) -> str:
        a = self.array
        values = a.tolist() if a.size <= 12 else f"<{a.size} values>"
        return f"Arg({a.dtype}, {a.shape}, strides={tuple(s // max(a.itemsize, 1) for s in a.strides)}, {values})"


@dataclass
class Call:
    """One call: where the function stands in both libraries, and its arguments."""

    path: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    orders: int = 2

    def __repr__(self) -> str:
        parts = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        return f"{self.path}({', '.join(parts)})"


@dataclass
class Layer(Call):
    """A layer: ``path``, ``args`` and ``kwargs`` build it; each of ``passes`` calls it.

    Attributes
    ----------
    passes : the arguments of each call.
    modes : for each call, whether the layer is in training.
    seed : of the values of its parameters and buffers.
    """

    passes: tuple[tuple[Any, ...], ...] = ()
    modes: tuple[bool, ...] = ()
    seed: int = 0

    def __repr__(self) -> str:
        calls = [f"{'train' if mode else 'eval'}{args}" for mode, args in zip(self.modes, self.passes)]
        return f"{super().__repr__()} on {', '.join(calls)}, seed={self.seed}"


class Draw:
    """Draws arguments from a source of randomness."""

    def __init__(self, source: random.Random) -> None:
        self.source = source

    def often(self, usual: Any, *rare: Any) -> Any:
        """The usual value, and now and then one of the others."""
        return self.pick(*rare) if self.chance(4) else usual

    def int(self, low: int, high: int) -> int:
        return self.source.randint(low, high)

    def pick(self, *options: Any) -> Any:
        return options[self.source.randint(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        return self.source.randint(0, 99) < percent

    def float(self, low: float, high: float) -> float:
        return low + (high - low) * self.source.randint(0, 1000) / 1000

    def size(self) -> int:
        return self.pick(0, 1, 1, 2, 2, 3, 3, 4, 5)

    def shape(self, low: int = 0, high: int = 4, zero: bool = True) -> tuple[int, ...]:
        sizes = [self.size() for _ in range(self.int(low, high))]
        return tuple(n if zero or n else 1 for n in sizes)

    def dim(self, rank: int, wrong: bool = True) -> int:
        """A dimension, from the end now and then, and rarely one that does not exist."""
        if wrong and self.chance(3):
            return self.pick(rank + 1, -rank - 2)
        rank = max(rank, 1)
        return self.int(-rank, rank - 1)

    def dims(self, rank: int) -> Any:
        """None, one dimension, or several."""
        if rank == 0 or self.chance(20):
            return self.pick(None, 0, -1) if rank == 0 else None
        if self.chance(40):
            return self.dim(rank)
        chosen = self.source.sample(range(rank), self.int(1, rank))
        return tuple(d - rank if self.chance(30) else d for d in chosen)

    def values(self, shape: Sequence[int], low: float = -3.0, high: float = 3.0, ties: int = 35) -> np.ndarray:
        """Values in a range; small integers and halves now and then, so that there are ties, zeros and kinks."""
        numbers = np.random.default_rng(self.int(0, 2**31))
        a = numbers.uniform(low, high, tuple(shape))
        if self.chance(ties):
            a = np.round(a * 2) / 2
            a = a.clip(low, high)
        return np.asarray(a, np.float64)

    def layout(self, a: np.ndarray) -> np.ndarray:
        """The same values in another memory order: row-major, reversed, strided, or channels-last."""
        kind = self.pick("c", "c", "f", "strided", "last", "expanded")
        if kind == "f":
            return np.asfortranarray(a)
        if kind == "strided" and a.ndim:
            wide = np.zeros((*a.shape[:-1], a.shape[-1] * 2), a.dtype)
            wide[..., ::2] = a
            return wide[..., ::2]
        if kind == "last" and a.ndim >= 3:
            return np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1)
        return a

    def tensor(
        self, shape: Sequence[int], low: float = -3.0, high: float = 3.0, grad: bool = True, ties: int = 35
    ) -> Arg:
        return Arg(self.layout(self.values(shape, low, high, ties)), grad)

    def distinct(self, shape: Sequence[int]) -> Arg:
        """Values of which no two are equal or close."""
        n = int(np.prod(shape))
        numbers = np.random.default_rng(self.int(0, 2**31))
        return Arg(self.layout(((numbers.permutation(n) - n / 2) / 4 + 0.1).reshape(tuple(shape))), True)

    def integers(self, shape: Sequence[int], low: int, high: int, dtype: Any = np.int64) -> Arg:
        """Integers from low to high, both included."""
        numbers = np.random.default_rng(self.int(0, 2**31))
        return Arg(self.layout(np.asarray(numbers.integers(low, high + 1, tuple(shape))).astype(dtype)), False)

    def bools(self, shape: Sequence[int]) -> Arg:
        return Arg(self.integers(shape, 0, 1).array.astype(bool), False)

    def any_dtype(self, shape: Sequence[int]) -> Arg:
        """Integers, booleans or floating point."""
        dtype = self.pick(
            "float64", "float64", "float32", "int64", "int32", "uint8", "int8", "int16", "bool", "float16"
        )
        a = self.values(shape)
        a = np.abs(a) if dtype == "uint8" else a
        return Arg(self.layout(np.asarray(a).astype(dtype)), dtype == "float64")

    def broadcast(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that broadcasts with ``shape``: some sizes 1, some leading ones missing, rarely a clash."""
        out = [1 if self.chance(25) else n for n in shape]
        out = out[self.int(0, len(out)) if self.chance(30) else 0 :]
        if out and self.chance(3):
            out[-1] += 2
        return tuple(out)

    def spelled(self, required: dict[str, Any], optional: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments by position and by name, some optional ones left out; '*name' is known by name alone."""
        named = [(name, value) for name, value in {**required, **optional}.items() if name[0] != "*"]
        count = len(required)
        by_position = self.int(count, len(named)) if self.chance(20) else self.int(0, count) if count else 0
        by_position = count if self.chance(50) else by_position
        args = tuple(value for _, value in named[:by_position])
        rest = [*named[by_position:], *((k[1:], v) for k, v in optional.items() if k[0] == "*")]
        return args, {name: value for name, value in rest if name in required or self.chance(45)}


SAMPLES: dict[str, Callable[[Draw], Call]] = {}
"""By name, how to draw a call of each function."""


def sample(*paths: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a generator of (args, kwargs) under each of the paths; it may ask for the path as a second argument."""

    def register(draw: Callable[..., Any]) -> Callable[..., Any]:
        count = draw.__code__.co_argcount
        for path in paths:

            def call(d: Draw, path: str = path) -> Call:
                args, kwargs, *orders = draw(d, path) if count == 2 else draw(d)
                return Call(path, tuple(args), kwargs, *orders)

            if path in SAMPLES:
                raise ValueError(f"{path} has a generator already")
            SAMPLES[path] = call
        return draw

    return register


def layer(*names: str, orders: int = 2) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a generator of (args, kwargs, arguments of a call, ...) under each of the names in ``nn``.

    It may ask for the name as a second argument. Where it gives the arguments of several calls, the last one or more
    may be in evaluation, after statistics were gathered.
    """

    def register(draw: Callable[..., Any]) -> Callable[..., Any]:
        count = draw.__code__.co_argcount
        for name in names:

            def call(d: Draw, name: str = name) -> Layer:
                args, kwargs, *passes = draw(d, name) if count == 2 else draw(d)
                training = d.int(0, len(passes))
                modes = tuple(i < training for i in range(len(passes)))
                return Layer(f"nn.{name}", args, kwargs, orders, tuple(passes), modes, d.int(0, 2**31))

            if f"nn.{name}" in SAMPLES:
                raise ValueError(f"nn.{name} has a generator already")
            SAMPLES[f"nn.{name}"] = call
        return draw

    return register
