"""A case: what the law suite must know about an op that it cannot find out by itself.

That is: how to draw arguments, a slow truth, and whatever is special (kinks, linearity, bad calls). The arguments come
from a `Draw`, behind which stands hypothesis (which then shrinks a failure to its smallest form) or a seeded generator
(for the mutation report, and where hypothesis is not installed). Only small integers are drawn: sizes, settings, and
the seed from which NumPy fills the arrays.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..ops.errors import ArgumentError
from ..ops.op import Op
from ..typing import Array

T = TypeVar("T")

SIZES = ("usual", "one", "empty")
"""What `Draw.size` gives: small numbers; always 1; a 0 wherever a size may be 0."""


class Draw:
    """A source of small random arguments.

    Parameters
    ----------
    integer : draws an integer between two bounds, both included.
    sizes : one of SIZES.
    """

    def __init__(self, integer: Callable[[int, int], int], sizes: str = "usual") -> None:
        self.integer = integer
        self.sizes = sizes
        self._generators = 0

    @classmethod
    def seeded(cls, seed: int, sizes: str = "usual") -> Draw:
        """Return a source that a seed determines."""
        rng = np.random.default_rng(seed)
        return cls(lambda least, most: int(rng.integers(least, most + 1)), sizes)

    def flag(self) -> bool:
        """Draw True or False."""
        return bool(self.integer(0, 1))

    def choice(self, options: Sequence[T]) -> T:
        """Draw one of several."""
        return options[self.integer(0, len(options) - 1)]

    def size(self, most: int = 3) -> int:
        """Draw a size that may be any number, 0 and 1 included where the sizes are meant to be so."""
        return {"one": 1, "empty": 0}.get(self.sizes) if self.sizes != "usual" else self.integer(1, most)  # type: ignore[return-value]

    def shape(self, least: int = 0, most: int = 3, side: int = 3) -> tuple[int, ...]:
        """Draw a shape of ``least`` to ``most`` dimensions; where sizes are meant to be empty, one of them is 0."""
        if self.sizes == "empty":
            rank = self.integer(max(least, 1), most)
            hole = self.integer(0, rank - 1)
            return tuple(0 if i == hole else self.integer(1, side) for i in range(rank))
        return tuple(self.size(side) for _ in range(self.integer(least, most)))

    def generator(self) -> np.random.Generator:
        """Return a NumPy generator with a drawn seed; no two of one draw are alike, even where seeds shrink to 0."""
        self._generators += 1
        return np.random.default_rng((self._generators, self.integer(0, 2**31 - 1)))

    def array(self, shape: Sequence[int], low: float = -2.0, high: float = 2.0, away: Sequence[float] = ()) -> Array:
        """Return float64 numbers between two bounds, at a distance of at least 0.05 from each of ``away``."""
        x = self.generator().uniform(low, high, tuple(shape))
        for kink in away:
            near = np.abs(x - kink) < 0.05
            x = np.where(near, kink + np.where(x < kink, -0.05, 0.05), x)
        return np.asarray(x)

    def distinct(self, shape: Sequence[int]) -> Array:
        """Return float64 numbers of which no two are closer than about 0.1: no ties, whatever the window."""
        rng, count = self.generator(), int(np.prod(shape))
        x = (rng.permutation(count) - count / 2) * 0.2 + rng.uniform(0.0, 0.1, count)
        return x.reshape(tuple(shape))

    def integers(self, shape: Sequence[int], low: int, high: int) -> Array:
        """Return int64 numbers between two bounds, both included."""
        return self.generator().integers(low, high + 1, tuple(shape))

    def permutation(self, count: int) -> tuple[int, ...]:
        """Return an order of ``count`` things."""
        return tuple(int(i) for i in self.generator().permutation(count))


def array_text(a: Any) -> str:
    """Return Python source for an array, exact to the last bit, whatever its shape."""
    text = f"np.array({np.asarray(a).tolist()!r}, np.{a.dtype})"
    return text if 0 not in a.shape else f"{text}.reshape({tuple(a.shape)})"


@dataclass
class Sample:
    """One call, and what it must give.

    Attributes
    ----------
    call : an op (an instance, with its settings) or a public function.
    args : what it is called with; arrays of float64 are differentiated with respect to, unless named in ``fixed``.
    truth : the value for the same arguments by plain loops or naive NumPy, never by the code under test.
    fixed : positions of arguments that are constants although they are of floating point.
    """

    call: Callable[..., Any]
    args: tuple[Any, ...]
    truth: Callable[..., Any]
    fixed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.args = tuple(np.asarray(a) if isinstance(a, np.generic) else a for a in self.args)

    def varied(self) -> list[int]:
        """Return the positions of the arguments that gradients are taken of."""
        op = self.call
        held = set(self.fixed)
        if isinstance(op, Op) and not op.variadic:
            held |= {i for i, name in enumerate(op.argument_names) if name in op.constant}
        return [
            i for i, a in enumerate(self.args) if isinstance(a, np.ndarray) and a.dtype.kind == "f" and i not in held
        ]

    def __str__(self) -> str:
        parts = [array_text(a) if isinstance(a, np.ndarray) else repr(a) for a in self.args]
        return f"{self.call_text()} of\n  " + "\n  ".join(parts)

    def call_text(self) -> str:
        """Return the call as a reader would write it."""
        return repr(self.call) if isinstance(self.call, Op) else getattr(self.call, "__name__", repr(self.call))


@dataclass
class Case:
    """What the law suite must know about an op.

    ``label`` tells several cases of one op apart.

    Attributes
    ----------
    op : the op's class.
    draw : makes a `Sample` from a `Draw`.
    linear : arguments in each of which the op is linear (up to a constant), so that the adjoint law holds for them.
    kinks : makes a sample that stands on a kink, where the gradient must be a sub-gradient.
    broadcast : the public function that brings operands of different shapes to the op.
    errors : bad calls, each with a part of the message that it must give.
    order : up to which order derivatives are compared with differences.
    empty : whether arguments may have a size of 0.
    kernel : whether the op runs on kernels, so that their readings and thread counts must agree.
    float32 : relative tolerance of float32 against float64.
    laws_left_out : names of laws that have no meaning for it, each with the reason.
    """

    op: type[Op]
    draw: Callable[[Draw], Sample]
    linear: tuple[str, ...] = ()
    kinks: Callable[[Draw], Sample] | None = None
    broadcast: Callable[..., Any] | None = None
    errors: Sequence[tuple[Callable[[], Any], str]] = ()
    order: int = 2
    empty: bool = True
    kernel: bool = False
    float32: float = 1e-5
    laws_left_out: dict[str, str] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        """The op's name, with the label that tells several cases of it apart."""
        return f"{self.op.name}-{self.label}" if self.label else self.op.name


def load_cases(*places: str | Path) -> list[Case]:
    """Return what the list ``CASES`` holds in the given files, and in the ``test_*.py`` of the given folders.

    ``places`` are paths of files or folders.
    """
    cases: list[Case] = []
    for place in map(Path, places):
        if not place.exists():
            raise ArgumentError(
                f"load_cases: there is no {place}; give a Python file with a list CASES, or a folder of them"
            )
        for path in sorted(place.glob("test_*.py")) if place.is_dir() else [place]:
            spec = importlib.util.spec_from_file_location(f"cases_of_{path.stem}", path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            cases += getattr(module, "CASES", [])
    return cases
