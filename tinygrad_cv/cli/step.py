"""Walk a reverse pass node by node: who waits for whom, what arrives, what adds up.

WHAT is a formula in letters such as "a*b + a" or "a = x*x; a*b + a", or the word residual for a residual block.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from tinygrad_cv.cli.parser import one_of

ORDERS = ("engine", "paths", "resend", "once")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    parser.add_argument("what", metavar="WHAT", nargs="?", default="a = x*x; a*b + a", help="(a = x*x; a*b + a)")
    parser.add_argument(
        "--order", type=one_of(ORDERS, "order"), default="engine", metavar="ORDER",
        help="engine, or recursion without a topological order: paths, resend, once (engine)",
    )  # fmt: skip
    parser.add_argument("--html", metavar="FILE", help="also write a page that steps through the graph")


def run(arguments: Namespace) -> None:
    """Print the steps, and what each order costs and gives."""
    from tinygrad_cv.explain.examples import formula, residual_block
    from tinygrad_cv.explain.stepper import backward_steps, compare_orders, naive_steps
    from tinygrad_cv.explain.stepper_page import page
    from tinygrad_cv.io import write_text

    loss, names = residual_block() if arguments.what == "residual" else formula(arguments.what)
    leaves = [f"{name} = {t.item():g}" for name, t in names.items() if t.is_leaf and t.numel() == 1]
    print(f"{arguments.what}" + (f"   with {', '.join(leaves)}" if leaves else ""), end="\n\n")
    walk = backward_steps(loss, names) if arguments.order == "engine" else naive_steps(loss, arguments.order, names)
    for step in walk:
        print(step)
    print(f"\n{compare_orders(loss, names)}")
    if arguments.html:
        write_text(arguments.html, page(loss, names, f"The reverse pass of {arguments.what}"))
        print(f"\nthe page: {arguments.html}")
