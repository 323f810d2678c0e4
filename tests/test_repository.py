"""What is tracked speaks of the project alone, is cut into short files, and pins without index addresses."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 400

# In pieces, so that this file does not match itself.
PRIVATE = {
    "a path of one machine": re.compile(r"(?<![\w.~-])/(?:home|root|Users|work|tmp|opt|mnt|media)/[\w.]"),
    "an address of a package index": re.compile(r"/simple[/]|(?:extra-)?index[-_]url\b|\bfind[-_]links\b"),
}


def tracked() -> list[Path]:
    """The files that git tracks; in an unpacked source distribution, those of the package, and the root's."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [*ROOT.glob("*"), *(ROOT / "tinygrad_cv").rglob("*"), *(ROOT / "tests").rglob("*")]
    return [path for path in paths if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"]


def text_of(path: Path) -> str:
    """The file as text; pictures and arrays as nothing."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8", errors="replace")


def offences(text: str) -> list[str]:
    return [
        f"line {number} holds {what}: {line.strip()[:80]}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in PRIVATE.items()
        if pattern.search(line)
    ]


def test_tracked_files_name_no_machine_and_no_package_index() -> None:
    found = [f"{path.relative_to(ROOT)}: {one}" for path in tracked() for one in offences(text_of(path))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("line", ["cd /" + "home/ann/code", "--extra-index" + "-url x", "//a/simple" + "/x"])
def test_a_planted_private_line_is_found(line: str) -> None:
    assert offences(line)


@pytest.mark.parametrize("line", ["x.mean((2, 3)) / work", "https://arxiv.org/abs/1509.09308", "runs/home/a"])
def test_an_innocent_line_passes(line: str) -> None:
    assert not offences(line)


def test_no_lock_file_is_tracked() -> None:
    assert not {path.name for path in tracked()} & {"uv.lock", "pylock.toml"}


def test_constraints_pin_every_package_once() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", pin)] == []
    names = [pin.split("==")[0] for pin in pins]
    assert names == sorted(set(names))


def test_long_files_say_why() -> None:
    texts = {path: text_of(path) for path in tracked() if path.suffix == ".py"}
    silent = [
        f"{path.relative_to(ROOT)} has {len(text.splitlines())} lines"
        for path, text in texts.items()
        if len(text.splitlines()) > LONGEST
        and "long" not in (ast.get_docstring(ast.parse(text)) or "").split()
    ]
    assert not silent, f"over {LONGEST} lines: cut it, or say in its docstring why it is long: {silent}"
