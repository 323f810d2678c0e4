"""Lessons as short films, drawn by the library from numbers that its own operations compute."""

from __future__ import annotations

from collections.abc import Callable

from tinygrad_cv.explain.lessons import columns, kinks, pooling, windows
from tinygrad_cv.explain.lessons.film import Film
from tinygrad_cv.ops.errors import ArgumentError

LESSONS: dict[str, tuple[str, Callable[[], Film]]] = {
    "window": ("a filter slides over an image", lambda: windows.film()),
    "padding": ("zeros around the image keep its size", lambda: windows.film(4, padding=1)),
    "stride": ("every second place", lambda: windows.film(7, stride=2)),
    "dilation": ("a filter with holes sees further", lambda: windows.film(7, dilation=2)),
    "im2col": ("a convolution as one matrix product", columns.film),
    "max_pool": ("max pooling, and where its gradients go", lambda: pooling.film()),
    "avg_pool": ("average pooling, and where its gradients go", lambda: pooling.film(average=True)),
    "relu_fit": ("a sum of ReLUs bends into a sine", lambda: kinks.film()),
}


def lesson(name: str) -> Film:
    """Draw one of the lessons.

    Parameters
    ----------
    name : one of ``lessons()``.

    Returns
    -------
    Film
        ``.save(path)`` writes an animated ``.gif`` or ``.svg``, or an ``.html`` page with a slider.

    Examples
    --------
    >>> film = lesson("stride")
    >>> len(film.frames), film.frames[0].words()[-2]
    (9, '4·1 + 0·0 + 1·(-1) + 3·2 + 0·0 + 0·(-2) + 1·1 + 0·0 + 4·(-1) = 6')
    """
    if name not in LESSONS:
        raise ArgumentError(f"lesson: there is no lesson {name!r}; there are {', '.join(LESSONS)}")
    return LESSONS[name][1]()


def lessons() -> dict[str, str]:
    """The lessons by name, each with what it shows."""
    return {name: words for name, (words, _) in LESSONS.items()}
