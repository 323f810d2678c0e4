"""A drawing is always shown and written, whichever of Graphviz's parts are installed."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import graphviz
import pytest
from hypothesis import given

from tests.viz.test_layered import sketches
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.viz.dot import GraphDrawing
from tinygrad_cv.viz.sketch import Arrow, Box, Sketch

SMALL = Sketch([Box("a", ("x < y", "2×3"), "input"), Box("b", ("relu",), path=("net", "act"))], [Arrow("a", "b")])


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither the dot program nor pygraphviz."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def parsed(source: str) -> tuple[dict[str, list[str]], list[tuple[str, str]], int]:
    """Nodes with their lines, edges and the number of clusters, read from the DOT text."""
    nodes = {}
    for name, label in re.findall(r"^\s*(n\d+) \[label=<(.*?)> color=", source, re.M):
        lines = re.sub(r"</?(?:b|font[^>]*)>", "", label).split("<br/>")
        nodes[name] = [html.unescape(line) for line in lines]
    edges = re.findall(r"^\s*(n\d+) -> (n\d+)", source, re.M)
    return nodes, edges, len(re.findall(r"subgraph cluster_\d+", source))


@given(sketches())
def test_the_source_holds_every_box_arrow_and_frame(sketch: Sketch) -> None:
    nodes, edges, clusters = parsed(GraphDrawing(sketch).source)
    names = {box.id: f"n{i}" for i, box in enumerate(sketch.boxes)}
    assert set(nodes) == set(names.values())
    for box in sketch.boxes:
        name, *rest = box.lines
        assert nodes[names[box.id]] == [name or " ", *filter(None, rest)]
    assert edges == [(names[a.source], names[a.target]) for a in sketch.arrows]
    assert clusters == len(sketch.paths())


def test_a_drawing_is_a_digraph_and_copies_with_its_content() -> None:
    drawing = GraphDrawing(SMALL)
    assert isinstance(drawing, graphviz.Digraph)
    assert drawing.copy().source == drawing.source
    assert drawing.source.count("{") == drawing.source.count("}") == 3


@pytest.mark.usefixtures("bare")
def test_without_programs_svg_is_drawn_and_shown(tmp_path: Path) -> None:
    drawing = GraphDrawing(SMALL)
    assert drawing._repr_mimebundle_()["image/svg+xml"].startswith("<svg")
    path = drawing.render(tmp_path / "net.svg")
    assert Path(path).read_text() == drawing.svg == drawing._repr_svg_() == drawing.pipe(encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["net.svg"]


@pytest.mark.usefixtures("bare")
def test_without_programs_other_formats_become_svg_with_one_sentence(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="no Graphviz was found that could write png.*pip install pygraphviz"):
        path = GraphDrawing(SMALL).render(tmp_path / "net", format="png")
    assert path == str(tmp_path / "net.svg") and Path(path).read_text().startswith("<svg")


@pytest.mark.usefixtures("bare")
def test_dot_text_needs_no_program(tmp_path: Path) -> None:
    drawing = GraphDrawing(SMALL)
    for path in (drawing.save(tmp_path / "net.gv"), drawing.render(tmp_path / "again.dot")):
        assert Path(path).read_text() == drawing.source
    assert drawing.render("both", tmp_path, cleanup=False) and (tmp_path / "both.gv").read_text() == drawing.source


@pytest.mark.parametrize("broken", ["fails", "hangs", "is not a program"])
def test_a_broken_program_is_no_error(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        if broken == "hangs":
            raise subprocess.TimeoutExpired(command, 1)
        if broken == "is not a program":
            raise OSError(8, "Exec format error")
        return subprocess.CompletedProcess(command, 1, b"", b"Error: no plugins")

    monkeypatch.setattr(shutil, "which", lambda name: "dot")
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert GraphDrawing(SMALL).svg.startswith("<svg")


def test_the_program_is_asked_first_and_pygraphviz_second(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], input: bytes, **options: object) -> subprocess.CompletedProcess[bytes]:
        assert command == ["dot", "-Tpng"] and input.decode() == drawing.source
        return subprocess.CompletedProcess(command, 0, b"by dot")

    class AGraph:
        def __init__(self, string: str) -> None:
            assert string == drawing.source

        def draw(self, format: str, prog: str) -> bytes:
            return f"{format} by pygraphviz's {prog}".encode()

    drawing = GraphDrawing(SMALL)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setitem(sys.modules, "pygraphviz", types.SimpleNamespace(AGraph=AGraph))
    monkeypatch.setattr(shutil, "which", lambda name: "dot")
    assert drawing.pipe("png") == b"by dot"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert drawing.pipe("pdf") == b"pdf by pygraphviz's dot"
    assert drawing.pipe("svg", engine="layered").startswith(b"<svg")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ArgumentError, match="'xyz' is unknown; give one of svg, png, pdf"):
        GraphDrawing(SMALL).render("net", format="xyz")
