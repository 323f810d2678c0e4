"""List the layers of a network: shapes, parameters, multiply-adds, receptive fields, and what is learned.

MODEL is a name from tinygrad-cv models, or the folder of a run.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from tinygrad_cv.cli.network import add_network, open_network
from tinygrad_cv.cli.parser import UsageError

if TYPE_CHECKING:
    from tinygrad_cv.models.budget import Budget, Row


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    add_network(parser)
    parser.add_argument("--input", metavar="CxHxW", help="size of the image it is shown, for example 3x224x224")
    parser.add_argument("--formulas", action="store_true", help="also say how parameters and work are counted")


def run(arguments: Namespace) -> None:
    """Print the table."""
    from tinygrad_cv.explain.receptive_field import receptive_fields
    from tinygrad_cv.models.budget import budget
    from tinygrad_cv.ops.errors import TinygradError

    name, model, size = open_network(arguments)
    size = read_size(arguments.input) if arguments.input else size
    told = budget(model, size, name=name)
    fields: dict[str, str] = {}
    try:
        for field in receptive_fields(model, (1, *size)):
            fields[field.name] = (
                "x".join(map(str, field.size)) if field.size[0] != field.size[1] else f"{field.size[0]}"
            )
    except TinygradError:  # an operation whose windows are not known: the column stays empty
        pass
    print(f"{name} for images {' x '.join(map(str, size))}\n")
    print(table(told, fields, arguments.formulas))


def read_size(text: str) -> tuple[int, int, int]:
    """Read 'CxHxW'."""
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(p.isdigit() and int(p) for p in parts):
        raise UsageError(f"summary: --input: got {text}; give channels, height and width, for example 3x224x224")
    c, h, w = (int(p) for p in parts)
    return c, h, w


def table(told: Budget, fields: dict[str, str], formulas: bool = False) -> str:
    """Draw the rows as torchinfo does: a tree of modules, numbers beside it, sums below."""
    head = ["Layer (type:depth-idx)", "Output Shape", "Param #", "Mult-Adds", "Sees", "Learned"]
    head += ["Parameters are", "Mult-Adds are"] if formulas else []
    lines = [head]
    counts: dict[int, int] = {}
    for i, row in enumerate(told.rows):
        lines.append(_cells(row, told.rows, i, counts, fields, formulas))
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    rule = "=" * (sum(widths) + 2 * len(widths) - 2)
    texts = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in lines]
    pixels = told.itemsize
    for number in told.input:
        pixels *= number
    activations = 2 * told.activations * told.itemsize  # torchinfo counts the values and their gradients
    sums = [
        f"Total params: {told.parameters:,}",
        f"Trainable params: {told.trainable:,}",
        f"Non-trainable params: {told.parameters - told.trainable:,}",
        f"Total mult-adds (M): {told.multiply_adds / 1e6:.2f}",
    ]
    memory = [
        f"Input size (MB): {pixels / 1e6:.2f}",
        f"Forward/backward pass size (MB): {activations / 1e6:.2f}",
        f"Params size (MB): {told.weight_bytes / 1e6:.2f}",
        f"Estimated Total Size (MB): {(pixels + activations + told.weight_bytes) / 1e6:.2f}",
    ]
    return "\n".join([rule, texts[0], rule, *texts[1:], rule, *sums, rule, *memory, rule])


def _cells(
    row: Row, rows: list[Row], i: int, counts: dict[int, int], fields: dict[str, str], formulas: bool
) -> list[str]:
    counts[row.depth] = counts.get(row.depth, 0) + 1
    label = row.kind
    if row.depth:
        last = next((r.depth < row.depth for r in rows[i + 1 :] if r.depth <= row.depth), True)
        own = row.path.rpartition(".")[2]
        label = (
            f"{'│    ' * (row.depth - 1)}{'└─' if last else '├─'}{row.kind} ({own}): {row.depth}-{counts[row.depth]}"
        )
    shape = str(list(row.output)) if row.output else "--"
    numbers = [f"{n:,}" if n else "--" for n in (row.parameters, row.multiply_adds)]
    cells = [label, shape, *numbers, fields.get(row.path, "") if row.leaf else "", row.learned]
    return cells + [row.formula, row.work] if formulas else cells
