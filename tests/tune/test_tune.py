"""A search tries its grid once, shares it between processes, refines its best, and says when that lies on an edge."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_cv
from tinygrad_cv import tune
from tinygrad_cv.cli import main
from tinygrad_cv.ops.errors import ArgumentError, TinygradError
from tinygrad_cv.tune import trials

ROOT = Path(tinygrad_cv.__file__).resolve().parents[1]
WISHES = {"model": "softmax_regression", "batch_size": 256}
PLAN = tune.Plan({"lr": [1e-4, 1e-2], "weight_decay": [1e-4, 1e-2]}, 2, 2, 1)

grids = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=6, unique=True).map(sorted)


@settings(deadline=None)
@given(grids, st.data(), st.sampled_from([3, 5]))
def test_the_fine_grid_surrounds_the_best_and_passes_no_neighbour(
    values: list[float], data: st.DataObject, points: int
) -> None:
    at = data.draw(st.integers(0, len(values) - 1))
    fine = tune.finer({"lr": values}, {"lr": values[at]}, points)["lr"]
    assert len(fine) == points and fine == sorted(fine)
    assert fine[points // 2] == pytest.approx(values[at])
    if 0 < at:
        assert fine[0] > values[at - 1]
    if at < len(values) - 1:
        assert fine[-1] < values[at + 1]


def test_a_best_value_on_the_edge_is_warned_of_with_the_next_to_try() -> None:
    grid = {"lr": [5e-4, 7e-4, 1e-3], "weight_decay": [1e-4]}  # the notes' own fine grid, whose best is its edge
    (warning,) = tune.edges(grid, {"lr": 1e-3, "weight_decay": 1e-4})
    assert warning.startswith("the best lr 0.001 lies on the upper edge") and warning.endswith("add 0.00143")
    assert tune.edges(grid, {"lr": 7e-4, "weight_decay": 1e-4}) == []


@pytest.mark.parametrize("values", [[], [1e-3, 1e-4], [1e-3, 1e-3], [0.0, 1.0]])
def test_grids_that_make_no_sense_are_refused(values: list[float]) -> None:
    with pytest.raises(ArgumentError, match="give rising numbers above zero"):
        tune.Plan({"lr": values}).check()


def test_a_search_without_optuna_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(TinygradError, match=r"pip install 'tinygrad-cv\[tune\]'"):
        tune.search(tmp_path, WISHES, PLAN)


def test_a_search_tries_each_point_once_and_then_refines(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    stages = tune.search(tmp_path, WISHES, PLAN)
    points = {(t.settings["lr"], t.settings["weight_decay"]) for t in stages["coarse"]}
    assert len(stages["coarse"]) == len(points) == 4
    best = max((t for t in stages["coarse"] if not t.pruned), key=lambda t: t.accuracy)
    assert [t.settings["lr"] for t in stages["fine"]] == pytest.approx([best.settings["lr"]])
    told: list[str] = []
    again = tune.search(tmp_path, WISHES, PLAN, tell=told.append)
    assert told == [] and again == stages
    page = tune.write_page("A search", stages, ["look out"], tmp_path).read_text()
    assert "look out" in page and (tmp_path / "coarse-lr.svg").is_file() and "coarse-curves.svg" in page


def test_bad_trials_are_ended_early(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    rates = [1e-7, 3e-7, 1e-6, 1e-3, 3e-3, 1e-2]
    found = tune.search(tmp_path, WISHES, tune.Plan({"lr": rates}, 4, 1, 1))["coarse"]
    assert len(found) == 6 and all(len(t.curve) < 4 for t in found if t.pruned)
    assert not max(found, key=lambda t: t.accuracy).pruned


@pytest.mark.slow
def test_two_processes_share_one_study(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    program = (
        "import sys; from tinygrad_cv import tune; "
        f"tune.search({str(tmp_path)!r}, {WISHES!r}, tune.Plan({PLAN.coarse!r}, 2, 2, 1))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(2)]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    stages = tune.search(tmp_path, WISHES, PLAN)
    points = {(t.settings["lr"], t.settings["weight_decay"]) for t in stages["coarse"]}
    assert len(points) == 4


def test_the_command_prints_tables_and_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    words = ["tune", "--model", "softmax_regression", "--lr", "1e-4", "1e-3", "--weight-decay", "1e-4", "--epochs", "1"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "coarse 2 of 2" in out and "held-out accuracy" in out and out.rstrip().endswith("index.html")
    assert "warning: coarse: the best lr 0.001 lies on the upper edge of its grid" in out


def test_an_overdue_trial_is_not_waited_for() -> None:
    import datetime
    from types import SimpleNamespace as Made

    ended = Made(duration=datetime.timedelta(seconds=1))
    now = datetime.datetime.now()
    young, old = (Made(datetime_start=now - datetime.timedelta(seconds=s)) for s in (1, 60))
    study = Made(trials=[ended])
    assert not trials._overdue(study, [young]) and trials._overdue(study, [old])
