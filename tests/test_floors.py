"""The house stands: imports point downwards, form no circle, and never use the names of the root's links.

The floors are those of docs/architecture.md. An import inside a function is deferred until the call: it may
point to a neighbour on its own floor (the derivative of a sum is an expansion, and the other way round), but
upwards it may not point either. Imports for type checkers alone (``if TYPE_CHECKING``) build nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "tinygrad_cv"
BARE = re.compile(r"(ops|models)\b")

FLOORS = [
    ["ops.kernels", "typing", "cuda"],
    ["ops.errors", "ops.geometry", "ops.layout", "ops.op"],
    ["ops"],
    ["autograd"],
    ["tensors"],
    ["functional", "testing", "data", "datasets", "transforms", "viz"],
    ["nn", "optim", "utils"],
    ["models", "io", "interop"],
    ["train", "explain", "distributed"],
    ["ladder", "tune", "explore"],
    ["cli", "__main__", ""],  # "": the package itself, which gathers what users see
]


class Import(NamedTuple):
    source: str
    target: str
    line: int
    deferred: bool

    def __str__(self) -> str:
        return f"{self.source} (line {self.line}) imports {self.target}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((ROOT / PACKAGE).rglob("*.py"))}


def floor_of(module: str) -> int | None:
    """The floor of the innermost room that the table names, or None for a room that it does not know."""
    room = module.removeprefix(PACKAGE).removeprefix(".")
    inner_first = [room[:end] for end in range(len(room), 0, -1) if room[end:][:1] in ("", ".")] or [""]
    return next((floor for name in inner_first for floor, names in enumerate(FLOORS) if name in names), None)


def imports(module: str, tree: ast.Module, is_package: bool) -> Iterator[Import]:
    """All imports of a file, with full names; a name that is a module of its own counts as that module."""

    def walk(node: ast.AST, deferred: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.orelse:
                yield from walk(child, deferred)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno, deferred)
        elif isinstance(node, ast.ImportFrom):
            home = (f"{module}.__init__" if is_package else module).split(".")
            parts = [*home[: -node.level], node.module] if node.level else [node.module]
            base = ".".join(filter(None, parts))
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(module, inner if inner in MODULES else base, node.lineno, deferred)
        else:
            for child in ast.iter_child_nodes(node):
                yield from walk(child, deferred or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    return walk(tree, False)


def imports_in(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return imports(module_name(path), tree, path.name == "__init__.py")


def imports_of(module: str) -> list[Import]:
    return [found for found in imports_in(MODULES[module]) if found.target.split(".")[0] == PACKAGE]


def rises(found: Import) -> bool:
    below, above = floor_of(found.source), floor_of(found.target)
    return below is not None and above is not None and above > below


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Some circle of the graph, or an empty list."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for target in sorted(graph.get(node, ())):
            circle = visit(target, [*path, node])
            if circle:
                return circle
        done.add(node)
        return []

    return next((circle for node in sorted(graph) if (circle := visit(node, []))), [])


def test_every_room_has_a_floor() -> None:
    homeless = [module for module in MODULES if floor_of(module) is None]
    assert not homeless, f"give these a floor in FLOORS, and in docs/architecture.md: {homeless}"


def test_imports_never_point_upwards() -> None:
    upward = {str(found) for module in MODULES for found in imports_of(module) if rises(found)}
    assert not upward, "\n".join(sorted(upward))


def test_imports_form_no_circle() -> None:
    graph = {m: {found.target for found in imports_of(m) if not found.deferred} - {m} for m in MODULES}
    assert not circle_in(graph), " -> ".join(circle_in(graph))


def test_nothing_imports_the_bare_names_of_the_root_links() -> None:
    folders = [ROOT / name for name in (PACKAGE, "tests", "benchmarks", "docs", "examples")]
    files = [ROOT / "dev.py", *(path for folder in folders for path in sorted(folder.rglob("*.py")))]
    bare = {str(found) for path in files for found in imports_in(path) if BARE.match(found.target)}
    assert not bare, "\n".join(sorted(bare))


@pytest.mark.parametrize(
    ("module", "line", "target", "upward"),
    [
        ("ops.errors", "from tinygrad_cv.autograd import backward", "autograd", True),
        ("ops.kernels.jit", "def f():\n    from ..errors import ShapeError", "ops.errors", True),
        ("ops.errors", "import tinygrad_cv", "", True),
        ("ops.errors", "from .. import ops", "ops", True),
        ("autograd.engine", "from ..ops.errors import ShapeError", "ops.errors", False),
        ("ops.op", "from . import errors", "ops.errors", False),
    ],
)
def test_a_planted_import_is_read_and_judged(module: str, line: str, target: str, upward: bool) -> None:
    (found,) = imports(f"{PACKAGE}.{module}", ast.parse(line), False)
    assert found.target == f"{PACKAGE}.{target}".rstrip(".")
    assert rises(found) == upward


def test_a_planted_circle_is_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}}) == []


def test_imports_for_type_checkers_do_not_count() -> None:
    text = "if TYPE_CHECKING:\n    from tinygrad_cv.tensors import Tensor\nelse:\n    import tinygrad_cv.ops"
    assert [found.target for found in imports("m", ast.parse(text), False)] == [f"{PACKAGE}.ops"]
