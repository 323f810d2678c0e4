"""The page of a ladder: its table, and for each row the curves of all seeds, what was confused, and the filters."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from tinygrad_cv import io, viz
from tinygrad_cv.io.files import PathLike
from tinygrad_cv.ladder.climb import Result
from tinygrad_cv.ladder.table import HEAD, Standing, cells

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; font-size: 14px } td, th { padding: .3rem .8rem .3rem 0; text-align: left }
tr { border-bottom: 1px solid #ddd } .short td { color: #a33 } img { max-width: 100%; height: auto }
figure { margin: 1rem 0 } figcaption { font-size: 14px; color: #555 }
"""


def write_page(ladder: str, summed: Sequence[Standing], results: Sequence[Result], folder: PathLike) -> Path:
    """Write ``index.html`` into the folder of a ladder, beside the run folders whose pictures it shows.

    Returns
    -------
    Path
        Of the page.
    """
    folder = Path(folder)
    parts = [
        f"<h1>The ladder of {html.escape(ladder)}</h1>",
        "<p>Each network was trained on all training images and looked at the test images once, when its training was "
        "over. The interval is a 95 % one: over seeds, or over test images where there is one seed.</p>",
        _table(summed),
    ]
    for standing in summed:
        row = standing.row
        mine = [r for r in results if r.row == row.name]
        parts.append(f'<h2 id="{html.escape(row.name)}">{html.escape(row.title)}</h2>')
        curves = folder / row.name / "curves.svg"
        io.write_text(curves, _curves(mine))
        parts.append(_figure(f"{row.name}/curves.svg", "Loss and accuracy on the training images, by epoch and seed"))
        first = folder / row.name / f"seed-{mine[0].seed}"
        for name, caption in (
            ("confusion.svg", f"What was taken for what, seed {mine[0].seed}"),
            ("filters.svg", "The first layer before and after"),
        ):
            if (first / name).is_file():
                parts.append(_figure(f"{row.name}/{first.name}/{name}", caption))
    body = "\n".join(parts)
    text = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Ladder: {html.escape(ladder)}</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )
    return io.write_text(folder / "index.html", text)


def _table(summed: Sequence[Standing]) -> str:
    lines = ["<tr>" + "".join(f"<th>{html.escape(word)}</th>" for word in HEAD) + "</tr>"]
    for standing in summed:
        mark = "" if standing.holds else ' class="short"'
        lines.append(f"<tr{mark}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells(standing)) + "</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _curves(results: Sequence[Result]) -> str:
    series = {
        f"seed {r.seed} {name}": [record[f"train_{name}"] for record in r.history]
        for name in ("loss", "accuracy")
        for r in results
    }
    return viz.curves(series).svg


def _figure(path: str, caption: str) -> str:
    shown = html.escape(path, quote=True)
    return f'<figure><img src="{shown}" alt="{html.escape(caption)}"><figcaption>{caption}</figcaption></figure>'
