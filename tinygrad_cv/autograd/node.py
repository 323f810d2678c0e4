"""A node: one recorded operation, what it keeps, and where its gradients go."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

import numpy as np

from ..ops.errors import AutogradError
from ..ops.op import Op, Plan
from ..typing import Array, DType

next_number = itertools.count().__next__
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_OURS = (_PACKAGE, getattr(getattr(np.errstate.__call__, "__code__", None), "co_filename", _PACKAGE))
"""Where the frames between a user's line and a node come from: `record` is wrapped in ``np.errstate``."""

Line = tuple[CodeType, int]
"""A place in somebody's source: kept as code and instruction, turned into words only when an error needs them."""


def user_line() -> Line | None:
    """Return the innermost place outside this package."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back  # type: ignore[assignment]
    return (frame.f_code, frame.f_lasti) if frame is not None else None


def in_words(line: Line | None) -> str:
    """Return 'file.py, line 12 in train: y = x * x' for a kept place."""
    if line is None:
        return "an unknown line"
    import linecache

    code, instruction = line
    number = code.co_firstlineno
    for start, end, n in code.co_lines():
        if start <= instruction < end and n is not None:
            number = n
    text = linecache.getline(code.co_filename, number).strip()
    return f"{os.path.basename(code.co_filename)}, line {number} in {code.co_name}" + (f": {text}" if text else "")


class Version:
    """How often the memory behind a tensor and its views was written in place, and where last.

    ``recorded`` counts the writes that changed the graph: a view made before one finds its node anew.
    """

    __slots__ = ("count", "recorded", "line")

    def __init__(self) -> None:
        self.count = self.recorded = 0
        self.line: Line | None = None


def version_of(t: Any) -> Version:
    """Return the version of a tensor's memory, made when first asked for; the node whose result it is learns of it."""
    version = t._version
    if version is None:
        node = t._node
        if node is None or node.y is None or node.y is not t.__dict__.get("_data"):
            version = Version()
        else:
            version = node.y_version = node.y_version or Version()
        t._version = version
    return version


class Node:
    """One recorded operation.

    Attributes
    ----------
    op : the operation, with its settings.
    inputs : for each argument the node or the leaf tensor that its gradient goes to, None where none is wanted.
    saved : the arguments that the rules to be run have named, None elsewhere; freed after use.
    y, extras : the output and the auxiliary outputs, where a rule has named them.
    number : the order of creation; the reverse pass visits nodes in falling order.
    shape, dtype : of the output.
    module : the dotted path of the module that ran, where somebody observed.
    line : the user's line that recorded the node (kept where values are saved).
    """

    __slots__ = (
        "op", "plan", "inputs", "saved", "versions", "y", "extras", "number", "shape", "dtype",
        "module", "line", "y_version", "hooks", "retain", "freed", "unpack", "__weakref__",
    )  # fmt: skip

    op: Op
    plan: Plan
    inputs: tuple[Any, ...]
    saved: list[Any]
    versions: list[int] | None
    y: Array | None
    extras: Sequence[Any]
    number: int
    shape: tuple[int, ...]
    dtype: DType
    module: str | None
    line: Line | None
    y_version: Version | None
    hooks: list[Callable[[Any], Any]] | None
    retain: Any
    freed: bool
    unpack: Callable[[bool], tuple[list[Any], Any, Sequence[Any]]] | None

    def name(self) -> str:
        """Return the operation's name, as PyTorch's ``grad_fn.name()`` does."""
        return f"{self.op.name}Backward"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes (or leaf tensors) that the gradients go to, in PyTorch's form."""
        return tuple((edge, 0) for edge in self.inputs)

    def __repr__(self) -> str:
        return f"<{self.name()} {self.shape}>"

    def check_saved(self) -> None:
        """Refuse to differentiate with values that are gone or were changed since they were saved."""
        if self.freed:
            raise AutogradError(
                f"{self.op.name}: its saved values were freed by an earlier backward pass; "
                f"give retain_graph=True to the first one to pass through the same graph again"
            )
        if self.y_version is not None and self.y_version.count:
            raise AutogradError(
                f"{self.op.name}: its result of shape {self.shape}, recorded at {in_words(self.line)}, "
                f"was changed in place at {in_words(self.y_version.line)}, but the derivative needs it; write the "
                "change out of place, "
                "or on a clone()"
            )
        if self.versions is not None:
            for name, value, version in zip(self.argument_names(), self.saved, self.versions):
                held = getattr(value, "_version", None)
                if held is not None and held.count != version:
                    raise AutogradError(
                        f"{self.op.name}: its argument {name} of shape {value.shape}, saved at {in_words(self.line)}, "
                        "was changed "
                        f"in place at {in_words(held.line)}, but the derivative needs it; write the change out of "
                        "place, or on a clone()"
                    )

    def argument_names(self) -> tuple[str, ...]:
        """Return a name for each argument; the arguments of a variadic op are numbered."""
        names = self.op.argument_names
        return (
            tuple(f"{names[0]}[{i}]" for i in range(max(len(self.inputs), len(self.saved))))
            if self.op.variadic
            else names
        )

    def free(self) -> None:
        """Let go of the saved values."""
        self.saved, self.y, self.extras, self.freed, self.unpack = [], None, (), True, None
