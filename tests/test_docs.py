"""What the documentation says is there, is complete and runs: docstrings, their examples, the pages, the README."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tinygrad_cv

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
ROOMS = [
    "nn", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "functional", "models", "datasets", "transforms",
    "autograd", "testing", "viz", "explain", "io", "utils.data", "utils.checkpoint", "train", "tensors.creation",
    "tensors.random", "data.features", "data.sift", "data.surf", "data.words",
]  # fmt: skip
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FREE = {"self", "args", "kwargs", "x"}
"""Arguments that need no words."""


def room(name: str) -> ModuleType:
    return importlib.import_module(f"tinygrad_cv.{name}")


def public(name: str) -> dict[str, Any]:
    """The classes and functions of ours that users see in a room."""
    module = room(name)
    listed = getattr(module, "__all__", None)
    origin = "tinygrad_cv" if listed else module.__name__
    things = {n: getattr(module, n) for n in listed or vars(module) if not n.startswith("_")}
    return {
        n: thing
        for n, thing in things.items()
        if (inspect.isclass(thing) or inspect.isroutine(thing)) and str(thing.__module__).startswith(origin)
    }


EVERYTHING = {f"{name}.{n}": thing for name in ROOMS for n, thing in public(name).items()}
BY_NAME = {key.rsplit(".", 1)[1]: thing for key, thing in EVERYTHING.items()}


def recurring() -> set[str]:
    """The arguments that the reference explains once for all."""
    text = (DOCS / "reference" / "index.rst").read_text(encoding="utf-8").split("Arguments that recur")[1]
    return set(re.findall(r"``(\w+)``", text))


def arguments(thing: Any) -> list[str]:
    """The names of the arguments of a function, or of a class; none where it is a base's signature, or unknown."""
    if inspect.isclass(thing):
        own, *bases = (inspect.unwrap(vars(c).get("__init__", object)) for c in thing.__mro__)
        if issubclass(thing, (Exception, str)) or own is object or own in bases:
            return []
    return [name for name in inspect.signature(thing).parameters if not name.startswith("_")]


def explained(thing: Any, name: str, depth: int = 2) -> bool:
    """Whether a docstring has the word, or refers in backquotes to a name whose docstring has it."""
    text = inspect.getdoc(thing) or ""
    if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
        return True
    others = [BY_NAME[word] for word in re.findall(r"`(\w+)`", text) if word in BY_NAME]
    return depth > 0 and any(explained(other, name, depth - 1) for other in others if other is not thing)


def fenced(path: Path, mark: str) -> list[str]:
    """The blocks of code between fences in a page."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{re.escape(mark)}\n(?::[^\n]*\n)*(.*?)^```", text, re.DOTALL | re.MULTILINE)


def modules() -> list[str]:
    """The modules whose docstrings hold examples."""
    found = pkgutil.walk_packages(tinygrad_cv.__path__, "tinygrad_cv.")
    return [m.name for m in found if not m.name.endswith("__main__") and ">>>" in source(m.name)]


def source(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file.read_text(encoding="utf-8") if file.exists() else ""


@pytest.mark.parametrize("name", ROOMS)
def test_every_public_name_has_a_docstring_of_a_sentence(name: str) -> None:
    poor = {n: inspect.getdoc(t) for n, t in public(name).items() if len(inspect.getdoc(t) or "") < 12}
    assert not poor
    first = {n: str(inspect.getdoc(t)).split("\n\n")[0] for n, t in public(name).items()}
    open_ended = [n for n, sentence in first.items() if sentence[-1] not in ".:"]
    assert not open_ended, f"the first sentence has no end: {open_ended}"


@pytest.mark.parametrize("name", ROOMS)
def test_docstrings_explain_every_argument(name: str) -> None:
    known = FREE | recurring()
    silent = {
        n: [a for a in arguments(thing) if a not in known and not explained(thing, a)]
        for n, thing in public(name).items()
    }
    assert not {n: missing for n, missing in silent.items() if missing}


@pytest.mark.parametrize("name", modules())
def test_examples_of_docstrings_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.failed == 0


@pytest.mark.parametrize("page", ["start.md", "reading.md", "kernels.md", "differences.md"])
def test_examples_of_pages_run(page: str) -> None:
    assert doctest.testfile(str(DOCS / page), module_relative=False, optionflags=OPTIONS).failed == 0


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{p.relative_to(DOCS)}" for p in DOCS.rglob("*.md"))])
def test_links_of_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)|(?:src|href)=\"(?!https?:|#)([^\"]+)", path.read_text("utf-8"))
    assert [t for pair in targets for t in pair if t and not (path.parent / t).exists()] == []


@pytest.mark.parametrize(
    "page",
    ["tutorials/digits.md", "tutorials/pytorch.md", "tutorials/graph.md", "tutorials/inside.md", "tutorials/own_op.md",
     "errata.md"],  # fmt: skip
)
def test_tutorials_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their cells, one after another, with one epoch in place of several."""
    monkeypatch.chdir(tmp_path)
    cells = fenced(DOCS / page, "{code-cell}")
    assert cells
    run(cells, DOCS / page)


def test_the_listing_of_the_readme_trains_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (listing,) = fenced(ROOT / "README.md", "python")
    names = run([listing], ROOT / "README.md")
    assert names["loss"].item() < 2.3
    assert (tmp_path / "lenet.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_picture_of_the_readme_names_every_parameter_of_its_listing() -> None:
    (listing,) = fenced(ROOT / "README.md", "python")
    picture = (DOCS / "images" / "lenet.svg").read_text(encoding="utf-8")
    layers = re.findall(r"self\.(\w+) = nn\.", listing)
    assert [f"{n}.{p}" for n in layers for p in ("weight", "bias") if f"{n}.{p}<" not in picture] == []


def run(cells: list[str], path: Path) -> dict[str, Any]:
    """Execute pieces of code in one namespace."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        short = re.sub(r"for (epoch|_) in range\(\d+\)", r"for \1 in range(1)", cell)
        exec(compile(short, str(path), "exec"), names)
    return names


def test_everything_that_the_notes_name_is_where_their_page_says() -> None:
    names = re.findall(r"`([\w.]+)`", "".join(re.findall(r"^\|.*", (DOCS / "notes.md").read_text(), re.M)))
    assert len(names) > 80
    for name in names:
        owner, _, last = f"tinygrad_cv.{name}".rpartition(".")
        try:
            assert hasattr(importlib.import_module(owner), last) or importlib.import_module(f"{owner}.{last}"), name
        except ModuleNotFoundError:
            pytest.fail(f"docs/notes.md: there is no tinygrad_cv.{name}")
