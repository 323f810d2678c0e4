"""Gradients that wait, so that the rule before can join in the same pass over memory.

Backward, each rule writes a gradient that the rule before it reads. Where the two go over one large array, the first
may hand on what it would compute instead:

    Masked   a ReLU's: g where its value is positive. Batch norm, which reads g twice, masks it while it reads.
    Spread   a max pool's: g at the winners, 0 elsewhere. It is masked while it is written, if a ReLU came before.
    Sum      of two branches that meet at a ReLU: batch norm adds them up while it reads.

``Op.masked`` says whose rules make, take or pass on which. Whoever else looks at such a gradient, a hook, a leaf,
another op, gets the array.
"""

from __future__ import annotations

from collections.abc import Callable

from ..typing import Array
from .arithmetic import ADD


class Waiting:
    """A gradient that is computed when it is first asked for."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: Array | None = None

    def value(self) -> Array:
        """Return the array."""
        if self.known is None:
            self.known = self._compute()
        return self.known

    def _compute(self) -> Array:
        raise TypeError(f"{type(self).__name__} computes nothing")


class Sum(Waiting):
    """first + second, of one shape, dtype and order in memory."""

    __slots__ = ("first", "second")

    def __init__(self, first: Array, second: Array) -> None:
        super().__init__()
        self.first, self.second = first, second

    def _compute(self) -> Array:
        total: Array = ADD(self.first, self.second)
        return total


class Masked(Waiting):
    """A ReLU's gradient: ``g`` where the ReLU's value ``y`` is positive, 0 elsewhere; ``rule`` computes it from g.

    ``moved``: it is not (only) that of the ReLU's operand, for it has passed an addition since.
    """

    __slots__ = ("g", "y", "rule", "moved")

    def __init__(self, g: Array | Sum, y: Array, rule: Callable[[Array], Array]) -> None:
        super().__init__()
        self.g, self.y, self.rule, self.moved = g, y, rule, False

    def whole(self) -> Array:
        """Return g as one array."""
        return self.g.value() if isinstance(self.g, Sum) else self.g

    def keep(self, known: Array) -> None:
        """Keep what another has computed on its way, and nothing else."""
        self.known = known
        del self.g, self.y, self.rule

    def parts(self) -> tuple[Array, Array | None]:
        """Return g, or the two arrays of which it is the sum."""
        if isinstance(self.g, Sum) and self.g.known is None:
            return self.g.first, self.g.second
        return self.whole(), None

    def _compute(self) -> Array:
        return self.rule(self.whole())


class Spread(Waiting):
    """A max pool's gradient; ``rule`` computes it, given the value of the ReLU that came before, masked as well."""

    __slots__ = ("rule",)

    def __init__(self, rule: Callable[[Array | None], Array]) -> None:
        super().__init__()
        self.rule = rule

    def behind(self, y: Array) -> Array:
        """Return the gradient of the operand of the ReLU whose value is y."""
        return self.rule(y)

    def _compute(self) -> Array:
        return self.rule(None)
