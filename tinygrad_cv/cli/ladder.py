"""Train a ladder of networks on one data set, from a softmax on pixels upwards, and set them side by side.

Rows that are done are not done again: the same command goes on with a ladder that was broken off.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tinygrad_cv.cli.main import INTERRUPTED
from tinygrad_cv.cli.parser import UsageError, add_threads, count, one_of, set_threads

DATA = ("cifar10", "cifar10-parts", "mnist", "fashion-mnist", "digits")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    add = parser.add_argument
    add("data", nargs="?", type=one_of(DATA, "ladder"), metavar="SET", help=", ".join(DATA))
    add("--data-root", metavar="FOLDER", help="where the files of the data set are")
    add("--rows", nargs="+", metavar="ROW", help="only these; --list shows them")
    add("--seeds", type=count(1, "3"), metavar="N", help="networks for each row (as the row says, most often 3)")
    add("--out", metavar="FOLDER", help="where to leave runs, results.jsonl and index.html (runs/ladder-SET)")
    add("--quick", action="store_true", help="the ladder of the digits, one seed: half a minute")
    add("--shifts", action="store_true", help="also measure the networks of seed 0 on moved test images")
    add("--list", action="store_true", help="show the rows and train nothing")
    add_threads(parser)


def run(arguments: Namespace) -> int:
    """Train what is missing, write the page, print the table."""
    data = "digits" if arguments.quick else arguments.data
    if data is None:
        raise UsageError(f"ladder: name a data set, one of {', '.join(DATA)}, or give --quick")
    set_threads(arguments)
    from tinygrad_cv import ladder
    from tinygrad_cv.train.interrupt import Interruption
    from tinygrad_cv.train.progress import Progress

    rows = ladder.choose(data, arguments.rows)
    if arguments.list:
        for row in rows:
            demand = f"{100 * row.demanded:.1f} % within {row.minutes:g} min"
            print(f"  {row.name:<10} {row.title}, {demand}, {row.seeds} seed{'s' * (row.seeds > 1)}")
        return 0
    folder = Path(arguments.out or f"runs/ladder-{data}")
    with Interruption() as interruption:
        whole = ladder.climb(
            rows, folder, data_root=arguments.data_root, seeds=arguments.seeds,
            callbacks=lambda: [interruption, Progress()], tell=lambda sentence: print(sentence, flush=True),
        )  # fmt: skip
    results = ladder.read_results(folder)
    summed = ladder.standings(ladder.choose(data), results)
    if summed:
        page = ladder.write_page(data, summed, results, folder)
        print(f"\n{ladder.markdown(summed)}\n\n{page}")
    if whole and arguments.shifts:
        print("\n" + ladder.shift_table(ladder.measure_shifts(rows, folder, data_root=arguments.data_root)))
    if not whole:
        print("tinygrad-cv: interrupted; the same command goes on where this one ended", file=sys.stderr)
        return INTERRUPTED
    return 0
