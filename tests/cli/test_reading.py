"""Commands that read a run or a network: evaluate, predict, graph, summary, models, doctor, warmup."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tinygrad_cv.data import Digits
from tinygrad_cv.models import list_models
from tinygrad_cv.ops.kernels import ahead

from .conftest import Command


@pytest.fixture
def zero(tmp_path: Path) -> Path:
    """A large black nought on white, off the middle."""
    digits = Digits(train=False)
    picture = Image.fromarray(digits.data[int(np.flatnonzero(digits.targets == 0)[0])]).resize((168, 168))
    paper = Image.new("L", (400, 300), 255)
    paper.paste(ImageOps.invert(picture), (200, 40))
    path = tmp_path / "zero.png"
    paper.save(path)
    return path


def test_evaluate_repeats_what_training_reported(trained: Path, command: Command) -> None:
    best = max(json.loads(line)["test_accuracy"] for line in (trained / "metrics.jsonl").read_text().splitlines())
    outcome = command("evaluate", trained)
    assert outcome.code == 0 and f"accuracy  {100 * best:.2f} %" in outcome.out
    assert "softmax_regression on 359 digits test images" in outcome.out


def test_predict_says_what_it_sees_and_what_it_did(trained: Path, zero: Path, command: Command) -> None:
    outcome = command("predict", trained, zero)
    assert outcome.code == 0
    first, second = outcome.out.splitlines()
    assert first.startswith(f"{zero}: 0 (")
    for words in ("400 x 300 L", "inverted, for it is dark on light", "cut to the ink", "enlarged to 28 x 28"):
        assert words in second


MODES = {
    "1": ".png", "L": ".png", "P": ".png", "RGB": ".jpg", "RGBA": ".png", "LA": ".png", "CMYK": ".jpg", "I;16": ".png",
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_predict_reads_a_picture_of_any_mode(mode: str, trained: Path, zero: Path, command: Command) -> None:
    with Image.open(zero) as opened:
        grey = opened.copy()
    if mode in ("RGBA", "LA"):  # the ink is opaque, the paper is not there
        picture = Image.new("LA", grey.size)
        picture.putalpha(ImageOps.invert(grey))
        picture = picture.convert(mode)
    elif mode == "I;16":
        picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    else:
        picture = grey.convert(mode)
    path = zero.with_name("again" + MODES[mode])
    picture.save(path)
    outcome = command("predict", trained, path, "--top", "1")
    assert outcome.code == 0 and outcome.out.startswith(f"{path}: 0 ("), outcome


def test_an_image_of_the_set_is_taken_as_it_is(trained: Path, tmp_path: Path, command: Command) -> None:
    Image.fromarray(Digits(train=False).data[0]).save(tmp_path / "d.png")
    assert "taken as it is" in command("predict", trained, "d.png").out


def test_predict_draws_what_the_network_was_shown(trained: Path, zero: Path, command: Command) -> None:
    assert command("predict", trained, zero, "--save-input", "shown.png").code == 0
    with Image.open("shown.png") as shown:
        assert shown.size[0] > 28


def test_a_bad_picture_does_not_hide_a_good_one(trained: Path, zero: Path, tmp_path: Path, command: Command) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (50, 50), "white").save(tmp_path / "blank.png")
    outcome = command("predict", trained, "none.png", "empty.png", "text.png", "blank.png", zero)
    assert outcome.code == 1 and ": 0 (" in outcome.out
    complaints = outcome.err.splitlines()
    assert len(complaints) == 4
    for words, complaint in zip(
        ("there is no file none.png", "is empty (0 bytes)", "cannot be read as a picture", "shows nothing"),
        complaints,
        strict=True,
    ):
        assert words in complaint


@pytest.mark.parametrize("read", ["evaluate", "predict", "graph", "summary"])
@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("config.json", "{", "breaks off or is no JSON at line 1"),
        ("config.json", "[]", "does not describe a run"),
        ("config.json", '{"model": "lenet", "lr": -1}', "lr: got -1; give a number above zero"),
        ("config.json", '{"model": "lenet"}', "does not describe its network"),
        ("model.safetensors", "short", "breaks off or is no safetensors file"),
        ("model.safetensors", None, "has no weights yet, for no epoch is complete; continue it with"),
    ],
)
def test_a_damaged_run_is_one_sentence(
    read: str, file: str, content: str | None, sentence: str, damaged: Path, zero: Path, command: Command
) -> None:
    if content is None:
        (damaged / file).unlink()
    else:
        (damaged / file).write_text(content)
    outcome = command(read, damaged, *([zero] if read == "predict" else []))
    assert outcome.code == 1 and sentence in outcome.err and outcome.err.count("\n") == 1


def test_truncated_weights_are_one_sentence(damaged: Path, command: Command) -> None:
    path = damaged / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "breaks off" in command("evaluate", damaged).err


def test_weights_of_another_network_are_refused(damaged: Path, command: Command) -> None:
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps({**config, "model": "two_layer_net"}))
    outcome = command("evaluate", damaged)
    assert outcome.code == 1 and "do not fit the model two_layer_net" in outcome.err and outcome.err.count("\n") == 1


def test_graph_draws_a_name_and_a_run(trained: Path, command: Command) -> None:
    assert command("graph", "simple_cnn").code == 0
    assert Path("simple_cnn.svg").read_text().startswith("<svg")
    assert command("graph", trained, "--out", "deep/er.dot").code == 0
    assert "digraph" in Path("deep/er.dot").read_text()


def test_lesson_lists_and_writes_films(command: Command) -> None:
    assert "im2col" in command("lesson").out
    for suffix, head in ((".gif", b"GIF8"), (".svg", b"<svg"), (".html", b"<!doctype html>")):
        assert command("lesson", "window", "-o", f"deep/er{suffix}").code == 0
        assert Path(f"deep/er{suffix}").read_bytes().startswith(head)
    assert "did you mean stride" in command("lesson", "strides").err
    assert "give --out a name that ends in .gif" in command("lesson", "stride", "--out", "a.mp4").err


def test_graph_has_views_measures_and_the_reverse_pass(command: Command) -> None:
    assert command("graph", "softmax_regression", "--show", "all", "--backward", "joined", "-o", "a.dot").code == 0
    assert "reverse pass" in Path("a.dot").read_text() and " ± " in Path("a.dot").read_text()
    assert command("graph", "softmax_regression", "--view", "autograd", "--saved", "-o", "b.dot").code == 0
    assert "saved x" in Path("b.dot").read_text()
    assert "--show has 'colour'; give some of time" in command("graph", "softmax_regression", "--show", "colour").err


def test_summary_counts_the_parameters(command: Command) -> None:
    outcome = command("summary", "lenet5")
    assert "Total params: 61,706" in outcome.out and "[1, 16, 10, 10]" in outcome.out
    assert "44,426" not in outcome.out
    assert "summary: lenet" not in command("summary", "lenet", "--image-size", "32", "--channels", "3").err


def test_summary_says_what_each_layer_sees_learns_and_costs(command: Command) -> None:
    lines = command("summary", "cifar_cnn", "--formulas").out.splitlines()
    sees = [line.split("  ") for line in lines if "Conv2d" in line or "MaxPool2d" in line]
    assert [next(w.strip() for w in words[3:] if w.strip() in ("5", "6", "14", "16")) for words in sees] == [
        "5", "6", "14", "16"
    ]  # fmt: skip
    assert sum("weight, bias" in line for line in lines) == 3
    assert any("(3*5*5 + 1) * 32 = 2,432" in line and "2,457,600" in line for line in lines)


def test_summary_takes_the_size_of_the_image(command: Command) -> None:
    assert "[1, 64, 31, 31]" in command("summary", "squeezenet1_1", "--input", "3x64x64").out
    wrong = command("summary", "squeezenet1_1", "--input", "3x64")
    assert wrong.code == 2 and "got 3x64; give channels, height and width, for example 3x224x224" in wrong.err
    small = command("summary", "squeezenet1_1", "--input", "3x8x8")
    assert small.code == 1 and "H and W of at least 17" in small.err and small.err.count("\n") == 1


def test_a_run_keeps_its_own_sizes(trained: Path, command: Command) -> None:
    outcome = command("summary", trained, "--image-size", "32")
    assert outcome.code == 2 and "is a run, whose sizes are settled" in outcome.err


def test_models_lists_all_or_some(command: Command) -> None:
    out = command("models").out
    assert all(f"{name} " in out for name in list_models()) and "61,706" in out
    assert "simple_cnn" not in command("models", "lenet*").out


def test_doctor_names_what_there_is(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = command("doctor")
    assert outcome.code == 0
    for word in ("python", "numpy", "numba", "processor", "kernel cache", "dot program", "extra web"):
        assert word in outcome.out
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "graphs are drawn without it" in command("doctor").out


def test_warmup_times_each_network(command: Command) -> None:
    outcome = command("warmup", "softmax_regression")
    assert outcome.code == 0 and "softmax_regression  " in outcome.out and " MiB in " in outcome.out


def test_warmup_goes_on_where_no_process_can_be_started(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("no processes")

    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    monkeypatch.setattr(ahead, "noted", lambda: nullcontext([ahead.Entry("module", "name", ())]))
    monkeypatch.setattr(ahead, "compiled", refuse)
    outcome = command("warmup", "softmax_regression")
    assert outcome.code == 0 and outcome.out.startswith("softmax_regression  ")
