"""The search itself: Optuna keeps the study in a journal file, so several processes may work on one.

Every trial trains on the training images but a held-out tenth, and is measured on that. The test images stay unseen.
"""

from __future__ import annotations

import datetime
import importlib
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tinygrad_cv.io.files import PathLike
from tinygrad_cv.ops.errors import TinygradError
from tinygrad_cv.train.callbacks import Callback
from tinygrad_cv.train.config import Config
from tinygrad_cv.train.job import start
from tinygrad_cv.train.trainer import Trainer, TrainingError
from tinygrad_cv.tune.plan import Grid, Plan, finer
from tinygrad_cv.tune.report import Trial

JOURNAL = "journal.log"
STAGES = ("coarse", "fine")


class _Pruning(Callback):
    """Tells the study of every epoch, and ends a trial that is worse than most were by then."""

    def __init__(self, trial: Any) -> None:
        self.trial = trial
        self.pruned = False

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.trial.report(trainer.history[-1]["test_accuracy"], trainer.epoch)
        if trainer.epoch < trainer.epochs and self.trial.should_prune():
            self.pruned = True
            trainer.stop_reason = "worse than most trials were by then"


def search(
    folder: PathLike,
    wishes: dict[str, Any],
    plan: Plan | None = None,
    *,
    callbacks: Callable[[], Sequence[Callback]] = tuple,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, list[Trial]]:
    """Try all points of a coarse grid, then those of a finer one around its best, and return the trials by stage.

    Called again, or in several processes at a time, with one ``folder``, it goes on with what is left.

    Parameters
    ----------
    wishes : settings of `train.config.Config` that all trials share.
    callbacks : gives those of one trial.
    tell : is told of each trial.

    Raises
    ------
    TinygradError
        Optuna is not installed.
    """
    plan = (plan or Plan()).check()
    optuna = _optuna()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    backend = optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL))
    storage = optuna.storages.JournalStorage(backend)
    grid, trials = plan.coarse, {}
    for stage, epochs in zip(STAGES, (plan.coarse_epochs, plan.fine_epochs)):
        study = optuna.create_study(
            study_name=stage, storage=storage, load_if_exists=True, direction="maximize",
            sampler=optuna.samplers.GridSampler(grid), pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
        )  # fmt: skip
        try_one = partial(_value, optuna, grid, {"held_out": 0.1, **wishes, "epochs": epochs}, callbacks)
        _try_all(study, math.prod(map(len, grid.values())), try_one, tell)
        trials[stage] = [_trial(t) for t in study.trials if t.state.is_finished()]
        complete = [t for t in trials[stage] if not t.pruned]
        if not complete:
            raise TinygradError(f"tune: no trial of the {stage} stage came to its end; give lower learning rates")
        best = max(complete, key=lambda t: t.accuracy)
        grid = finer(grid, {name: _nearest(grid, name, best.settings[name]) for name in grid}, plan.points)
    return trials


def _try_all(study: Any, size: int, try_one: Callable[[Any], float], tell: Callable[[str], None]) -> None:
    """Make trials until ``size`` of them have ended, here or in other processes."""
    while (ended := sum(t.state.is_finished() for t in study.trials)) < size:
        running = [t for t in study.trials if not t.state.is_finished()]
        # others are on the last points; those of a process that died are taken over when they are overdue
        if ended + len(running) >= size and not _overdue(study, running):
            time.sleep(0.2)
            continue
        study.optimize(try_one, n_trials=1)
        last = study.trials[-1]
        tell(f"{study.study_name} {last.number + 1} of {size}: {_words(last)}")


def _value(optuna: Any, grid: Grid, settings: dict[str, Any], callbacks: Any, trial: Any) -> float:
    chosen = {name: trial.suggest_float(name, values[0], values[-1]) for name, values in grid.items()}
    pruning = _Pruning(trial)
    config = Config.make(**(settings | chosen))
    with TemporaryDirectory() as scratch:
        job = start(config, Path(scratch) / "run", [*callbacks(), pruning])
        try:
            job.train()
        except TrainingError:
            raise optuna.TrialPruned() from None
        if job.trainer.stop_reason and not pruning.pruned:
            raise KeyboardInterrupt
    if pruning.pruned:
        raise optuna.TrialPruned()
    return float(job.trainer.history[-1]["test_accuracy"])


def _overdue(study: Any, running: list[Any]) -> bool:
    """Whether a trial that is under way has taken five times as long as the longest that ended."""
    taken = [t.duration.total_seconds() for t in study.trials if t.duration is not None]
    limit = 5 * max(taken, default=0.0) + 5
    now = datetime.datetime.now()
    return any((now - t.datetime_start).total_seconds() > limit for t in running if t.datetime_start)


def _nearest(grid: Grid, name: str, value: float) -> float:
    return min(grid[name], key=lambda v: abs(v - value))


def _trial(found: Any) -> Trial:
    curve = [found.intermediate_values[k] for k in sorted(found.intermediate_values)]
    pruned = found.value is None
    accuracy = found.value if found.value is not None else max(curve, default=0.0)
    seconds = found.duration.total_seconds() if found.duration else 0.0
    return Trial(found.number, dict(found.params), accuracy, curve, pruned, seconds)


def _words(found: Any) -> str:
    trial = _trial(found)
    chosen = ", ".join(f"{name} {value:.3g}" for name, value in trial.settings.items())
    end = f"ended early at {100 * trial.accuracy:.2f} %" if trial.pruned else f"{100 * trial.accuracy:.2f} %"
    return f"{chosen}: {end}"


def _optuna() -> Any:
    try:
        optuna = importlib.import_module("optuna")
        importlib.import_module("optuna.storages.journal")
    except ImportError:
        raise TinygradError("tune: Optuna is not installed; install it with pip install 'tinygrad-cv[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
