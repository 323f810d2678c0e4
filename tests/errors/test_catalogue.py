"""The catalogue of bad calls: one line for each rule, with the words that must be in the message.

A line of a table is ``call  ->  words``; the words are what clashes, with its numbers. Every call must end in one of
the project's own errors, which names what the user called. The names in the calls are those of `names.py`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from tests.errors.names import NAMES
from tinygrad_cv import autograd, functional, io, nn, transforms
from tinygrad_cv.ops.errors import TinygradError
from tinygrad_cv.tensors import creation, sampling

TABLES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("tables/*.txt"))}
ENTRIES = {
    f"{name}-{number}": tuple(part.strip() for part in line.split("  ->  "))
    for name, text in TABLES.items()
    for number, line in enumerate(text.splitlines(), 1)
    if line and not line.startswith("#")
}

def called(call: str) -> str:
    """Return what an expression calls: 'F.conv2d' for ``F.conv2d(x, w)``, 'nn.Linear' for ``nn.Linear(3, 4)(x)``."""
    function = next(node for node in ast.walk(ast.parse(call, mode="eval")) if isinstance(node, ast.Call))
    while isinstance(function.func, ast.Call):
        function = function.func
    return ast.unparse(function.func)


def classes(room: str) -> list[str]:
    """Return the public classes that are defined in a room."""
    module = importlib.import_module(f"tinygrad_cv.{room}")
    found = [(name, thing) for name, thing in vars(module).items() if inspect.isclass(thing) and name[0] != "_"]
    return [name for name, thing in found if thing.__module__.startswith(module.__name__)]


COVERED = {called(call) for call, _ in ENTRIES.values()}

ROOMS: dict[str, list[str]] = {
    "F": list(functional.__all__),
    "nn": classes("nn"),
    "nn.init": [name for name in vars(nn.init) if name.endswith("_") and not name.startswith("_")],
    "tg": [*creation.__all__, *sampling.__all__],
    "optim": classes("optim"),
    "optim.lr_scheduler": classes("optim.lr_scheduler"),
    "autograd.functional": list(autograd.functional.__all__),
    "data": classes("data"),
    "io": list(io.__all__),
    "models": classes("models"),
    "transforms": [name for name in transforms.__all__ if inspect.isclass(getattr(transforms, name))],
}
"""The rooms of which every public name must be in the catalogue."""

CANNOT_FAIL: dict[str, str] = {
    "nn.Identity": "takes any arguments and hands on whatever it is given",
    "tg.is_tensor": "answers for any object",
    "tg.get_default_dtype": "takes nothing",
    "data.Dataset": "is what data sets are made from",
    "data.IterableDataset": "likewise",
    "data.Sampler": "is what samplers are made from",
    "data.Digits": "its one argument is yes or no",
    "models.GoogLeNetOutputs": "holds what a network returns",
    "transforms.Transform": "is what transforms are made from",
    "transforms.AutoAugmentPolicy": "an enumeration",
    "transforms.InterpolationMode": "an enumeration",
    "transforms.Mixup": "MixUp under another name",
}
"""Public names without a bad call, and why there is none."""


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_bad_call_says_where_and_what_clashes(entry: str) -> None:
    call, words = ENTRIES[entry]
    with pytest.raises(TinygradError) as caught:
        eval(call, dict(NAMES))
    message = str(caught.value)
    assert words in message
    room, _, name = called(call).rpartition(".")
    if room in ("F", "tg", "nn.init"):
        assert message.startswith(f"{name}:"), "the message does not name what was called"
    else:  # a layer is made of functions, which are named
        assert re.match(r"[\w.]+: ", message), "the message names nothing"


def test_a_message_does_not_only_name_the_function() -> None:
    thin = [entry for entry, (call, words) in ENTRIES.items() if len(words.split()) < 2 or words == called(call)]
    assert thin == []


def test_no_call_stands_twice() -> None:
    calls = [call for call, _ in ENTRIES.values()]
    assert len(calls) == len(set(calls))


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_an_entry(room: str) -> None:
    missing = {f"{room}.{name}" for name in ROOMS[room]} - COVERED - CANNOT_FAIL.keys()
    assert sorted(missing) == []


def test_what_cannot_fail_is_public_and_has_no_entry() -> None:
    known = {f"{room}.{name}" for room, names in ROOMS.items() for name in names}
    assert CANNOT_FAIL.keys() <= known - COVERED
