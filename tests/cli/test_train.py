"""Training from the command line: what it leaves, that it repeats to the bit, and how it ends early."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cv
from tinygrad_cv import io
from tinygrad_cv.ops.kernels import get_num_threads, set_num_threads
from tinygrad_cv.train.report import FILES
from tinygrad_cv.train.trainer import Trainer

from .conftest import Command

ROOT = Path(tinygrad_cv.__file__).resolve().parents[1]
SOFTMAX = ("train", "--model", "softmax_regression", "--epochs", "3")


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def final(folder: Path) -> dict[str, Any]:
    """The last weights, not the best."""
    state = io.load_checkpoint(folder / "checkpoint.safetensors")["trainer"]["model"]
    return {name: array.tobytes() for name, array in state.items()}


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, action: Any) -> None:
    """Let something happen when the optimiser has made a step."""
    original = Trainer._step

    def stepped(self: Trainer) -> None:
        original(self)
        if self.step == step:
            action()

    monkeypatch.setattr(Trainer, "_step", stepped)


def test_a_run_leaves_all_its_files(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {*FILES, "filters.svg"}
    config = json.loads((trained / "config.json").read_text())
    assert (config["model"], config["data"], config["epochs"]) == ("softmax_regression", "digits", 2)
    lines = (trained / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    for picture in ("curves.svg", "confusion.svg", "filters.svg", "graph.svg"):
        assert (trained / picture).read_text().startswith("<svg")


def test_it_ends_with_a_table_and_the_paths(command: Command) -> None:
    outcome = command(*SOFTMAX)
    assert outcome.code == 0 and outcome.err == ""
    for word in ("test accuracy", "test loss", "best epoch", "time", "parameters  ", "verdict", *FILES):
        assert word in outcome.out
    (folder,) = Path("runs").iterdir()
    assert folder.name.endswith("-softmax_regression-digits") and str(folder) in outcome.out


def test_the_same_seed_gives_the_same_bits_with_one_thread_or_two(command: Command) -> None:
    before = get_num_threads()
    try:
        for name, threads, seed in (("a", "1", "3"), ("b", "2", "3"), ("c", "2", "4")):
            words = ("train", "--epochs", "1", "--seed", seed, "--threads", threads, "--out", name)
            assert command(*words).code == 0
    finally:
        set_num_threads(before)
    assert final(Path("a")) == final(Path("b")) != final(Path("c"))
    assert weights(Path("a")) == weights(Path("b"))


@pytest.mark.parametrize("step", [1, 23, 24, 40])
def test_an_interrupted_run_says_how_to_go_on_and_ends_in_the_same_bits(
    step: int, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(*SOFTMAX, "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        at_step(patch, step, lambda: os.kill(os.getpid(), signal.SIGINT))
        outcome = command(*SOFTMAX, "--out", "cut")
    assert outcome.code == 130 and outcome.err.count("\n") == 1
    assert f"everything up to step {step}" in outcome.err
    assert outcome.err.endswith("go on with tinygrad-cv train --resume cut\n")
    resumed = command("train", "--resume", "cut")
    assert resumed.code == 0 and "continuing after epoch" in resumed.out
    assert final(Path("cut")) == final(Path("whole")) and weights(Path("cut")) == weights(Path("whole"))
    times = ("seconds", "images_per_second")
    metrics = [
        [{k: v for k, v in json.loads(line).items() if k not in times} for line in lines.read_text().splitlines()]
        for lines in (Path("cut/metrics.jsonl"), Path("whole/metrics.jsonl"))
    ]
    assert metrics[0] == metrics[1]


def test_a_killed_run_resumes_to_the_same_bits(command: Command) -> None:
    assert command(*SOFTMAX, "--out", "whole").code == 0
    program = (
        "import os, signal, sys; from tinygrad_cv.train.trainer import Trainer; from tinygrad_cv.cli import main\n"
        "original = Trainer._step\n"
        "def step(self):\n"
        "    original(self)\n"
        "    if self.step == int(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)\n"
        "Trainer._step = step\n"
        "main(sys.argv[2:])\n"
    )
    for number, step in enumerate((10, 30)):
        words = [*SOFTMAX, "--out", "runs/killed"] if number == 0 else ["train", "--resume", "runs/killed"]
        done = subprocess.run(
            [sys.executable, "-c", program, str(step), *words],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    Path("runs/killed/.model.safetensors.x.part").write_bytes(b"half a file")
    assert command("train", "--resume").code == 0
    assert final(Path("runs/killed")) == final(Path("whole"))
    assert {path.name for path in Path("runs/killed").iterdir()} == {*FILES, "filters.svg"}


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        at_step(patch, 30, lambda: patch.setattr(os, "fsync", full))
        outcome = command(*SOFTMAX, "--out", "run")
    assert outcome.code == 1 and outcome.err.count("\n") == 1 and "the disk is full" in outcome.err
    assert outcome.err.endswith("go on with tinygrad-cv train --resume run\n")
    assert not list(Path("run").glob(".*.part"))
    assert command("train", "--resume", "run").code == 0
    assert command(*SOFTMAX, "--out", "whole").code == 0
    assert final(Path("run")) == final(Path("whole"))


def test_a_finished_run_is_not_resumed(trained: Path, command: Command) -> None:
    outcome = command("train", "--resume", trained)
    assert outcome.code == 1 and "is finished, with 2 epochs; start a new run" in outcome.err


def test_a_run_that_was_killed_before_its_pictures_gets_them(damaged: Path, command: Command) -> None:
    before = weights(damaged), final(damaged)
    for name in ("graph.svg", "filters.png"):
        (damaged / name).unlink()
    assert command("train", "--resume", damaged).code == 0
    assert (damaged / "graph.svg").exists() and (damaged / "filters.png").exists()
    assert (weights(damaged), final(damaged)) == before


def test_a_used_folder_is_not_written_into(trained: Path, command: Command) -> None:
    before = weights(trained)
    outcome = command(*SOFTMAX, "--out", trained)
    assert outcome.code == 1 and "is not an empty folder; give --out another name" in outcome.err
    assert weights(trained) == before


def test_a_place_that_is_no_folder_is_refused(command: Command) -> None:
    Path("file").write_text("")
    outcome = command(*SOFTMAX, "--out", "file/run")
    assert outcome.code == 1 and "no folder can be made at file/run" in outcome.err


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_checkpoint_is_one_sentence(damage: bytes | None, damaged: Path, command: Command) -> None:
    path = damaged / "checkpoint.safetensors"
    (damaged / "graph.svg").unlink()
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    outcome = command("train", "--resume", damaged)
    assert outcome.code == 1 and "breaks off or is no safetensors file" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_checkpoint_of_another_run_is_refused(damaged: Path, command: Command) -> None:
    (damaged / "graph.svg").unlink()
    io.save_checkpoint({"trainer": {"model": {"w": np.zeros(3)}}, "before": None}, damaged / "checkpoint.safetensors")
    outcome = command("train", "--resume", damaged)
    assert outcome.code == 1 and "does not belong to its config.json" in outcome.err


def test_a_loss_that_is_no_number_is_one_sentence(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Trainer, "_smoothed_cross_entropy", lambda self, scores, targets: scores.sum() * float("inf")
    )
    outcome = command(*SOFTMAX)
    assert outcome.code == 1 and "the loss became" in outcome.err and outcome.err.count("\n") == 1
