"""A film: a background and some frames drawn over it, as an animated SVG, a page with a slider, or a GIF.

A frame is a short list of rectangles, lines and words, so that the same drawing can be written as SVG and painted in
pixels. Nothing is loaded from elsewhere, and no program is needed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.viz.chart import write_whole
from tinygrad_cv.viz.svg import INK, PAPER, Picture, element, number

SUFFIXES = (".gif", ".svg", ".html")
FINE = 2
"""How many pixels of a GIF's first painting become one, so that lines and letters are smooth."""


@dataclass
class Scene:
    """Shapes, the later ones on top: each a kind with its numbers and colours."""

    shapes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def rect(
        self, x: float, y: float, width: float, height: float, fill: str = "none", stroke: str = "none",
        thick: float = 1.0, dashed: bool = False,
    ) -> None:  # fmt: skip
        """Add a rectangle."""
        self.shapes.append(("rect", {"x": x, "y": y, "width": width, "height": height, "fill": fill, "stroke": stroke,
                                     "thick": thick, "dashed": dashed}))  # fmt: skip

    def text(
        self, x: float, y: float, words: str, size: float = 13, fill: str = INK, anchor: str = "start",
        bold: bool = False,
    ) -> None:  # fmt: skip
        """Add a line of text; (x, y) is on its baseline."""
        kept = {"x": x, "y": y, "words": words, "size": size, "fill": fill, "anchor": anchor, "bold": bold}
        self.shapes.append(("text", kept))

    def way(self, points: Sequence[tuple[float, float]], stroke: str = INK, thick: float = 1.5) -> None:
        """Add a line through points."""
        self.shapes.append(("way", {"points": list(points), "stroke": stroke, "thick": thick}))

    def words(self) -> list[str]:
        """All that is written in it."""
        return [shape["words"] for kind, shape in self.shapes if kind == "text"]

    def svg(self) -> str:
        """The shapes as SVG elements."""
        picture = Picture(0, 0, "")
        for kind, s in self.shapes:
            if kind == "rect":
                dashes = "4 3" if s["dashed"] else None
                picture.rect(s["x"], s["y"], s["width"], s["height"], fill=s["fill"], stroke=s["stroke"],
                             stroke_width=s["thick"], stroke_dasharray=dashes)  # fmt: skip
            elif kind == "text":
                weight = 600 if s["bold"] else None
                anchor = None if s["anchor"] == "start" else s["anchor"]
                picture.text(s["x"], s["y"], s["words"], s["size"], fill=s["fill"], anchor=anchor, font_weight=weight)
            else:
                d = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in s["points"])
                picture.add("path", d=d, fill="none", stroke=s["stroke"], stroke_width=s["thick"])
        return "".join(picture.parts)

    def paint(self, draw: Any, scale: float) -> None:
        """Paint the shapes with PIL."""
        from PIL import ImageFont

        for kind, s in self.shapes:
            if kind == "rect":
                x, y = s["x"] * scale, s["y"] * scale
                corners = (x, y, x + s["width"] * scale, y + s["height"] * scale)
                fill, stroke = (None if s[c] == "none" else s[c] for c in ("fill", "stroke"))
                if s["dashed"]:
                    draw.rectangle(corners, fill=fill)
                    _dashed(draw, corners, stroke, s["thick"], scale)
                else:
                    draw.rectangle(corners, fill=fill, outline=stroke, width=max(1, round(s["thick"] * scale)))
            elif kind == "text":
                font: Any = ImageFont.load_default(s["size"] * scale)
                anchor = {"start": "ls", "middle": "ms", "end": "rs"}[s["anchor"]]
                plain = s["words"].replace("×", "x")  # which the font that comes with PIL cannot write
                draw.text((s["x"] * scale, s["y"] * scale), plain, s["fill"], font=font, anchor=anchor,
                          stroke_width=0.35 * scale if s["size"] > 14 else 0)  # fmt: skip
            else:
                points = [(x * scale, y * scale) for x, y in s["points"]]
                draw.line(points, s["stroke"], max(1, round(s["thick"] * scale)), joint="curve")


