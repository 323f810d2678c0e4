"""The command line as a function: words in; exit code, output and complaint out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tinygrad_cv.cli import main


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run ``tinygrad-cv`` with some words, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TGCV_DEBUG", raising=False)

    def run(*words: str | Path) -> Outcome:
        code = main([str(word) for word in words])
        seen = capsys.readouterr()
        return Outcome(code, seen.out, seen.err.replace("compiling kernels (first run only)...\n", ""))

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: softmax regression, two epochs, some tenths of a second."""
    folder = tmp_path_factory.mktemp("runs") / "softmax"
    assert main(["train", "--model", "softmax_regression", "--epochs", "2", "--lr", "0.02", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def damaged(trained: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    import shutil

    return Path(shutil.copytree(trained, tmp_path / "damaged"))
