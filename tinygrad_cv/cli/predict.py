"""Say what the network of a run sees in pictures of your own.

The pictures may have any size and mode; what is done to make them look like the training images is printed with
each of them.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from tinygrad_cv.cli.main import explain
from tinygrad_cv.cli.parser import count


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    parser.add_argument("run", metavar="RUN", help="folder that tinygrad-cv train left")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="picture files")
    parser.add_argument("--top", type=count(1, "3"), default=3, metavar="N", help="classes to name (3)")
    parser.add_argument("--save-input", metavar="FILE", help="also draw what the network was shown (.png or .svg)")


def run(arguments: Namespace) -> int:
    """Print a line per picture; a picture that cannot be read does not keep the others from being read."""
    import numpy as np

    from tinygrad_cv import viz
    from tinygrad_cv.autograd import no_grad
    from tinygrad_cv.ops.errors import DataError
    from tinygrad_cv.tensors import Tensor
    from tinygrad_cv.train.framing import frame
    from tinygrad_cv.train.metrics import probabilities
    from tinygrad_cv.train.run import Run

    opened = Run.open(arguments.run)
    model, network = opened.load_model(), opened.network
    mean, std = (np.array(network[k], np.float32).reshape(-1, 1, 1) for k in ("mean", "std"))
    shown, captions, failed = [], [], 0
    for path in arguments.images:
        try:
            picture, steps = frame(path, opened.config.data, network["input_size"])
        except DataError as error:
            failed += 1
            print(f"tinygrad-cv: {explain(error)}", file=sys.stderr)
            continue
        with no_grad():
            scores = model(Tensor(((picture - mean) / std)[None].astype(np.float32)))
        shares = probabilities(scores._data)[0]
        ranked = [f"{network['classes'][k]} ({100 * shares[k]:.1f} %)" for k in np.argsort(-shares)[: arguments.top]]
        print(f"{path}: {ranked[0]}" + (f", then {', '.join(ranked[1:])}" if ranked[1:] else ""))
        print(f"    {'; '.join(steps)}")
        shown.append(picture)
        captions.append(ranked[0])
    if arguments.save_input and shown:
        chart = viz.images(np.stack(shown), scale="none", captions=captions, title="What the network was shown")
        print(f"what the network was shown: {chart.save(arguments.save_input)}")
    return 1 if failed else 0
