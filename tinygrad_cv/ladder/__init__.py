"""The ladder: networks from a softmax on pixels to 94 % on CIFAR-10, each trained, measured and set side by side.

`rows` says which networks and what is demanded of them, `climb` trains what is not trained yet, `table` sums up the
seeds, `page` shows curves, confusions and filters.
"""

from __future__ import annotations

from tinygrad_cv.ladder.climb import Result, climb, read_results
from tinygrad_cv.ladder.page import write_page
from tinygrad_cv.ladder.rows import LADDERS, Row, choose
from tinygrad_cv.ladder.shifts import Moved, measure_shifts, moved, shift_table
from tinygrad_cv.ladder.table import Standing, markdown, standings

__all__ = [
    "LADDERS",
    "Moved",
    "Result",
    "Row",
    "Standing",
    "choose",
    "climb",
    "markdown",
    "measure_shifts",
    "moved",
    "read_results",
    "shift_table",
    "standings",
    "write_page",
]
