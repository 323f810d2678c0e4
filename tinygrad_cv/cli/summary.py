"""List the layers of a network with their output shapes and parameters.

MODEL is a name from tinygrad-cv models, or the folder of a run.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from tinygrad_cv.cli.network import add_network, open_network


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    add_network(parser)


def run(arguments: Namespace) -> None:
    """Print the table."""
    from tinygrad_cv.autograd import no_grad
    from tinygrad_cv.tensors.creation import zeros

    name, model, size = open_network(arguments)
    rows: list[tuple[str, str, str, str]] = []
    handles = []
    for path, module in model.named_modules():
        if path and not list(module.children()):
            handles.append(module.register_forward_hook(_recorder(rows, path)))
    try:
        with no_grad():
            scores = model.eval()(zeros(1, *size))
    finally:
        for handle in handles:
            handle.remove()
    width = max([len("layer"), *(len(row[0]) for row in rows)])
    print(f"{name} for images {' x '.join(map(str, size))}\n")
    print(f"{'layer':<{width}}  {'kind':<14}{'output':<20}{'parameters':>12}")
    for path, kind, shape, parameters in rows:
        print(f"{path:<{width}}  {kind:<14}{shape:<20}{parameters:>12}")
    total = sum(p.numel() for p in model.parameters())
    print(f"\n{total:,} parameters, {4 * total / 2**20:.2f} MiB as float32; output {tuple(scores.shape)}")


def _recorder(rows: list[tuple[str, str, str, str]], path: str) -> Callable[[Any, Any, Any], None]:
    def record(module: Any, args: Any, output: Any) -> None:
        parameters = sum(p.numel() for p in module.parameters())
        rows.append((path, type(module).__name__, str(tuple(output.shape)), f"{parameters:,}" if parameters else ""))

    return record
