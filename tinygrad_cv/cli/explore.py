"""See inside a network in the browser: draw a digit or drop a picture, look at every layer, click any value.

WHAT is the folder of a run, a name from tinygrad-cv models, or FILE.py:NAME for a network of your own (NAME is a module
or a function that builds one; the file is run). Two of them are shown side by side; without any, the newest run is
opened. The page comes from this machine alone and asks no other one for anything.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from tinygrad_cv.cli.parser import add_threads, count, set_threads


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    add = parser.add_argument
    add("what", metavar="WHAT", nargs="*", help="a run, a name, or FILE.py:NAME (the newest run)")
    add("--port", type=count(0, "8420"), metavar="N", help="0 for any free one (8420, or any free one)")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1: this machine alone)")
    add("--no-browser", action="store_true", help="do not open a browser")
    add("--export", metavar="FILE", help="write a page that runs the network by itself, and stop")
    add("--weights", metavar="FILE", help="weights for a named network: .safetensors or .pth")
    add("--seed", type=count(0, "0"), metavar="N", help="of the weights of a network that is not trained (0)")
    add("--image-size", type=count(1, "32"), metavar="N", help="build it for images of N x N pixels")
    add("--channels", type=count(1, "3"), metavar="N", help="build it for N channels")
    add("--classes", type=count(1, "10"), metavar="N", help="build it for N classes")
    add_threads(parser)


def run(arguments: Namespace) -> None:
    """Serve the page until Ctrl-C, or write it."""
    from tinygrad_cv.explore import export, open_subject, serve
    from tinygrad_cv.explore.serve import require_web

    if not arguments.export:
        require_web()
    set_threads(arguments)
    wishes = {"image_size": arguments.image_size, "in_channels": arguments.channels, "num_classes": arguments.classes}
    sizes = {k: v for k, v in wishes.items() if v is not None}
    options = {"seed": arguments.seed or 0, "weights": arguments.weights, **sizes}
    subjects = [open_subject(what, **options) for what in arguments.what or [None]]
    if arguments.export:
        path = export(subjects[0], arguments.export)
        print(f"a page that runs {subjects[0].title} by itself: {path} ({path.stat().st_size / 1024:,.0f} kB)")
    else:
        serve(*subjects, port=arguments.port, host=arguments.host, browser=not arguments.no_browser)
