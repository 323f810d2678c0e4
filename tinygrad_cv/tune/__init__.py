"""Search for settings, first coarse and then fine, on held-out training images; the extra ``tune`` brings Optuna."""

from __future__ import annotations

from tinygrad_cv.tune.plan import Plan, edges, finer
from tinygrad_cv.tune.report import Trial, table, write_page
from tinygrad_cv.tune.trials import search

__all__ = ["Plan", "Trial", "edges", "finer", "search", "table", "write_page"]
