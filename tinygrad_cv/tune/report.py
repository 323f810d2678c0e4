"""What a search found: a table of its trials, and a page with their learning curves."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygrad_cv import io, viz
from tinygrad_cv.io.files import PathLike


@dataclass(frozen=True)
class Trial:
    """One training with settings of its own.

    Attributes
    ----------
    number : in the order of their beginning.
    settings : what was tried.
    accuracy : on the held-out images at its end; of a pruned one, its best.
    curve : the accuracy after each epoch.
    pruned : whether it was ended early.
    seconds : wall time.
    """

    number: int
    settings: dict[str, float]
    accuracy: float
    curve: list[float]
    pruned: bool
    seconds: float


def table(trials: Sequence[Trial]) -> str:
    """The trials, best first, as a table that Markdown reads too."""
    names = sorted({name for trial in trials for name in trial.settings})
    lines = [[*names, "held-out accuracy", "epochs", "seconds"]]
    for trial in ranked(trials):
        end = " (ended early)" if trial.pruned else ""
        values = [f"{trial.settings[name]:.3g}" for name in names]
        lines.append([*values, f"{100 * trial.accuracy:.2f} %{end}", str(len(trial.curve)), f"{trial.seconds:.1f}"])
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines]
    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    return "\n".join([text[0], rule, *text[1:]])


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that came to their end, best first, then the pruned ones."""
    return sorted(trials, key=lambda trial: (trial.pruned, -trial.accuracy))


def write_page(title: str, stages: Mapping[str, Sequence[Trial]], warnings: Sequence[str], folder: PathLike) -> Path:
    """Write ``index.html`` and the pictures that it shows: the curves of the trials, and the accuracy by setting.

    ``warnings`` are sentences that stand above all.

    Returns
    -------
    Path
        Of the page.
    """
    folder = Path(folder)
    parts = [f"<h1>{html.escape(title)}</h1>", *(f"<p><strong>{html.escape(word)}.</strong></p>" for word in warnings)]
    for stage, trials in stages.items():
        parts.append(f"<h2>{html.escape(stage)}</h2>\n<pre>{html.escape(table(trials))}</pre>")
        curves = {f"{_label(trial)} accuracy": trial.curve for trial in ranked(trials)[:8] if trial.curve}
        pictures = {f"{stage}-curves.svg": viz.curves(curves, title="The eight best, by epoch").svg} if curves else {}
        for name in sorted({name for trial in trials for name in trial.settings}):
            pictures[f"{stage}-{name}.svg"] = viz.bars(
                {f"{value:.3g}": best for value, best in _best_by(trials, name).items()},
                title=f"Best held-out accuracy by {name}",
                percent=True,
            ).svg
        for file, picture in pictures.items():
            io.write_text(folder / file, picture)
            parts.append(f'<p><img src="{html.escape(file, quote=True)}" alt=""></p>')
    body = "\n".join(parts)
    return io.write_text(
        folder / "index.html",
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }"
        f"</style></head><body>\n{body}\n</body></html>\n",
    )


def _label(trial: Trial) -> str:
    return " ".join(f"{name} {value:.2g}" for name, value in trial.settings.items())


def _best_by(trials: Sequence[Trial], name: str) -> dict[float, float]:
    values = sorted({trial.settings[name] for trial in trials})
    return {v: max(trial.accuracy for trial in trials if trial.settings[name] == v) for v in values}
