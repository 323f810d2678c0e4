"""A sketch as a Graphviz graph that can always be shown, whether or not the machine can run Graphviz.

`GraphDrawing` is a ``graphviz.Digraph``: ``.source``, ``.render``, ``.save``, ``.pipe``, ``.view`` and the display
in notebooks work as people know them. Where the ``graphviz`` package would raise because there is no ``dot``
program, ours asks the pygraphviz package, which carries its own, and then draws by itself (`drawing`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from html import escape
from typing import Any

import graphviz

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.viz.chart import write_whole
from tinygrad_cv.viz.drawing import COLORS, FRAME_FILLS, LINES, draw
from tinygrad_cv.viz.sketch import Box, Path, Sketch
from tinygrad_cv.viz.svg import INK, MUTED

FORMATS = ("svg", "png", "pdf", "gv", "dot", "ps", "eps", "jpg", "json", "plain")
PATIENCE = 30.0
ADVICE = "install Graphviz (https://graphviz.org/download) or pygraphviz (pip install pygraphviz)"


class GraphDrawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no types
    """A drawing of a graph.

    Attributes
    ----------
    source : the graph in the DOT language.
    svg : the drawing; by Graphviz if there is one, else by the package itself.
    sketch : the graph as boxes, arrows and frames.
    """

    def __init__(self, sketch: Sketch | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.sketch = sketch if sketch is not None else Sketch()
        if options.get("body") is None:
            self._build(self.sketch.check())

    def _copy_kwargs(self, **options: Any) -> dict[str, Any]:
        copied: dict[str, Any] = super()._copy_kwargs(sketch=self.sketch, **options)
        return copied

    def _build(self, sketch: Sketch) -> None:
        """Write the sketch in the DOT language."""
        # The title is plain text, so what DOT would read as markup or as an escape is made harmless.
        self.attr("graph", label=graphviz.nohtml(graphviz.escape(sketch.title)), labelloc="t", labeljust="l",
                  fontname="Helvetica", fontsize="14", fontcolor=INK, ranksep="0.35", nodesep="0.3")  # fmt: skip
        self.attr("node", shape="box", style="rounded,filled", fontname="Helvetica", fontsize="12", fontcolor=INK,
                  height="0.3", margin="0.14,0.06")  # fmt: skip
        self.attr("edge", color=LINES["flow"][0], arrowsize="0.6", fontname="Helvetica", fontsize="9", fontcolor=MUTED)
        names = {box.id: f"n{i}" for i, box in enumerate(sketch.boxes)}
        frames: dict[Path, graphviz.Digraph] = {(): self}
        for number, path in enumerate(sketch.paths()):
            frame = graphviz.Digraph(name=f"cluster_{number}")
            words = "  ".join(word for word in sketch.labels(path) if word)
            fill = FRAME_FILLS[min(len(path), len(FRAME_FILLS)) - 1]
            frame.attr(label=graphviz.nohtml(graphviz.escape(words)), labeljust="l", labelloc="t",
                       style="rounded,filled", color="#d3dbe3", fillcolor=fill, fontsize="10",
                       fontcolor=MUTED)  # fmt: skip
            frames[path] = frame
        for box in sketch.boxes:
            fill, stroke = COLORS[box.kind]
            more = {"peripheries": "2"} if box.copies > 1 else {}
            tip = graphviz.escape(box.tip or box.id)
            frames[box.path].node(names[box.id], _label(box), fillcolor=fill, color=stroke, tooltip=tip, **more)
        for path in reversed(sketch.paths()):
            frames[path[:-1]].subgraph(frames[path])
        leaves = {box.id for box in sketch.boxes if box.kind in ("parameter", "buffer", "saved")}
        for arrow in sketch.arrows:
            color, dashes = LINES[arrow.style]
            weight = "1" if arrow.source in leaves else "6"
            style = {"style": "dashed" if dashes else "solid", "color": color, "weight": weight}
            label = f"<{escape(arrow.label)}>" if arrow.label else None
            ends = names[arrow.source], names[arrow.target]
            if arrow.style == "back":  # upwards: dot places the tail of an edge above its head
                ends, style["dir"] = ends[::-1], "back"
            self.edge(*ends, label, **style)

    @property
    def svg(self) -> str:
        """The drawing as an SVG document."""
        return self._draw("svg")[0].decode()

    def _by_graphviz(self, format: str) -> bytes | None:
        """The drawing by the ``dot`` program, else by pygraphviz; None where neither can."""
        if shutil.which("dot"):
            try:
                command = ["dot", f"-T{format}"]
                done = subprocess.run(command, input=self.source.encode(), capture_output=True, timeout=PATIENCE)
            except (OSError, subprocess.TimeoutExpired):
                pass
            else:
                if done.returncode == 0 and done.stdout:
                    return bytes(done.stdout)
        try:
            import pygraphviz

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                drawn = pygraphviz.AGraph(string=self.source).draw(format=format, prog="dot")
            return bytes(drawn)
        except Exception:  # not installed, or its libraries do not load, or it has no writer for this format
            return None

    def pipe(
        self,
        format: str | None = None,
        *args: Any,
        engine: str | None = None,
        encoding: str | None = None,
        **options: Any,
    ) -> Any:
        """The drawing as bytes, or as text in ``encoding``; SVG where only Graphviz could write the format."""
        data, _ = self._draw(format or "svg", engine)
        return data.decode(encoding) if encoding else data

    def _draw(self, format: str, engine: str | None = None) -> tuple[bytes, str]:
        """The drawing, and the format that it really has."""
        if format in ("gv", "dot"):
            return self.source.encode(), format
        if format not in FORMATS:
            raise ArgumentError(f"GraphDrawing: the format {format!r} is unknown; give one of {', '.join(FORMATS)}")
        drawn = None if engine == "layered" and format == "svg" else self._by_graphviz(format)
        if drawn is not None:
            if format == "svg":  # without its prolog it can stand within a page
                drawn = drawn[drawn.index(b"<svg") :]
            return drawn, format
        if format != "svg":
            warnings.warn(f"no Graphviz was found that could write {format}, so the drawing was written as svg; "
                          f"for {format}, {ADVICE}", stacklevel=3)  # fmt: skip
        return draw(self.sketch).encode(), "svg"

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = True,
        format: str | None = None,
        *args: Any,
        outfile: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        **options: Any,
    ) -> str:
        """Write the drawing to a file and return its path.

        Parameters
        ----------
        filename : where to write. A suffix such as ``.svg`` names the format; without one, the format's own is
            appended (``render("net", format="png")`` writes ``net.png``).
        directory : a folder in front of it.
        view : open the file with the system's viewer.
        cleanup : unless False, leave no DOT file beside the drawing (`save` writes one).
        format : ``svg`` by default; ``png``, ``pdf`` and others need Graphviz. Where it is missing, the drawing is
            written as SVG with the suffix ``.svg``, and a warning says so.
        engine : ``layered`` draws an SVG by the package itself even where Graphviz is installed.
        """
        target = os.fspath(outfile if outfile is not None else filename if filename is not None else "graph")
        stem, suffix = os.path.splitext(target)
        if suffix[1:].lower() in FORMATS and format in (None, suffix[1:].lower()):
            format = suffix[1:].lower()
        else:
            stem, format = target, format or "svg"
        folder = os.fspath(directory) if directory is not None else ""
        data, written = self._draw(format, engine)
        path = write_whole(os.path.join(folder, f"{stem}.{written}"), data)
        if not cleanup:
            write_whole(os.path.join(folder, f"{stem}.gv"), self.source)
        if view:
            self._view(os.fspath(path), format=written, quiet=True)
        return os.fspath(path)

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *args: Any,
        **options: Any,
    ) -> str:
        """Write the DOT source, or, where the suffix names another format, the drawing; return the path."""
        target = os.fspath(filename) if filename is not None else "graph.gv"
        if os.path.splitext(target)[1].lower() not in (".gv", ".dot", ""):
            return self.render(target, directory)
        return os.fspath(write_whole(os.path.join(os.fspath(directory or ""), target), self.source))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg}

    def _repr_svg_(self) -> str:
        return self.svg


def _label(box: Box) -> str:
    """The lines of a box in Graphviz's HTML: the name, then the rest small."""
    bold = box.kind not in ("parameter", "buffer", "saved", "note")
    first, *rest = box.lines or ("",)
    name = f"<b>{escape(first)}</b>" if bold and first else escape(first)
    small = "".join(f'<br/><font point-size="9" color="{MUTED}">{escape(line)}</font>' for line in rest if line)
    return f"<{name or ' '}{small}>"
