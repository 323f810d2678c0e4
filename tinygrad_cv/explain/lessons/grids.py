"""Grids of numbers, the furniture of most lessons."""

from __future__ import annotations

from tinygrad_cv.explain.lessons.film import Scene
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.svg import INK, MUTED

CELL = 34.0
PALE, LINE = "#f6f8fa", "#b8c2cc"
SEEN, MADE, WON = ("#dbeaf7", "#0072b2"), ("#fdeee4", "#d55e00"), ("#def3eb", "#178f6b")
"""Fill and outline of what is looked at, of what was made of it, and of what decided."""


def words(value: float) -> str:
    """A number as it is written in a cell.

    >>> words(3.0), words(-0.5), words(0.3333333)
    ('3', '-0.5', '0.33')
    """
    return f"{value:.0f}" if value == round(value) else f"{value:.2g}"


def factor(value: float) -> str:
    """A number in a product; negative ones in parentheses.

    >>> factor(-2.0)
    '(-2)'
    """
    return f"({words(value)})" if value < 0 else words(value)


def place(x: float, y: float, row: int, column: int) -> tuple[float, float]:
    """The corner of a cell of a grid at (x, y)."""
    return x + column * CELL, y + row * CELL


def cell(
    scene: Scene, x: float, y: float, row: int, column: int, value: float | None, fill: str = PALE, line: str = LINE,
    thick: float = 1.0, dashed: bool = False,
) -> None:  # fmt: skip
    """Draw one cell, with its number unless it is None."""
    left, top = place(x, y, row, column)
    scene.rect(left, top, CELL, CELL, fill, line, thick, dashed)
    if value is not None:
        scene.text(left + CELL / 2, top + CELL / 2 + 4.5, words(value), 13, MUTED if dashed else INK, "middle")


def grid(scene: Scene, x: float, y: float, values: Array, heading: str, padding: int = 0) -> None:
    """Draw a matrix; ``padding`` rings of zeros around it are dashed, and (x, y) is the corner with them."""
    height, width = values.shape
    scene.text(x, y - 9, heading, 12, MUTED, bold=True)
    for row in range(-padding, height + padding):
        for column in range(-padding, width + padding):
            inside = 0 <= row < height and 0 <= column < width
            value = float(values[row, column]) if inside else 0.0
            cell(scene, x, y, row + padding, column + padding, value, PALE if inside else "#ffffff", dashed=not inside)


def empty(scene: Scene, x: float, y: float, shape: tuple[int, int], heading: str) -> None:
    """Draw a matrix whose numbers are still to come."""
    scene.text(x, y - 9, heading, 12, MUTED, bold=True)
    for row in range(shape[0]):
        for column in range(shape[1]):
            cell(scene, x, y, row, column, None, "#ffffff")
