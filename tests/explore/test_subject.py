"""What can be explored: runs, names, files of one's own; and which networks a page can run by itself."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_cv import nn
from tinygrad_cv.cli import main
from tinygrad_cv.explore import export, of_model, open_subject
from tinygrad_cv.explore.pack import pack, quantised, unpack
from tinygrad_cv.explore.program import read_program
from tinygrad_cv.explore.session import Session
from tinygrad_cv.ops.errors import ArgumentError, DataError, TinygradError

from .conftest import Small, small

MINE = """
from tinygrad_cv import nn

class Net(nn.Sequential):
    input_size = (1, 8, 8)

def build():
    return Net(nn.Flatten(), nn.Linear(64, 2))

ready = build()
broken = 1 / 1

def fails():
    raise RuntimeError("not today")
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.mark.parametrize("name", ["build", "ready"])
def test_a_file_of_ones_own_is_opened(name: str, mine: Path) -> None:
    subject = open_subject(f"{mine}:{name}")
    assert subject.title == f"mine.{name}" and subject.input_size == (1, 8, 8) and not subject.random
    assert Session(subject).run(np.zeros((1, 8, 8), np.float32)).scores.shape == (2,)


@pytest.mark.parametrize(
    "what, words",
    [
        ("{mine}", "say what in it builds the network"),
        ("{mine}:nothing", "has no nothing; it has .*build"),
        ("{mine}:fails", "fails with RuntimeError: not today"),
        ("{mine}x.py:build", "there is no file"),
        ("lenett", "did you mean lenet"),
        ("{folder}", "is not the folder of a run"),
    ],
)
def test_what_cannot_be_opened_says_why(what: str, words: str, mine: Path) -> None:
    with pytest.raises(TinygradError, match=words):
        open_subject(what.format(mine=mine, folder=mine.parent))


def test_a_network_that_does_not_say_its_size_is_asked_for_it() -> None:
    with pytest.raises(ArgumentError, match=r"give input_size=\(C, H, W\)"):
        of_model(nn.Flatten())


def test_named_networks_are_random_alike_and_take_weights(tmp_path: Path) -> None:
    from tinygrad_cv.io import save_file

    first, again, other = (open_subject("softmax_regression", seed=s) for s in (0, 0, 1))
    states = [s.model.state_dict() for s in (first, again, other)]  # type: ignore[attr-defined]
    same = [all(np.array_equal(states[0][k], s[k]) for k in s) for s in states]
    assert first.random and same == [True, True, False]
    save_file(states[2], tmp_path / "w.safetensors")
    loaded = open_subject("softmax_regression", weights=str(tmp_path / "w.safetensors"))
    assert not loaded.random
    with pytest.raises(DataError, match="do not fit"):
        open_subject("lenet", weights=str(tmp_path / "w.safetensors"))


def test_a_program_is_read_from_what_ran_and_not_from_the_modules() -> None:
    net = Small().eval()
    program = read_program(net, np.zeros((1, 12, 12), np.float32))
    ops = [s.op for s in program.steps]
    assert ops == ["Conv2d", "FrozenBatchNorm", "Relu", "Conv2d", "Relu", "Conv2d", "Add", "MaxPool2d", "AvgPool2d",
                   "Reshape", "Linear"]  # fmt: skip
    assert program.steps[5].sources[:2] == program.steps[3].sources[:2]  # one filter bank, used twice
    assert program.steps[6].sources == [("step", 4), ("step", 5)]
    assert program.steps[0].sources[0] == ("image", 0)
    names = [s.name for s in program.steps]
    assert names[0] == "conv1" and names[3] == "conv2" and names[5] == "conv2#2" and names[-1] == "fc"


class Masked(nn.Module):
    """A step that depends on the image in a way that leaves no derivative."""

    input_size = (1, 4, 4)

    def forward(self, x: Any) -> Any:
        """Only what is bright."""
        return (x * (x > 0)).flatten(1)


def test_a_page_refuses_what_it_cannot_run(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with pytest.raises(ArgumentError, match="has no derivative"):
        export(Masked(), page)
    with pytest.raises(ArgumentError, match="numbers, a page holds 3,000,000"):
        export(open_subject("resnet18", image_size=32), page)
    with pytest.raises(ArgumentError, match="hides its steps"):
        export(open_subject("hog_softmax"), page)
    with pytest.raises(ArgumentError, match="which the page cannot compute; it knows .*Conv2d"):
        export(nn.Sequential(nn.ConvTranspose2d(1, 1, 2), nn.Flatten()), page, input_size=(1, 4, 4))
    assert not page.exists()


def test_a_page_holds_the_numbers_of_the_network_and_nothing_that_loads(tmp_path: Path) -> None:
    subject = small()
    text = export(subject, tmp_path / "page.html").read_text(encoding="utf-8")
    (stored,) = re.findall(r'<script type="application/json" id="network">(.*?)</script>', text, re.DOTALL)
    network = json.loads(stored)
    first = np.frombuffer(base64.b64decode(network["constants"][0]), "<f4").reshape(4, 1, 3, 3)
    np.testing.assert_array_equal(first, np.asarray(subject.model.conv1.weight))  # type: ignore[attr-defined]
    assert "default-src 'none'" in text and "unsafe" not in text
    assert not re.search(r"""(src|href)=["'](?!data:)""", text.replace(stored, ""))


def test_titles_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    subject = small()
    subject.title = "</script><script>alert(1)</script>"
    text = export(subject, tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("<script") == 2 and text.count("</script>") == 2


def test_the_command_writes_a_page_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explore", "two_layer_net", "--export", "page.html"]) == 0
    assert "a page that runs two_layer_net by itself: page.html" in capsys.readouterr().out
    assert (tmp_path / "page.html").stat().st_size > 100_000
    assert main(["explore"]) == 1
    assert "start one with tinygrad-cv train" in capsys.readouterr().err
    assert main(["explore", "lenet", "--port", "-1"]) == 2


def test_what_is_packed_comes_out_as_it_was() -> None:
    arrays = [np.arange(5, dtype=np.uint8), np.ones((2, 3), np.float32), np.zeros((0, 4), np.float32)]
    header, found = unpack(pack({"word": "七"}, arrays))
    assert header == {"word": "七"}
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(arrays, found, strict=True))


def test_quantised_values_are_off_by_half_a_step_at_most() -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    small_, low, high = quantised(values)
    np.testing.assert_allclose(low + small_ * ((high - low) / 255), values, atol=(high - low) / 509)
    assert quantised(np.full(3, np.nan))[1:] == (0, 0)
