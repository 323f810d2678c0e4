"""Whatever is typed wrong ends in one sentence that says what, and what would fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_cv
from tinygrad_cv.cli.main import COMMANDS

from .conftest import Command

ROOT = Path(tinygrad_cv.__file__).resolve().parents[1]

WRONG = {
    "trian": "there is no command 'trian'; did you mean train?",
    "--verison": "there is no option '--verison' before a command; did you mean --version?",
    "train --lr -1": "train: --lr: got -1; give a number above zero, for example 0.001",
    "train --lr 0": "--lr: got 0; give a number above zero",
    "train --lr abc": "--lr: got abc; give a number above zero",
    "train --lr nan": "--lr: got nan; give a number above zero",
    "train --lr": "train: --lr: a value must follow it",
    "train --epochs 0": "--epochs: got 0; give a whole number of 1 or more",
    "train --epochs 2.5": "--epochs: got 2.5; give a whole number",
    "train --batch-size -3": "--batch-size: got -3; give a whole number of 1 or more",
    "train --seed x": "--seed: got x; give a whole number of 0 or more",
    "train --data minst": "there is no data set 'minst'; did you mean mnist?",
    "train --label-smoothing 1": "--label-smoothing: got 1; give a number from 0 to below 1",
    "train --epocs 3": "train: there is no option --epocs; did you mean --epochs?",
    "train lenet": "train: it has no use for 'lenet'; tinygrad-cv train --help shows what it takes",
    "train --resume x --lr 1": "--resume continues a run with its own settings, so --lr cannot be given",
    "evaluate": "evaluate: missing: RUN",
    "predict x": "predict: missing: IMAGE",
}


@pytest.mark.parametrize("words", WRONG)
def test_misuse_is_one_sentence(words: str, command: Command) -> None:
    outcome = command(*words.split())
    assert outcome.code == 2 and outcome.out == ""
    assert WRONG[words] in outcome.err and outcome.err.count("\n") == 1
    assert outcome.err.startswith("tinygrad-cv: ")


IMPOSSIBLE = {
    "train --model lenett": "there is no model 'lenett'; did you mean lenet",
    "train --data mnist": "mnist does not come with the package; name the folder of its files with --data-root",
    "train --data mnist --data-root nowhere": "found no train-images-idx3-ubyte",
    "train --data cifar10 --data-root nowhere": "or give --download",
    "train --download": "give --data mnist, fashion-mnist, cifar10 and --data-root",
    "train --resume": "there is no run in",
    "train --resume nowhere": "there is no folder nowhere; tinygrad-cv train makes one under runs/",
    "train --threads 999": "--threads: set_num_threads: count is 999",
    "evaluate nowhere": "there is no folder nowhere",
    "evaluate .": ". is not the folder of a run, for it has no config.json",
    "graph lenet --out picture.bmp": "cannot draw picture.bmp; give --out a name that ends in .svg, .png, .pdf or .dot",
    "summary vgg_nope": "there is no model 'vgg_nope'",
    "models zzz": "no name matches 'zzz'",
    "warmup nonsense": "there is no model 'nonsense'",
}


@pytest.mark.parametrize("words", IMPOSSIBLE)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(words: str, command: Command, tmp_path: Path) -> None:
    outcome = command(*words.split())
    assert outcome.code == 1
    assert IMPOSSIBLE[words] in outcome.err and outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_command(words: list[str], command: Command) -> None:
    outcome = command(*words)
    assert outcome.code == 0 and all(f"  {name}" in outcome.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str, command: Command) -> None:
    outcome = command(name, "--help")
    assert outcome.code == 0 and f"usage: tinygrad-cv {name}" in outcome.out


def test_the_version_is_that_of_the_package(command: Command) -> None:
    assert command("--version").out == f"tinygrad-cv {tinygrad_cv.__version__}\n"


def test_help_loads_no_heavy_library() -> None:
    program = (
        "import sys; from tinygrad_cv.cli import main; main(['train', '--help']); "
        "print([m for m in ('numba', 'PIL', 'tqdm', 'safetensors', 'tinygrad_cv.nn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.stdout.endswith("[]\n"), done.stderr


def test_the_traceback_is_there_when_asked_for(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TGCV_DEBUG", "1")
    with pytest.raises(ValueError, match="no model 'nope'"):
        command("summary", "nope")


def test_an_unforeseen_error_is_a_sentence_too(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_cv import models

    def broken(**options: str) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(models, "list_models", broken)
    outcome = command("models")
    assert outcome.code == 1
    assert outcome.err == "tinygrad-cv: unexpected ZeroDivisionError: by zero; TGCV_DEBUG=1 shows where\n"


def test_a_reader_that_left_is_no_error() -> None:
    words = f"{sys.executable} -m tinygrad_cv models | true"
    done = subprocess.run(
        words, shell=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0 and done.stderr == ""
