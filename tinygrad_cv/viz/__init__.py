"""Pictures: charts, grids of images, and drawings of graphs, written as SVG by the package itself.

Nothing here needs a display, a plotting library or a program on the machine. See `curves`, `confusion`,
`bars`, `images`, `filters`, `feature_maps`, `make_dot` and `draw_graph`. Every function returns a picture with
``.svg`` and ``.save(path)`` that a notebook shows by itself. `watch` records a training as one page.
"""

from __future__ import annotations

from tinygrad_cv.viz.barchart import bars
from tinygrad_cv.viz.chart import Chart
from tinygrad_cv.viz.graph import draw_graph, make_dot
from tinygrad_cv.viz.grids import feature_maps, filters, images
from tinygrad_cv.viz.lines import curves
from tinygrad_cv.viz.live import watch
from tinygrad_cv.viz.matrix import confusion, count_confusions

__all__ = [
    "Chart",
    "bars",
    "confusion",
    "count_confusions",
    "curves",
    "draw_graph",
    "feature_maps",
    "filters",
    "images",
    "make_dot",
    "watch",
]
