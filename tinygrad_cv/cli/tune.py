"""Search for a learning rate and a weight decay: a coarse grid, then a finer one around its best.

Every trial is measured on a held-out tenth of the training images; the test images stay unseen. The study lies in a
journal: the same command goes on with it, and started twice at a time, two processes share the work.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from tinygrad_cv.cli.main import INTERRUPTED
from tinygrad_cv.cli.parser import add_threads, count, one_of, positive, set_threads
from tinygrad_cv.cli.train import DATA

SETTINGS = ("recipe", "model", "data", "data_root", "batch_size", "seed")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    add = parser.add_argument
    add("--recipe", metavar="NAME", help="settings to start from, see tinygrad-cv train")
    add("--model", metavar="NAME", help="network, see tinygrad-cv models (lenet)")
    add("--data", type=one_of(DATA, "data set"), metavar="SET", help=f"{', '.join(DATA)} (digits)")
    add("--data-root", metavar="FOLDER", help="where the files of the data set are; not needed for digits and drawings")
    add("--lr", nargs="+", type=positive("0.001"), metavar="RATE", help="learning rates to try (1e-4 1e-3 1e-2)")
    add("--weight-decay", nargs="+", type=positive("0.001"), metavar="SHARE", help="to try (1e-5 1e-4 1e-3)")
    add("--epochs", type=count(1, "5"), metavar="N", default=5, help="of a coarse trial (5); fine: twice that")
    add("--batch-size", type=count(1, "64"), metavar="N", help="images per step")
    add("--seed", type=count(0, "0"), metavar="N", help="of all trials (0)")
    add("--out", metavar="FOLDER", help="where to keep journal, table and plots (runs/tune-MODEL-SET)")
    add_threads(parser)


def run(arguments: Namespace) -> int:
    """Search, print the tables and the warnings, write the page."""
    set_threads(arguments)
    from tinygrad_cv import tune
    from tinygrad_cv.train.config import Config
    from tinygrad_cv.train.interrupt import Interruption

    wishes: dict[str, Any] = {name: getattr(arguments, name) for name in SETTINGS}
    config = Config.make(**wishes)
    usual = tune.Plan()
    given = {"lr": arguments.lr, "weight_decay": arguments.weight_decay}
    grid = {name: sorted(set(given[name] or values)) for name, values in usual.coarse.items()}
    plan = tune.Plan(grid, arguments.epochs, 2 * arguments.epochs)
    folder = Path(arguments.out or f"runs/tune-{config.model}-{config.data}")
    try:
        with Interruption() as interruption:
            stages = tune.search(
                folder, {k: v for k, v in wishes.items() if v is not None}, plan,
                callbacks=lambda: [interruption], tell=lambda sentence: print(sentence, flush=True),
            )  # fmt: skip
    except KeyboardInterrupt:
        print("tinygrad-cv: interrupted; the same command goes on where this one ended", file=sys.stderr)
        return INTERRUPTED
    warnings = []
    for stage, trials in stages.items():
        print(f"\n{stage}\n{tune.table(trials)}")
        tried = {name: sorted({t.settings[name] for t in trials}) for name in grid}
        best = max((t for t in trials if not t.pruned), key=lambda t: t.accuracy)
        warnings += [f"{stage}: {sentence}" for sentence in tune.edges(tried, best.settings)]
    for sentence in warnings:
        print(f"\nwarning: {sentence}")
    print(f"\n{tune.write_page(f'Search for {config.model} on {config.data}', stages, warnings, folder)}")
    return 0
