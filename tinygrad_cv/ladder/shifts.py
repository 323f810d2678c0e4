"""What a moved image does to a trained network: its accuracy on test images shifted by some pixels.

The course notes credit a tenth of the convolutional network's lead to its indifference to shifts, by guess. Here it is
measured, beside a dense network of as many parameters.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygrad_cv import io
from tinygrad_cv.io.files import PathLike
from tinygrad_cv.ladder.rows import Row
from tinygrad_cv.train.job import TEST_BATCH
from tinygrad_cv.train.metrics import evaluate
from tinygrad_cv.train.run import WEIGHTS, Run
from tinygrad_cv.train.sources import load_data
from tinygrad_cv.typing import Array
from tinygrad_cv.utils.data import DataLoader

PIXELS = (0, 1, 2, 4, 8)


@dataclass(frozen=True)
class Moved:
    """A network's accuracy on test images that were moved.

    Attributes
    ----------
    row : its row; the network is that of seed 0.
    accuracies : by the pixels of the shift; the mean over shifts to the left, right, top and bottom.
    """

    row: str
    accuracies: dict[str, float]


def moved(images: Array, down: int, right: int) -> Array:
    """Images (N, H, W) or (N, H, W, C), moved by whole pixels; what comes in at the border is black.

    Examples
    --------
    >>> moved(np.arange(1, 5).reshape(1, 2, 2), 0, 1).tolist()
    [[[0, 1], [0, 3]]]
    """
    y = np.zeros_like(images)
    h, w = images.shape[1:3]
    rows, columns = slice(max(down, 0), h + min(down, 0)), slice(max(right, 0), w + min(right, 0))
    source_rows, source_columns = slice(max(-down, 0), h - max(down, 0)), slice(max(-right, 0), w - max(right, 0))
    y[:, rows, columns] = images[:, source_rows, source_columns]
    return y


def measure_shifts(
    rows: Iterable[Row], folder: PathLike, *, data_root: str | None = None, pixels: Sequence[int] = PIXELS
) -> list[Moved]:
    """Measure the rows that lie in ``folder`` trained, and write ``shifts.jsonl`` there.

    Parameters
    ----------
    data_root : where the files of the data set are.
    pixels : how far to move.
    """
    found = []
    for row in rows:
        path = Path(folder) / row.name / "seed-0"
        if not (path / WEIGHTS).is_file():
            continue
        run = Run.open(path)
        run.config.data_root = data_root or run.config.data_root
        model, test = run.load_model(), load_data(run.config).test
        accuracies = {}
        for d in pixels:
            means = []
            for down, right in {(0, d), (0, -d), (d, 0), (-d, 0)}:
                images = copy.copy(test)
                images.data = moved(test.data, down, right)
                means.append(evaluate(model, DataLoader(images, batch_size=TEST_BATCH)).accuracy)
            accuracies[str(d)] = float(np.mean(means))
        found.append(Moved(row.name, accuracies))
    lines = [json.dumps(dataclasses.asdict(one)) + "\n" for one in found]
    io.write_text(Path(folder) / "shifts.jsonl", "".join(lines))
    return found


def shift_table(found: Sequence[Moved]) -> str:
    """The accuracies as a table that Markdown reads too."""
    pixels = list(found[0].accuracies) if found else []
    lines = [["moved by, pixels", *pixels]]
    lines += [[one.row, *(f"{100 * one.accuracies[d]:.1f} %" for d in pixels)] for one in found]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    return "\n".join([text[0], "| " + " | ".join("-" * width for width in widths) + " |", *text[1:]])
