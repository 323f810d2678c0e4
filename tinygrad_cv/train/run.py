"""The run folder: everything that a training leaves, and reading it back."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from typing import Any

from tinygrad_cv import io
from tinygrad_cv.io.files import PathLike
from tinygrad_cv.nn import Module
from tinygrad_cv.ops.errors import DataError, TinygradError
from tinygrad_cv.train.config import Config
from tinygrad_cv.train.sources import DataPair, build_model

CONFIG, WEIGHTS, METRICS = "config.json", "model.safetensors", "metrics.jsonl"
CHECKPOINT, LAST = "checkpoint.safetensors", "graph.svg"


class Run:
    """A run folder.

    Attributes
    ----------
    path : the folder.
    config : what the run was asked to do.
    network : what its network expects: ``input_size``, ``classes``, ``mean``, ``std``.
    """

    def __init__(self, path: PathLike, config: Config, network: dict[str, Any]) -> None:
        self.path, self.config, self.network = Path(path), config, network

    @classmethod
    def create(cls, config: Config, pair: DataPair, input_size: tuple[int, ...], out: PathLike | None = None) -> Run:
        """Make a new folder: ``out``, or ``runs/<date-time>-<model>-<data>`` in the current folder.

        Raises
        ------
        DataError
            ``out`` holds something already.
        """
        path = Path(out) if out is not None else _dated(config)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise DataError(
                f"train: {path} exists already and is not an empty folder; give --out another name, or continue a run "
                f"with --resume {path}"
            )
        network = {"input_size": list(input_size), "classes": pair.classes, "mean": pair.mean, "std": pair.std}
        run = cls(path, config, network)
        settings = {**config.to_dict(), "network": network, "made_by": f"tinygrad_cv {_version()}"}
        try:
            io.write_json(run.file(CONFIG), settings)
        except (NotADirectoryError, FileExistsError, FileNotFoundError):
            raise DataError(f"train: no folder can be made at {path}; give --out another place") from None
        return run

    @classmethod
    def open(cls, path: PathLike) -> Run:
        """Open the run in a folder.

        Raises
        ------
        DataError
            There is no such folder, or what it holds is no run, or a damaged one.
        """
        folder = Path(path)
        if not folder.exists():
            raise DataError(f"run: there is no folder {folder}; {_known_runs(folder)}")
        if not (folder / CONFIG).is_file():
            raise DataError(f"run: {folder} is not the folder of a run, for it has no {CONFIG}; {_known_runs(folder)}")
        values = io.read_json(folder / CONFIG)
        config = Config.from_dict(values, f"run: {folder / CONFIG}")
        network = values.get("network")
        sound = (
            isinstance(network, dict)
            and {"input_size", "classes", "mean", "std"} <= set(network)
            and all(isinstance(v, list) and v for v in network.values())
            and len(network["input_size"]) == 3
        )
        if not sound:
            raise DataError(f"run: {folder / CONFIG} does not describe its network; restore it, or train again")
        return cls(folder, config, network)

    def file(self, name: str) -> Path:
        """The path of a file in the folder."""
        return self.path / name

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are complete and the last picture is drawn."""
        return self.file(LAST).exists() and len(self.history()) >= self.config.epochs

    def history(self) -> list[dict[str, float]]:
        """The metrics of the epochs; a last line that a crash cut off is left out."""
        path = self.file(METRICS)
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        records = []
        for number, line in enumerate(lines[:-1], 1):
            try:
                records.append(_record(line))
            except ValueError:
                raise DataError(f"run: line {number} of {path} is damaged; remove it, or train again") from None
        return records

    def build_model(self) -> Module:
        """Build the network of the run, with fresh weights."""
        c, h, _ = self.network["input_size"]
        return build_model(self.config.model, c, h, len(self.network["classes"]), self.config.options)

    def load_model(self) -> Module:
        """Build the network of the run with its best weights, in evaluation mode.

        Raises
        ------
        DataError
            The weights are missing, damaged, or of another network.
        """
        path = self.file(WEIGHTS)
        if not path.is_file():
            raise DataError(
                f"run: {self.path} has no weights yet, for no epoch is complete; continue it with "
                f"tinygrad-cv train --resume {self.path}"
            )
        model = self.build_model()
        weights = io.load_file(path)
        try:
            model.load_state_dict(weights)
        except TinygradError as error:
            # the last line of the report is advice for who loads weights by hand
            reason = " ".join((str(error).rpartition("\n")[0] or str(error)).split())
            raise DataError(
                f"run: the weights in {path} do not fit the model {self.config.model} of its config.json ({reason}); "
                "restore the two, or train again"
            ) from None
        return model.eval()


def _record(line: str) -> dict[str, float]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def latest_run(folder: PathLike = "runs") -> Path:
    """The newest run in ``folder``.

    Raises
    ------
    DataError
        There is none.
    """
    found = sorted(Path(folder).glob(f"*/{CONFIG}"), key=lambda p: (p.stat().st_mtime, str(p)))
    if not found:
        raise DataError(f"run: there is no run in {Path(folder).resolve()}; start one with tinygrad-cv train")
    return found[-1].parent


def _dated(config: Config) -> Path:
    name = f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}-{config.model}-{config.data}"
    path, number = Path("runs") / name, 2
    while path.exists():
        path, number = Path("runs") / f"{name}-{number}", number + 1
    return path


def _known_runs(near: Path) -> str:
    runs = sorted(p.parent for folder in {near.parent, near, Path("runs")} for p in folder.glob(f"*/{CONFIG}"))
    if runs:
        return f"there is, for example, {runs[-1]}"
    return "tinygrad-cv train makes one under runs/"


def _version() -> str:
    """The version of the package, which stands on the floor above this one and is loaded by now."""
    return str(sys.modules["tinygrad_cv"].__version__)
