"""List the networks that can be built by name, with their parameters and image sizes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="only names that match, such as 'res*'")


def run(arguments: Namespace) -> None:
    """Print the list."""
    from tinygrad_cv import models
    from tinygrad_cv.models.registry import unfilled
    from tinygrad_cv.ops.errors import ArgumentError

    names = models.list_models(include=arguments.pattern)
    if not names:
        raise ArgumentError(f"models: no name matches {arguments.pattern!r}; tinygrad-cv models lists all")
    print(f"{'name':<22}{'parameters':>12}  images")
    for name in names:
        with unfilled():
            model = models.get_model(name)
        c, h, w = models.input_size(model)
        parameters = sum(p.numel() for p in model.parameters())
        print(f"{name:<22}{parameters:>12,}  {c} x {h} x {w}")
