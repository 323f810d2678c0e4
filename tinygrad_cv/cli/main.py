"""From words to a command, and from whatever goes wrong to one sentence and an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from tinygrad_cv.cli.parser import Parser, UsageError, similar

COMMANDS = {
    "train": "train a network and leave a folder with its weights and pictures",
    "evaluate": "measure the network of a run on its test images",
    "predict": "say what a network sees in your own images",
    "ladder": "train networks from the simplest to the best on one data set, and compare them",
    "tune": "search for settings on held-out training images",
    "graph": "draw a network's computation graph",
    "summary": "list a network's layers, shapes and parameters",
    "step": "walk a reverse pass node by node",
    "explore": "see inside a network in the browser",
    "lesson": "draw a lesson as a short film",
    "models": "list the networks that can be built by name",
    "warmup": "compile the kernels now, so that the first training starts at once",
    "doctor": "show what this machine offers and what is missing",
}
OURS = {
    "data", "explore", "formula", "get_model", "graph", "ladder", "models", "pil_loader", "predict", "read_json",
    "recipe", "resume", "rows", "run", "train",
}  # fmt: skip
"""Functions whose names say nothing to somebody at the command line."""

FULL = (errno.ENOSPC, errno.EDQUOT)
DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 misused, 130 interrupted.

    With TGCV_DEBUG=1 in the environment a failure shows its traceback.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except UsageError as error:
        return _say(str(error), MISUSED)
    except Exception as error:
        if os.environ.get("TGCV_DEBUG", "") not in ("", "0"):
            raise
        return _say(explain(error), FAILED)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return DONE
    if words[0] in ("-V", "--version"):
        import tinygrad_cv

        print(f"tinygrad-cv {tinygrad_cv.__version__}")
        return DONE
    name, *rest = words
    if name not in COMMANDS:
        if name.startswith("-"):
            raise UsageError(f"there is no option {name!r} before a command; {similar(name, ('--help', '--version'))}")
        raise UsageError(f"there is no command {name!r}; {similar(name, COMMANDS)}")
    module: Any = importlib.import_module(f"tinygrad_cv.cli.{name}")
    parser = Parser(prog=f"tinygrad-cv {name}", description=module.__doc__)
    module.add_arguments(parser)
    arguments = parser.parse(rest)
    code = module.run(arguments) if arguments is not None else DONE
    return int(code or DONE)


def overview() -> str:
    """What ``tinygrad-cv --help`` prints."""
    listed = "\n".join(f"  {name:<10}{text}" for name, text in COMMANDS.items())
    return (
        "tinygrad-cv: train small networks on pictures, on an ordinary CPU, and look inside them\n\n"
        f"{listed}\n\n"
        "tinygrad-cv COMMAND --help explains a command. To begin: tinygrad-cv train"
    )


def explain(error: BaseException) -> str:
    """One sentence about an exception."""
    from tinygrad_cv.ops.errors import TinygradError

    if isinstance(error, TinygradError):
        text = " ".join(str(error).split())
        where, colon, rest = text.partition(": ")
        sentence = rest if colon and where in OURS else text
        return sentence.replace("pass download=True", "give --download")
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in FULL:
            return f"the disk is full{where}; nothing was left half-written; free some space and run it again"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return f"this place cannot be written or read{where}; choose another one, for example with --out"
        return f"{error.strerror or error}{where}"
    if isinstance(error, MemoryError):
        return "there is not enough memory; try a smaller --batch-size"
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed; install it with pip install {error.name}"
    reason = " ".join(str(error).split()) or "no reason given"
    return f"unexpected {type(error).__name__}: {reason}; TGCV_DEBUG=1 shows where"


def _say(sentence: str, code: int) -> int:
    if sys.stderr is not None:
        print(f"tinygrad-cv: {sentence}", file=sys.stderr)
    return code
