"""Train a network and leave a run folder: weights, settings, metrics, curves, confusion matrix, filters, graph.

Without options: a LeNet on the 1,797 handwritten digits that come with the package.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from typing import Any

from tinygrad_cv.cli.main import FULL, INTERRUPTED
from tinygrad_cv.cli.parser import UsageError, add_threads, count, one_of, positive, set_threads, several_of, share

DATA = ("digits", "drawings", "mnist", "fashion-mnist", "cifar10")
AUGMENT = ("none", "shift", "reflect", "flip", "alternate", "affine", "cutout")
SETTINGS = ("recipe", "model", "data", "data_root", "epochs", "lr", "batch_size", "seed", "augment", "weight_decay",
            "label_smoothing", "average", "clip_grad_norm", "held_out")  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    add = parser.add_argument
    add("--recipe", metavar="NAME", help="settings that reach a stated accuracy; other options overrule them")
    add("--model", metavar="NAME", help="network, see tinygrad-cv models (lenet)")
    add("--data", type=one_of(DATA, "data set"), metavar="SET", help=f"{', '.join(DATA)} (digits)")
    add("--data-root", metavar="FOLDER", help="where the files of the data set are; not needed for digits and drawings")
    add("--download", action="store_true", default=None, help="fetch files that are missing in the data root")
    add("--epochs", type=count(1, "10"), metavar="N", help="times to go through the training images")
    add("--lr", type=positive("0.001"), metavar="RATE", help="highest learning rate of the schedule")
    add("--batch-size", type=count(1, "64"), metavar="N", help="images per step")
    add("--seed", type=count(0, "0"), metavar="N", help="the same seed gives the same weights, bit for bit (0)")
    add("--augment", type=several_of(AUGMENT, "augmentation"), metavar="KIND", help="+".join(AUGMENT))
    add("--weight-decay", type=share("0.01"), metavar="SHARE", help="pull of the weights towards zero (0.01)")
    add("--held-out", type=share("0.1"), metavar="SHARE", help="measure on this part of the training images")
    add("--label-smoothing", type=share("0.1"), metavar="SHARE", help="(0)")
    add("--average", type=share("0.999"), metavar="SHARE", help="keep averaged weights with this share of the past")
    add("--clip-grad-norm", type=positive("1"), metavar="NORM", help="shorten longer gradients")
    add("--tensorboard", metavar="FOLDER", help="write the metrics there as TensorBoard events, too")
    add("--out", metavar="FOLDER", help="where to leave the run (runs/<date-time>-<model>-<data>)")
    add("--resume", nargs="?", const="", metavar="RUN", help="continue an interrupted run; without RUN the latest one")
    add_threads(parser)


def run(arguments: Namespace) -> int:
    """Train, draw, and print the table."""
    wishes = {name: getattr(arguments, name) for name in SETTINGS}
    set_here = [name for name, value in {**wishes, "out": arguments.out}.items() if value is not None]
    given = [f"--{name.replace('_', '-')}" for name in set_here]
    if arguments.resume is not None and given:
        raise UsageError(
            f"train: --resume continues a run with its own settings, so {given[0]} cannot be given; leave it out, or "
            "start a new run without --resume"
        )
    set_threads(arguments)
    from tinygrad_cv.train.interrupt import Interruption

    with Interruption() as interruption:
        return _train(arguments, wishes, interruption)


def _train(arguments: Namespace, wishes: dict[str, Any], interruption: Any) -> int:
    from tinygrad_cv.ops.errors import DataError
    from tinygrad_cv.train.config import Config
    from tinygrad_cv.train.events import TensorBoard
    from tinygrad_cv.train.job import resume, start
    from tinygrad_cv.train.progress import Progress
    from tinygrad_cv.train.report import finish, table
    from tinygrad_cv.train.run import Run, latest_run
    from tinygrad_cv.train.sources import fetch

    begun = time.perf_counter()
    callbacks = [interruption, Progress(), *([TensorBoard(arguments.tensorboard)] if arguments.tensorboard else [])]
    if arguments.download:
        fetch(wishes["data"], wishes["data_root"])
    if arguments.resume is None:
        job = start(Config.make(**wishes), arguments.out, callbacks)
        doing = "training"
    else:
        job = resume(Run.open(arguments.resume or latest_run()), callbacks)
        doing = f"continuing after epoch {job.trainer.epoch}:"
    config = job.run.config
    images = len(job.pair.train)
    print(f"{doing} {config.model} on {config.data}, {images:,} images, {config.epochs} epochs, seed {config.seed}")
    sys.stdout.flush()
    try:
        job.train()
        if interruption.signal is not None and job.trainer.epoch < config.epochs:
            return _stopped(job)
        measured = finish(job)
    except KeyboardInterrupt:
        return _stopped(job, at_once=True)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DataError(
            f"train: the disk is full; nothing was left half-written; free some space and go on with "
            f"tinygrad-cv train --resume {job.run.path}"
        ) from error
    print("\n" + table(job, measured, time.perf_counter() - begun))
    return 0


def _stopped(job: Any, at_once: bool = False) -> int:
    """Say what was kept and how to go on."""
    run, trainer = job.run, job.trainer
    from tinygrad_cv.train.run import CHECKPOINT

    kept = f"everything up to step {trainer.step} (epoch {trainer.epoch + 1} of {trainer.epochs}) is kept"
    if at_once or not run.file(CHECKPOINT).exists():
        kept = "the last checkpoint is kept" if run.file(CHECKPOINT).exists() else "no step was kept"
    print(
        f"tinygrad-cv: interrupted; {kept} in {run.path}; go on with tinygrad-cv train --resume {run.path}",
        file=sys.stderr,
    )
    return INTERRUPTED
