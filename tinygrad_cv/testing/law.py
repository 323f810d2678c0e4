"""A law, its error, and what the laws share: calls as functions of arrays, gradients, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import grad
from ..ops.op import Op
from ..tensors import Tensor
from ..typing import Array
from .case import Case, Draw, Sample
from .closeness import array_difference


class LawError(AssertionError):
    """A law is broken; the message says which, by what, and for which arguments."""


@dataclass(frozen=True)
class Law:
    """A law that ops obey.

    Attributes
    ----------
    name, word : of the law, and one word for it.
    applies : whom it concerns.
    check : raises `LawError` where a case breaks it with a sample.
    sizes : of the samples it wants, see `Draw`.
    at_kinks : whether they stand on kinks.
    """

    name: str
    word: str
    applies: Callable[[Case], bool]
    check: Callable[[Case, Sample], None]
    sizes: str = "usual"
    at_kinks: bool = False

    def concerns(self, case: Case) -> bool:
        """Tell whether the law says something about a case."""
        return self.name not in case.laws_left_out and self.applies(case)

    def sample(self, case: Case, draw: Draw) -> Sample:
        """Draw a sample of the kind that the law asks about."""
        return case.kinks(draw) if self.at_kinks and case.kinks is not None else case.draw(draw)


def value(result: Any) -> Any:
    """Return an op's output without its auxiliary ones."""
    return result[0] if isinstance(result, tuple) else result


def function_of(sample: Sample) -> tuple[Callable[..., Any], list[Array]]:
    """Return the call as a function of its varied arguments alone, and their values."""
    places = sample.varied()

    def fn(*xs: Any) -> Any:
        args = list(sample.args)
        for i, x in zip(places, xs):
            args[i] = x
        return value(sample.call(*args))

    fn.__name__ = fn.__qualname__ = sample.call_text()
    return fn, [sample.args[i] for i in places]


def cotangent(shape: Sequence[int], dtype: Any = np.float64, seed: int = 1) -> Array:
    """Return a random incoming gradient."""
    return np.random.default_rng(seed).standard_normal(tuple(shape)).astype(dtype)


def gradients(fn: Callable[..., Any], xs: Sequence[Array], c: Array | None = None) -> tuple[Array, list[Array]]:
    """Return the value and the gradients with respect to all of ``xs``, weighed by ``c`` (random if None)."""
    leaves = [Tensor(x, requires_grad=True) for x in xs]
    y = fn(*leaves)
    c = cotangent(y.shape, y.dtype) if c is None else c
    if not y.requires_grad:
        return np.asarray(y), [np.zeros(x.shape, x.dtype) for x in xs]
    return np.asarray(y), [np.asarray(g) for g in grad(y, leaves, Tensor(c), materialize_grads=True)]


def demand_close(
    what: str, sample: Sample, actual: Any, expected: Any, rtol: float, atol: float, **settings: Any
) -> None:
    """Raise `LawError` where two arrays differ."""
    found = array_difference(np.asarray(actual), np.asarray(expected), rtol, atol, equal_nan=True, **settings)
    if found is not None:
        raise LawError(f"{what}: {found}\nfor {sample}")


def names(sample: Sample) -> list[str]:
    """Return a name for each argument."""
    op = sample.call
    if isinstance(op, Op) and not op.variadic:
        return list(op.argument_names)
    return [f"argument {i}" for i in range(len(sample.args))]
