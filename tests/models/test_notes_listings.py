"""The listings of the study notes run with other import lines and print the shapes that the notes state."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_every_comment_on_a_shape_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / "notes_simple_cnn.py"
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out.replace("'", "").splitlines()
    stated = re.findall(r"# (\[batch, .*\])", path.read_text(encoding="utf-8"))
    assert printed[:-1] == stated and len(stated) == 8
    assert printed[-1] == "44426 parameters"


def test_the_notes_lenet_gives_sixteen_maps(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "notes_lenet.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert "Conv2d     output shape: (1, 16, 10, 10)" in lines
    assert lines[-2:] == ["Linear     output shape: (1, 10)", "61706 parameters"]
