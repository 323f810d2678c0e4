"""argparse with one sentence for every mistake, and the types of our options."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn


class UsageError(Exception):
    """Words on the command line that make no sense; the message says which, and what would."""


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` instead of ending the process."""

    def __init__(self, prog: str, description: str | None) -> None:
        super().__init__(prog=prog, description=description, add_help=False, formatter_class=_Formatter)
        self.add_argument("-h", "--help", action="store_true", help="show this")

    def parse(self, words: Sequence[str]) -> argparse.Namespace | None:
        """Read the words; print the help and return None where they ask for it."""
        if any(word in ("-h", "--help") for word in words):
            self.print_help()
            return None
        arguments, unknown = self.parse_known_args(_joined(words))
        if unknown:
            options = [o for action in self._actions for o in action.option_strings if o.startswith("--")]
            word = unknown[0].split("=")[0]
            if word.startswith("-"):
                self.error(f"there is no option {word}; {similar(word, options)}")
            self.error(f"it has no use for {word!r}; {self.prog} --help shows what it takes")
        return arguments

    def error(self, message: str) -> NoReturn:
        """Turn argparse's complaint into ours."""
        for before, after in (
            ("the following arguments are required: ", "missing: "),
            ("argument ", ""),
            ("invalid choice: ", "there is no "),
            ("expected one argument", "a value must follow it"),
            ("expected at least one argument", "a value must follow it"),
        ):
            message = message.replace(before, after)
        raise UsageError(f"{self.prog.removeprefix('tinygrad-cv ')}: {message}")


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=100)


def _joined(words: Sequence[str]) -> list[str]:
    """``--lr -1`` as ``--lr=-1``: argparse takes a negative number for the name of an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and _is_negative(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _is_negative(word: str) -> bool:
    return len(word) > 1 and word[0] == "-" and word[1] in "0123456789."


def similar(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the known ones that look like it, or all."""
    import difflib

    names = list(known)
    bare = {name.lstrip("-").lower(): name for name in names}
    near = [bare[b] for b in difflib.get_close_matches(word.lstrip("-").lower(), bare, n=2, cutoff=0.5)]
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"


def _fail(text: str, fits: str) -> NoReturn:
    raise argparse.ArgumentTypeError(f"got {text}; give {fits}")


def positive(example: str) -> Callable[[str], float]:
    """The type of an option that takes a number above zero."""

    def read(text: str) -> float:
        value = _number(text)
        if value is None or not 0 < value < math.inf:
            _fail(text, f"a number above zero, for example {example}")
        return value

    return read


def share(example: str) -> Callable[[str], float]:
    """The type of an option that takes a number from 0 to below 1."""

    def read(text: str) -> float:
        value = _number(text)
        if value is None or not 0 <= value < 1:
            _fail(text, f"a number from 0 to below 1, for example {example}")
        return value

    return read


def count(low: int, example: str) -> Callable[[str], int]:
    """The type of an option that takes a whole number of at least ``low``."""

    def read(text: str) -> int:
        value = _number(text)
        if value is None or value != value // 1 or value < low or value > 2**62:
            _fail(text, f"a whole number of {low} or more, for example {example}")
        return int(value)

    return read


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) or math.isinf(value) else value


def one_of(known: Sequence[str], what: str) -> Callable[[str], str]:
    """The type of an option that takes one of several names."""

    def read(text: str) -> str:
        if text.lower() not in known:
            raise argparse.ArgumentTypeError(f"there is no {what} {text!r}; {similar(text, known)}")
        return text.lower()

    return read


def several_of(known: Sequence[str], what: str) -> Callable[[str], str]:
    """The type of an option that takes some of several names, joined by +."""
    read = one_of(known, what)
    return lambda text: "+".join(read(part) for part in text.split("+"))


def use_color() -> bool:
    """Whether the terminal may be asked for bold letters (https://no-color.org)."""
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def set_threads(arguments: Any) -> None:
    """Obey ``--threads``."""
    if arguments.threads is not None:
        from tinygrad_cv.ops.errors import ArgumentError
        from tinygrad_cv.ops.kernels import set_num_threads

        try:
            set_num_threads(arguments.threads)
        except ValueError as error:
            raise ArgumentError(f"--threads: {error}") from None


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add ``--threads``."""
    parser.add_argument("--threads", type=count(1, "2"), metavar="N", help="threads per kernel (all cores)")
