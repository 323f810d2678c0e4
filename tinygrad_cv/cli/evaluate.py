"""Measure the best weights of a run on the test images of its data set."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from tinygrad_cv.cli.parser import add_threads, set_threads


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    parser.add_argument("run", metavar="RUN", help="folder that tinygrad-cv train left")
    parser.add_argument("--data-root", metavar="FOLDER", help="where the data set is now, if it has moved")
    add_threads(parser)


def run(arguments: Namespace) -> None:
    """Print accuracy, loss, the recall of each class, and the commonest confusions."""
    set_threads(arguments)
    import numpy as np

    from tinygrad_cv.train.job import TEST_BATCH
    from tinygrad_cv.train.metrics import evaluate
    from tinygrad_cv.train.report import NAMES, lines
    from tinygrad_cv.train.run import Run
    from tinygrad_cv.train.sources import load_data
    from tinygrad_cv.utils.data import DataLoader
    from tinygrad_cv.viz import count_confusions

    opened = Run.open(arguments.run)
    model = opened.load_model()
    if arguments.data_root is not None:
        opened.config.data_root = arguments.data_root
    pair = load_data(opened.config)
    measured = evaluate(model, DataLoader(pair.test, batch_size=TEST_BATCH), look=opened.config.look)
    counts = count_confusions(measured.labels, measured.predictions, len(pair.classes))
    total, right = int(counts.sum()), int(counts.trace())
    print(f"{opened.config.model} on {total:,} {NAMES[opened.config.data]} test images")
    rows = [
        ("accuracy", f"{100 * measured.accuracy:.2f} %  ({total - right:,} wrong)"),
        ("loss", f"{measured.loss:.4f}"),
    ]
    print(lines(rows) + "\n")
    print(lines([(name, f"{100 * counts[k, k] / max(1, counts[k].sum()):6.2f} %  of {counts[k].sum():,}")
                 for k, name in enumerate(pair.classes)]))  # fmt: skip
    worst = [(int(n), i, j) for (i, j), n in np.ndenumerate(counts) if n and i != j]
    if worst:
        named = [f"{pair.classes[i]} taken for {pair.classes[j]} ({n})" for n, i, j in sorted(worst, reverse=True)[:5]]
        print(f"\ncommonest confusions: {', '.join(named)}")
