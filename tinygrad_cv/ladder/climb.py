"""Training the rows: what is done is not done again, what was cut off goes on where it was.

Each seed of a row has a run folder of its own, as `tinygrad-cv train` leaves it, and one line in ``results.jsonl``
when it is measured. The test images are looked at once, when a run is over.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygrad_cv import io
from tinygrad_cv.io.files import PathLike
from tinygrad_cv.ladder.rows import Row
from tinygrad_cv.models.budget import budget
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.ops.kernels import get_num_threads
from tinygrad_cv.train.callbacks import Callback
from tinygrad_cv.train.config import Config
from tinygrad_cv.train.job import Job, resume, start
from tinygrad_cv.train.report import finish
from tinygrad_cv.train.run import CONFIG, Run

RESULTS = "results.jsonl"


@dataclass(frozen=True)
class Result:
    """One trained and measured network.

    Attributes
    ----------
    row, seed : which.
    accuracy, loss, images : on the test images, and how many these are.
    seconds : wall time of all epochs and of the measurement.
    parameters, multiply_adds : of the network, the latter for one image.
    epochs, threads : as it was trained.
    history : one dict per epoch, as in the run's ``metrics.jsonl``.
    """

    row: str
    seed: int
    accuracy: float
    loss: float
    images: int
    seconds: float
    parameters: int
    multiply_adds: int
    epochs: int
    threads: int
    history: list[dict[str, float]]


def read_results(folder: PathLike) -> list[Result]:
    """Return the results that lie in a folder.

    Raises
    ------
    DataError
        A line is none of ours.
    """
    path = Path(folder) / RESULTS
    if not path.is_file():
        return []
    results = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            results.append(Result(**json.loads(line)))
        except (ValueError, TypeError):
            raise DataError(f"ladder: line {number} of {path} is damaged; remove it to measure its run anew") from None
    return results


def climb(
    rows: Iterable[Row],
    folder: PathLike,
    *,
    data_root: str | None = None,
    seeds: int | None = None,
    callbacks: Callable[[], Sequence[Callback]] = tuple,
    tell: Callable[[str], None] = lambda sentence: None,
) -> bool:
    """Train and measure each row with each of its seeds, and note the results in ``folder``.

    Parameters
    ----------
    data_root : where the files of the data set are.
    seeds : how many of each row; by default as the row says.
    callbacks : gives those of one run.
    tell : is told of every run before and after.

    Returns
    -------
    bool
        False if a callback ended a run early; calling again goes on with it.
    """
    folder = Path(folder)
    for row in rows:
        for seed in range(row.seeds if seeds is None else seeds):
            if any((r.row, r.seed) == (row.name, seed) for r in read_results(folder)):
                tell(f"{row.name}, seed {seed}: done already")
                continue
            tell(f"{row.name}, seed {seed}: {row.title}")
            result = _train(row, seed, folder / row.name / f"seed-{seed}", data_root, list(callbacks()))
            if result is None:
                return False
            _note(folder, result)
            tell(f"{row.name}, seed {seed}: {100 * result.accuracy:.2f} % in {result.seconds:,.0f} s")
    return True


def _train(row: Row, seed: int, path: Path, data_root: str | None, callbacks: list[Callback]) -> Result | None:
    job = _job(row, seed, path, data_root, callbacks)
    job.train()
    if job.trainer.epoch < job.run.config.epochs:
        return None
    begun = time.perf_counter()
    measured = finish(job)
    cost = budget(job.run.load_model())
    return Result(
        row.name, seed, measured.accuracy, measured.loss, len(measured.labels),
        round(job.trainer.seconds + time.perf_counter() - begun, 1), cost.parameters, cost.multiply_adds,
        job.run.config.epochs, get_num_threads(), job.trainer.history,
    )  # fmt: skip


def _job(row: Row, seed: int, path: Path, data_root: str | None, callbacks: list[Callback]) -> Job:
    if (path / CONFIG).is_file():
        run = Run.open(path)
        run.config.data_root = data_root or run.config.data_root
        return resume(run, callbacks, again=True)
    return start(Config.make(**row.settings, seed=seed, data_root=data_root), path, callbacks)


def _note(folder: Path, result: Result) -> None:
    """Write all results, the new one last, whole or not at all."""
    lines: list[Any] = [dataclasses.asdict(r) for r in [*read_results(folder), result]]
    io.write_text(folder / RESULTS, "".join(json.dumps(line) + "\n" for line in lines))
