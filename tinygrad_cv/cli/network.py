"""The word MODEL that several commands take: a name, or the folder of a run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from tinygrad_cv.cli.parser import UsageError, count


def add_network(parser: ArgumentParser) -> None:
    """Add MODEL and what can be said about it."""
    parser.add_argument("model", metavar="MODEL", help="a name from tinygrad-cv models, or the folder of a run")
    parser.add_argument("--image-size", type=count(1, "32"), metavar="N", help="build it for images of N x N pixels")
    parser.add_argument("--channels", type=count(1, "3"), metavar="N", help="build it for N channels")
    parser.add_argument("--classes", type=count(1, "10"), metavar="N", help="build it for N classes")


def open_network(arguments: Namespace) -> tuple[str, Any, tuple[int, int, int]]:
    """Return the network's name, the network, and the size (C, H, W) of its images."""
    from tinygrad_cv import models
    from tinygrad_cv.train.run import CONFIG, Run

    wishes = {"image_size": arguments.image_size, "in_channels": arguments.channels, "num_classes": arguments.classes}
    given = {k: v for k, v in wishes.items() if v is not None}
    if Path(arguments.model, CONFIG).is_file():
        if given:
            raise UsageError(f"{arguments.model} is a run, whose sizes are settled; leave out the options")
        opened = Run.open(arguments.model)
        model = opened.load_model()
        c, h, w = opened.network["input_size"]
        return opened.config.model, model, (c, h, w)
    model = models.get_model(arguments.model, **given)
    return arguments.model, model, models.input_size(model)
