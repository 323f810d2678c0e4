"""A small writer of SVG: shapes and text in, one self-contained document out.

Everything is written as attributes, never as a style sheet: a drawing shown inside a notebook or a web page
can then neither restyle its surroundings nor be restyled by them. Nothing has a global
identifier, no font, script or picture is loaded from elsewhere, and the background is painted, so that
a drawing looks the same on white paper and on a dark page.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

FONT = (
    "Inter, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'Noto Sans', 'PingFang SC', "
    "'Microsoft YaHei', 'Noto Sans CJK SC', 'DejaVu Sans', sans-serif"
)

INK, MUTED, FAINT, GRID, PAPER = "#1f2933", "#5c6873", "#9aa5b1", "#e4e8ec", "#ffffff"

SERIES = ("#0072b2", "#d55e00", "#009e73", "#a0488f", "#b07d00", "#4a90c2", "#555555")
"""Colours for lines and bars, after Okabe and Ito (2008): told apart with any common colour blindness, and
all darker than paper by a contrast of at least three."""

# Advance widths of a common sans-serif face in thousandths of its size; what is not listed is taken as 560.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 240),
    **dict.fromkeys(" ft.,:;!I/\\[]()-`", 310),
    **dict.fromkeys('r"*°', 370),
    **dict.fromkeys("ckszvxyJ", 510),
    **dict.fromkeys("ABEKPSVXYCDHNRUw&", 700),
    **dict.fromkeys("GOQ", 780),
    **dict.fromkeys("mMW%@", 880),
}
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Estimate the width of a line of text in pixels, on the generous side; Chinese characters are square."""
    units = sum(_WIDTHS.get(c, 560) if ord(c) < 0x2E80 else 1000 for c in text)
    return units * size / 1000 * (1.13 if bold else 1.08)


def shorten(text: str, width: float, size: float) -> str:
    """The text, cut with an ellipsis if it would be wider than ``width``."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def number(value: float) -> str:
    """A coordinate with at most two decimals and no needless zeros."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written in ("-0", "") else written


def clean(text: Any) -> str:
    """Text that an XML file may hold: control characters, which it may not, become replacement characters."""
    return escape(_ILLEGAL.sub("\ufffd", str(text)))


def element(tag: str, content: str | None = None, /, **attributes: Any) -> str:
    """One element; ``stroke_width=2`` becomes ``stroke-width="2"``, and what is None is left out."""
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}="
        + quoteattr(number(value) if isinstance(value, float) else _ILLEGAL.sub("\ufffd", str(value)))
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}/>" if content is None else f"<{tag}{written}>{content}</{tag}>"


class Picture:
    """A drawing under way: each method adds one shape on top of those before.

    Parameters
    ----------
    width, height : size in pixels at 100 %; the document scales to whatever space it is given.
    title : what the picture is, in a few words; read aloud by screen readers and shown as a tooltip.
    description : what it shows, in a sentence or two.
    """

    def __init__(self, width: float, height: float, title: str, description: str = "") -> None:
        self.width, self.height = float(width), float(height)
        self.title, self.description = title, description
        self.parts: list[str] = []

    def add(self, tag: str, content: str | None = None, /, **attributes: Any) -> None:
        """Add any element (see `element`)."""
        self.parts.append(element(tag, content, **attributes))

    def rect(self, x: float, y: float, width: float, height: float, **attributes: Any) -> None:
        """Add a rectangle; ``tip`` gives it a tooltip."""
        tip = attributes.pop("tip", None)
        content = None if tip is None else element("title", clean(tip))
        box = {"x": float(x), "y": float(y), "width": float(width), "height": float(height)}
        self.add("rect", content, **box, **attributes)

    def line(self, x1: float, y1: float, x2: float, y2: float, **attributes: Any) -> None:
        """Add a straight line."""
        ends = {"x1": float(x1), "y1": float(y1), "x2": float(x2), "y2": float(y2)}
        self.add("line", **ends, **{"stroke": GRID, "stroke_width": 1, **attributes})

    def text(self, x: float, y: float, content: str, size: float = 11, **attributes: Any) -> None:
        """Add a line of text whose baseline starts at (x, y); ``anchor`` may be start, middle or end."""
        anchor = attributes.pop("anchor", None)
        place = {"x": float(x), "y": float(y), "font_size": size, "text_anchor": anchor}
        self.add("text", clean(content), **place, **{"fill": INK, **attributes})

    def open(self, **attributes: Any) -> None:
        """Start a group; what follows belongs to it until `close`."""
        self.parts.append(element("g", "", **attributes).removesuffix("</g>"))

    def close(self) -> None:
        """End the group."""
        self.parts.append("</g>")

    def __str__(self) -> str:
        """The document."""
        width, height = number(self.width), number(self.height)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family={quoteattr(FONT)}>'
        )
        description = element("desc", clean(self.description)) if self.description else ""
        paper = element("rect", width="100%", height="100%", fill=PAPER)
        body = [head, element("title", clean(self.title)) + description, paper, *self.parts, "</svg>\n"]
        return "\n".join(body)
