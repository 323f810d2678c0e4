"""Summing up the seeds of each row: mean and interval, cost, and whether it holds what is demanded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tinygrad_cv.ladder.climb import Result
from tinygrad_cv.ladder.rows import Row

STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
"""Student's t by the number of seeds: between -t and t lie 95 % of it. Beyond ten it is taken as 2."""


@dataclass(frozen=True)
class Standing:
    """What the results of one row come to.

    Attributes
    ----------
    row : the row.
    seeds : how many were trained.
    accuracy, interval : their mean, and half of the interval that holds the expected accuracy with 95 %: over seeds by
        Student's t; of a single seed, over test images, by the normal approximation of the binomial distribution.
    seconds : mean wall time of a seed.
    parameters, multiply_adds : of the network.
    """

    row: Row
    seeds: int
    accuracy: float
    interval: float
    seconds: float
    parameters: int
    multiply_adds: int

    @property
    def holds(self) -> bool:
        """Whether the mean reaches what is demanded, in the time that is allowed."""
        return self.accuracy >= self.row.demanded and self.seconds <= 60 * self.row.minutes


def standings(rows: Iterable[Row], results: Iterable[Result]) -> list[Standing]:
    """Sum up, for the rows that have a result."""
    found = list(results)
    summed = []
    for row in rows:
        mine = [r for r in found if r.row == row.name]
        if not mine:
            continue
        n, values = len(mine), [r.accuracy for r in mine]
        mean = sum(values) / n
        if n > 1:
            deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
            interval = STUDENT.get(n, 2.0) * deviation / math.sqrt(n)
        else:
            interval = 1.96 * math.sqrt(mean * (1 - mean) / mine[0].images)
        seconds = sum(r.seconds for r in mine) / n
        summed.append(Standing(row, n, mean, interval, seconds, mine[0].parameters, mine[0].multiply_adds))
    return summed


HEAD = ("row", "test accuracy", "demanded", "seeds", "time a seed", "allowed", "parameters", "multiply-adds")


def cells(standing: Standing) -> tuple[str, ...]:
    """The words of one row under `HEAD`."""
    row = standing.row
    return (
        row.title,
        f"{100 * standing.accuracy:.2f} ± {100 * standing.interval:.2f} %",
        f"{100 * row.demanded:.1f} %",
        str(standing.seeds),
        f"{standing.seconds / 60:.1f} min",
        f"{row.minutes:g} min",
        f"{standing.parameters:,}",
        f"{standing.multiply_adds / 1e6:,.2f} M",
    )


def markdown(summed: Iterable[Standing]) -> str:
    """The table, as text that Markdown reads too."""
    lines = [HEAD, *(cells(standing) for standing in summed)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(HEAD))]
    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    return "\n".join([text[0], rule, *text[1:]])
