"""Draw a lesson as a short film: an animated GIF or SVG, or a page with a slider.

Without NAME the lessons are listed. Every number that is shown was computed by the library's own operations.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tinygrad_cv.cli.parser import UsageError, similar


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="a lesson; without it they are listed")
    parser.add_argument("--out", "-o", metavar="FILE", help="a name that ends in .gif, .svg or .html (NAME.html)")


def run(arguments: Namespace) -> None:
    """Write the film, or list what there is."""
    from tinygrad_cv.explain.lessons import lesson, lessons
    from tinygrad_cv.explain.lessons.film import SUFFIXES

    known = lessons()
    if arguments.name is None:
        for name, words in known.items():
            print(f"  {name:<10}{words}")
        return
    if arguments.name not in known:
        raise UsageError(f"lesson: there is no lesson {arguments.name!r}; {similar(arguments.name, known)}")
    out = Path(arguments.out or f"{arguments.name}.html")
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"lesson: cannot write {out}; give --out a name that ends in .gif, .svg or .html")
    print(f"the lesson {arguments.name}: {lesson(arguments.name).save(out)}")
