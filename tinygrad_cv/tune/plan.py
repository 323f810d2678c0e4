"""The plan of a search: a coarse grid, a finer one around its best point, and whether that point lies on an edge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tinygrad_cv.ops.errors import ArgumentError

Grid = dict[str, list[float]]
"""Values to try, rising, by the name of a setting."""


@dataclass(frozen=True)
class Plan:
    """A search in two stages.

    Attributes
    ----------
    coarse : the first grid; the course notes' by default, which the second one refines.
    coarse_epochs, fine_epochs : how long a trial of each stage trains.
    points : values of each setting in the fine grid, an odd number.
    """

    coarse: Grid = field(default_factory=lambda: {"lr": [1e-4, 1e-3, 1e-2], "weight_decay": [1e-5, 1e-4, 1e-3]})
    coarse_epochs: int = 5
    fine_epochs: int = 10
    points: int = 3

    def check(self) -> Plan:
        """Return the plan itself, or refuse it.

        Raises
        ------
        ArgumentError
            A setting has no value, one twice or one that is not above zero; or the stages make no sense.
        """
        for name, values in self.coarse.items():
            if not values or sorted(set(values)) != list(values) or not 0 < values[0] <= values[-1] < math.inf:
                raise ArgumentError(f"tune: {name} has the values {values}; give rising numbers above zero")
        if not self.coarse or self.coarse_epochs < 1 or self.fine_epochs < 1:
            raise ArgumentError("tune: give at least one setting, and stages of at least one epoch")
        if self.points < 1 or self.points % 2 == 0:
            raise ArgumentError(f"tune: got points={self.points}; give an odd number, so that the best is tried again")
        return self


def finer(coarse: Grid, best: Mapping[str, float], points: int = 3) -> Grid:
    """Return the grid around a coarse grid's best point: evenly spaced logarithms between half-ways to its neighbours.

    On an edge of the coarse grid the fine one reaches as far beyond it as within it. So the best of the fine grid can
    lie where the coarse one had nothing. A setting with a single value keeps it.

    Examples
    --------
    >>> {k: [round(v, 6) for v in vs] for k, vs in finer({"lr": [1e-4, 1e-3, 1e-2]}, {"lr": 1e-3}).items()}
    {'lr': [0.000316, 0.001, 0.003162]}
    """
    grid: Grid = {}
    for name, values in coarse.items():
        at = values.index(best[name])
        steps = [math.log(b / a) for a, b in zip(values, values[1:])]
        if not steps or points == 1:
            grid[name] = [best[name]]
            continue
        below = steps[at - 1] if at > 0 else steps[0]
        above = steps[at] if at < len(steps) else steps[-1]
        half = points // 2
        shares = [k / half for k in range(-half, half + 1)]
        grid[name] = [best[name] * math.exp(s * (below if s < 0 else above) / 2) for s in shares]
    return grid


def edges(grid: Grid, best: Mapping[str, float]) -> list[str]:
    """Return a sentence for each setting whose best value is the least or the greatest that was tried.

    The best of all values may then lie outside of the grid; the course notes chose such a one.
    """
    sentences = []
    for name, values in grid.items():
        if len(values) > 1 and best[name] in (values[0], values[-1]):
            lowest = best[name] == values[0]
            beyond = values[0] ** 2 / values[1] if lowest else values[-1] ** 2 / values[-2]
            sentences.append(
                f"the best {name} {best[name]:.3g} lies on the {'lower' if lowest else 'upper'} edge of its grid; "
                f"what lies beyond was not tried: add {beyond:.3g}"
            )
    return sentences
