"""The command line: ``tinygrad-cv train``, ``evaluate``, ``predict`` and so on.

Each command is a module with two functions, ``add_arguments(parser)`` and ``run(arguments)``, that is imported
only when its command is called.
"""

from __future__ import annotations

from tinygrad_cv.cli.main import main

__all__ = ["main"]
