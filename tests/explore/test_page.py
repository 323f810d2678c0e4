"""The page's own files: both languages say everything, nothing is fetched from elsewhere, names can be joined."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tinygrad_cv.explore.app import PAGE
from tinygrad_cv.explore.export import bundle, forms
from tinygrad_cv.ops.op import REGISTRY

FILES = sorted(path for path in PAGE.iterdir() if path.suffix in (".js", ".css", ".html"))
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
TOP = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)


def table(name: str, language: str) -> str:
    """The part of a dictionary that belongs to a language."""
    text = (PAGE / "text.js").read_text(encoding="utf-8")
    whole = text.split(f"export const {name} = {{")[1].split("\n};")[0]
    return whole.split(f"\n  {language}: {{")[1].split("\n  },")[0]


def keys(part: str) -> list[str]:
    return re.findall(r'(?:^|\s)(\w+): (?=["])', part)


@pytest.mark.parametrize("name", ["WORDS", "OPERATIONS"])
def test_both_languages_have_the_same_words(name: str) -> None:
    english, chinese = (keys(table(name, language)) for language in ("en", "zh"))
    assert len(english) > 15 and english == chinese
    assert len(set(english)) == len(english)


def test_both_languages_fill_the_same_blanks() -> None:
    def blanks(language: str) -> dict[str, list[str]]:
        lines = re.findall(r'^    (\w+): "(.*)",$', table("WORDS", language), re.MULTILINE)
        return {key: sorted(re.findall(r"\{(\w+)\}", text)) for key, text in lines}

    assert blanks("en") == blanks("zh")


def test_every_word_that_the_page_says_is_in_the_dictionary() -> None:
    said = {key for path in SCRIPTS for key in re.findall(r'say\("(\w+)"', path.read_text(encoding="utf-8"))}
    assert len(said) > 30 and said <= set(keys(table("WORDS", "en")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""https?://|["'(]//|@import|eval\(|new Function|innerHTML|document\.write""", text)


def test_modules_can_be_joined_because_no_two_share_a_name() -> None:
    counted = Counter(name for path in SCRIPTS for name in TOP.findall(path.read_text(encoding="utf-8")))
    assert [name for name, n in counted.items() if n > 1] == []


def test_the_joined_script_defines_every_module_before_its_users() -> None:
    script = bundle("standalone.js")
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    assert script.index("class Explorer") < script.index("new Explorer(document")
    assert script.index("const UNARY") < script.index("const KERNELS") < script.index("class LocalNetwork")


def test_the_page_computes_operations_that_exist() -> None:
    assert {"Conv2d", "Linear", "Relu", "MaxPool2d", "FrozenBatchNorm"} <= forms() <= set(REGISTRY)
