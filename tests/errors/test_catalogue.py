"""The catalogue of bad calls: one line for each rule, with the words that must be in the message.

A line of a table is ``call  ->  words``; the words are what clashes, with its numbers. Every call must end in one of
the project's own errors, which names what the user called. The names in the calls are those of `names.py`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.errors.names import NAMES
from tinygrad_cv import functional
from tinygrad_cv.ops.errors import TinygradError

TABLES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("tables/*.txt"))}
ENTRIES = {
    f"{name}-{number}": tuple(part.strip() for part in line.split("  ->  "))
    for name, text in TABLES.items()
    for number, line in enumerate(text.splitlines(), 1)
    if line and not line.startswith("#")
}

def called(call: str) -> str:
    """Return the name that the outermost call of an expression has: 'conv2d' for ``F.conv2d(x, w)``."""
    function = ast.parse(call, mode="eval").body
    assert isinstance(function, ast.Call), call
    while isinstance(function.func, ast.Call):  # nn.Linear(3, 4)(x): the layer is what is called
        function = function.func
    return ast.unparse(function.func)


COVERED = {called(call) for call, _ in ENTRIES.values()}

ROOMS: dict[str, list[str]] = {"F": list(functional.__all__)}
"""The rooms of which every public name must be in the catalogue."""

CANNOT_FAIL: dict[str, str] = {}
"""Public names without a bad call, and why there is none."""


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_bad_call_says_where_and_what_clashes(entry: str) -> None:
    call, words = ENTRIES[entry]
    with pytest.raises(TinygradError) as caught:
        eval(call, dict(NAMES))
    message = str(caught.value)
    assert words in message
    assert called(call).rpartition(".")[2] in message, "the message does not name what was called"


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
