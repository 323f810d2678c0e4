"""A ladder trains what is missing, goes on where it was broken off, and counts its seeds right."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_cv import ladder
from tinygrad_cv.ladder import table
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.train.callbacks import Callback
from tinygrad_cv.train.config import Config

ROW = ladder.Row(
    "softmax", "softmax regression", {"data": "digits", "model": "softmax_regression", "epochs": 2, "keep": "last"},
    0.5, 1, 2,
)  # fmt: skip


class Stop(Callback):
    """Ends the loop after so many steps."""

    def on_step_end(self, trainer: Any) -> None:
        if trainer.step == 30:
            trainer.stop_reason = "enough"


def result(row: str, accuracy: float, seed: int = 0) -> ladder.Result:
    return ladder.Result(row, seed, accuracy, 1.0, 1000, 30.0, 10, 20, 1, 1, [])


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        assert ladder.climb([ROW], tmp_path, seeds=1, tell=told.append)
    assert told[-1] == "softmax, seed 0: done already" and len(told) == 3
    (only,) = ladder.read_results(tmp_path)
    assert (only.row, only.seed, only.parameters, len(only.history)) == ("softmax", 0, 7850, 2)


def test_a_broken_ladder_goes_on_to_the_same_result(tmp_path: Path) -> None:
    assert ladder.climb([ROW], tmp_path / "whole", seeds=1)
    assert not ladder.climb([ROW], tmp_path / "cut", seeds=1, callbacks=lambda: [Stop()])
    assert ladder.read_results(tmp_path / "cut") == []
    assert ladder.climb([ROW], tmp_path / "cut", seeds=1)
    (whole,), (cut,) = (ladder.read_results(tmp_path / name) for name in ("whole", "cut"))
    assert (whole.accuracy, whole.loss) == (cut.accuracy, cut.loss)


def test_seeds_give_different_networks(tmp_path: Path) -> None:
    ladder.climb([ROW], tmp_path)
    first, second = ladder.read_results(tmp_path)
    assert (first.seed, second.seed) == (0, 1) and first.loss != second.loss
    page = ladder.write_page("digits", ladder.standings([ROW], [first, second]), [first, second], tmp_path)
    text = page.read_text()
    for shown in ("softmax regression", "softmax/curves.svg", "softmax/seed-0/confusion.svg", "7,850"):
        assert shown in text
    assert all((tmp_path / name).is_file() for name in ("softmax/curves.svg", "softmax/seed-0/filters.svg"))


def test_the_interval_of_seeds_is_students() -> None:
    row = dataclasses.replace(ROW, demanded=0.9)
    (summed,) = ladder.standings([row], [result("softmax", a, k) for k, a in enumerate((0.91, 0.92, 0.93))])
    assert summed.accuracy == pytest.approx(0.92) and summed.holds
    assert summed.interval == pytest.approx(table.STUDENT[3] * 0.01 / math.sqrt(3))


def test_the_interval_of_one_seed_is_that_of_its_test_images() -> None:
    (summed,) = ladder.standings([ROW], [result("softmax", 0.4), result("other", 0.9)])
    assert summed.interval == pytest.approx(1.96 * math.sqrt(0.4 * 0.6 / 1000)) and not summed.holds
    assert "40.00 ± 3.04 %" in ladder.markdown([summed])


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text('{"row": "softmax"}\n')
    with pytest.raises(DataError, match="line 1 of .* is damaged"):
        ladder.read_results(tmp_path)


def test_unknown_rows_and_ladders_are_named() -> None:
    with pytest.raises(ArgumentError, match="no ladder for 'cifar11'; did you mean cifar10"):
        ladder.choose("cifar11")
    with pytest.raises(ArgumentError, match="no row 'resnet21'; did you mean resnet20"):
        ladder.choose("cifar10", ["resnet21"])


@pytest.mark.parametrize("name", ladder.LADDERS)
def test_every_row_has_settings_that_make_sense(name: str) -> None:
    for row in ladder.choose(name):
        Config.make(**row.settings, data_root="somewhere")
        assert 0 <= row.demanded < 1 and row.seeds >= 1


def test_images_are_moved_to_the_side_that_was_asked_for(tmp_path: Path) -> None:
    x = np.arange(1, 10).reshape(1, 3, 3)
    assert ladder.moved(x, 1, 0)[0].tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert ladder.moved(x, 0, -2)[0].tolist() == [[3, 0, 0], [6, 0, 0], [9, 0, 0]]
    assert np.array_equal(ladder.moved(x[..., None], 0, 0)[..., 0], x) and not ladder.moved(x, 3, 3).any()


def test_moved_images_are_recognised_worse_and_unmoved_ones_as_before(tmp_path: Path) -> None:
    ladder.climb([ROW], tmp_path, seeds=1)
    (found,) = ladder.measure_shifts([ROW], tmp_path, pixels=(0, 9))
    (result,) = ladder.read_results(tmp_path)
    assert found.accuracies["0"] == pytest.approx(result.accuracy)
    assert found.accuracies["9"] < result.accuracy - 0.2
    assert "| softmax " in ladder.shift_table([found]) and (tmp_path / "shifts.jsonl").is_file()
