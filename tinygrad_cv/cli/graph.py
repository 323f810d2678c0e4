"""Draw the computation graph of a network as SVG, with or without the dot program.

MODEL is a name from tinygrad-cv models, or the folder of a run.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tinygrad_cv.cli.network import add_network, open_network


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    add_network(parser)
    parser.add_argument("--out", metavar="FILE", help="where to draw it: .svg, or .dot for the source (<MODEL>.svg)")


def run(arguments: Namespace) -> None:
    """Write the drawing."""
    from tinygrad_cv import viz
    from tinygrad_cv.io import write_text
    from tinygrad_cv.ops.errors import ArgumentError
    from tinygrad_cv.tensors.creation import zeros

    out = Path(arguments.out or f"{Path(arguments.model).name}.svg")
    if out.suffix not in (".svg", ".dot", ".gv"):
        raise ArgumentError(f"graph: cannot draw {out}; give --out a name that ends in .svg or .dot")
    name, model, size = open_network(arguments)
    scores = model.eval()(zeros(1, *size))
    picture = viz.make_dot(scores, params=dict(model.named_parameters()))
    write_text(out, picture.svg if out.suffix == ".svg" else picture.source)
    print(f"the graph of {name}: {out}")
