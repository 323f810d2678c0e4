"""Draw a network: by its modules, or operation by operation as a reverse pass walks it.

MODEL is a name from tinygrad-cv models, or the folder of a run. SVG and DOT need no other program.
"""

from __future__ import annotations

import sys
import warnings
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from tinygrad_cv.cli.network import add_network, open_network
from tinygrad_cv.cli.parser import UsageError, count, one_of

FORMATS = (".svg", ".png", ".pdf", ".dot", ".gv")
MEASURES = ("time", "bytes", "values", "gradients", "all")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    add_network(parser)
    parser.add_argument("--out", "-o", metavar="FILE", help="where to draw it: .svg .png .pdf .dot (<MODEL>.svg)")
    parser.add_argument(
        "--view", type=one_of(("modules", "autograd"), "view"), default="modules", metavar="VIEW",
        help="modules, or autograd: the operations that a reverse pass walks (modules)",
    )  # fmt: skip
    parser.add_argument("--depth", type=count(0, "1"), metavar="N", help="open N levels of modules (chosen by size)")
    parser.add_argument("--ops", action="store_true", help="down to single operations and parameters")
    parser.add_argument("--no-fold", action="store_true", help="draw equal blocks in a row every time")
    parser.add_argument("--closed", metavar="NAMES", help="modules that stay one box: layer1,layer2.*")
    parser.add_argument("--show", metavar="WHAT", help=f"say in the boxes: {', '.join(MEASURES)}")
    parser.add_argument(
        "--backward", type=one_of(("joined", "apart"), "way"), metavar="WAY",
        help="draw the reverse pass too: joined with the forward pass, or apart",
    )  # fmt: skip
    parser.add_argument("--saved", action="store_true", help="autograd view: draw what operations keep")
    parser.add_argument("--batch", type=count(1, "8"), default=1, metavar="N", help="images in the batch (1)")


def run(arguments: Namespace) -> None:
    """Write the drawing."""
    from tinygrad_cv.ops.errors import ArgumentError

    out = Path(arguments.out or f"{Path(arguments.model).name}.svg")
    if out.suffix.lower() not in FORMATS:
        raise ArgumentError(f"graph: cannot draw {out}; give --out a name that ends in .svg, .png, .pdf or .dot")
    shown = _words(arguments.show)
    unknown = next((word for word in shown if word not in MEASURES), None)
    if unknown is not None:
        raise UsageError(f"graph: --show has {unknown!r}; give some of {', '.join(MEASURES)}")
    name, model, size = open_network(arguments)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        path = _drawing(arguments, model, (arguments.batch, *size), shown).render(out)
    print(f"the graph of {name}: {path}")
    for warning in said:
        print(f"note: {warning.message}", file=sys.stderr)


def _drawing(arguments: Namespace, model: Any, shape: tuple[int, ...], shown: tuple[str, ...]) -> Any:
    from tinygrad_cv import viz
    from tinygrad_cv.tensors.random import Generator

    images = Generator().manual_seed(0).numpy.random(shape, dtype="float32")
    way = arguments.backward or "no"
    if arguments.view == "modules":
        show = "all" if "all" in shown else shown
        fold = False if arguments.no_fold else None
        closed = _words(arguments.closed)
        return viz.draw_graph(
            model, images, depth=arguments.depth, ops=arguments.ops, fold=fold, closed=closed, show=show, backward=way
        )
    from tinygrad_cv.autograd.observe import Observer, observing
    from tinygrad_cv.tensors import Tensor

    with observing(Observer()):  # so that nodes know their modules
        scores = model.eval()(Tensor(images))
    values = bool({"values", "gradients", "all"} & set(shown))
    if values:
        scores.sum().backward(retain_graph=True)
    params = dict(model.named_parameters())
    return viz.make_dot(scores, params=params, show_saved=arguments.saved, values=values, backward=way)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())