def _dashed(draw: Any, corners: tuple[float, ...], color: Any, thick: float, scale: float) -> None:
    x1, y1, x2, y2 = corners
    for (ax, ay), (bx, by) in (((x1, y1), (x2, y1)), ((x2, y1), (x2, y2)), ((x2, y2), (x1, y2)), ((x1, y2), (x1, y1))):
        length = max(abs(bx - ax), abs(by - ay))
        dx, dy = (bx - ax) / length, (by - ay) / length
        at = 0.0
        while at < length:
            end = min(at + 4 * scale, length)
            draw.line((ax + dx * at, ay + dy * at, ax + dx * end, ay + dy * end), color, max(1, round(thick * scale)))
            at += 7 * scale


@dataclass
class Film:
    """A finished lesson.

    Attributes
    ----------
    title, words : what it is, and what it shows.
    width, height : in pixels.
    base : what every frame shows.
    frames : what each adds to it.
    seconds : how long a frame stands; the last one stands three times as long.
    """

    title: str
    words: str
    width: float
    height: float
    base: Scene
    frames: list[Scene]
    seconds: float = 1.0

    @property
    def svg(self) -> str:
        """An animated SVG document, which goes round by itself."""
        return self._document(moving=True)

    @property
    def html(self) -> str:
        """A page with a slider; it loads nothing."""
        form = Path(__file__).with_name("film.html").read_text(encoding="utf-8")
        svg = self._document(moving=False).strip()
        said = escape(self.words)
        for mark, content in (("{title}", escape(self.title)), ("{words}", said), ("{svg}", svg)):
            form = form.replace(mark, content)
        return form.replace("{ms}", str(round(self.seconds * 1000)))

    @property
    def gif(self) -> bytes:
        """An animated GIF."""
        pictures = [self.picture(i) for i in range(len(self.frames))]
        times = [round(self.seconds * 1000)] * (len(pictures) - 1) + [round(self.seconds * 3000)]
        buffer = io.BytesIO()
        palette = pictures[-1].quantize(128, dither=0)
        drawn = [picture.quantize(palette=palette, dither=0) for picture in pictures]
        drawn[0].save(buffer, "GIF", save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=True)
        return buffer.getvalue()

    def picture(self, frame: int) -> Any:
        """One frame as a PIL image."""
        from PIL import Image, ImageDraw

        size = round(self.width * FINE), round(self.height * FINE)
        image = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(image)
        for scene in (self.base, self.frames[frame]):
            scene.paint(draw, FINE)
        return image.resize((round(self.width), round(self.height)), Image.Resampling.LANCZOS)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the film as .gif, .svg or .html, whole or not at all, and return the path."""
        suffix = Path(path).suffix.lower()
        if suffix not in SUFFIXES:
            raise ArgumentError(f"lesson: cannot write {os.fspath(path)}; give a name that ends in .gif, .svg or .html")
        return write_whole(path, getattr(self, suffix[1:]))

    def _repr_svg_(self) -> str:
        return self.svg

    def _document(self, moving: bool) -> str:
        picture = Picture(self.width, self.height, self.title, self.words)
        picture.parts.append(self.base.svg())
        ends = [(i + 1) / (len(self.frames) + 2) for i in range(len(self.frames) - 1)]
        for i, scene in enumerate(self.frames):
            shown = "visible" if i == 0 else "hidden"
            change = ""
            if moving and len(self.frames) > 1:
                start, end = ends[i - 1] if i else 0.0, ends[i] if i < len(ends) else 1.0
                times = [(0.0, shown)] if i == 0 else [(0.0, "hidden"), (start, "visible")]
                times += [(end, "hidden")] if end < 1 else []
                change = element(
                    "animate", attributeName="visibility", values=";".join(v for _, v in times),
                    keyTimes=";".join(f"{t:.4g}" for t, _ in times), calcMode="discrete",
                    dur=f"{self.seconds * (len(self.frames) + 2):g}s", repeatCount="indefinite",
                )  # fmt: skip
            picture.add("g", change + scene.svg(), visibility=shown, data_frame=i)
        return str(picture)
