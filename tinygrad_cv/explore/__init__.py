"""The explorer: one page on this machine that shows what happens inside a network.

Draw a digit or drop a picture and see every layer's maps; click a value and see which part of the image it looks at,
its window, its weights and the arithmetic that makes it. ``tinygrad-cv explore`` opens it; from Python:

    tinygrad_cv.explore.serve(model, classes=["cat", "dog"])
    tinygrad_cv.explore.export(model, "page.html")

The first needs the extra ``web``. The second writes a page that runs the network by itself.
"""

from __future__ import annotations

from tinygrad_cv.explore.export import export
from tinygrad_cv.explore.serve import serve
from tinygrad_cv.explore.subject import Subject, of_model, of_run, open_subject

__all__ = ["Subject", "export", "of_model", "of_run", "open_subject", "serve"]
