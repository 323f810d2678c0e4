"""Docstrings written for readers of source, made ready for reStructuredText.

Ours hold formulas (``|x|``, ``a * b``, ``x_k``) that would be read as markup, and describe a parameter on the line
that names it. Both are put right here, before numpydoc sees them; what stands in backquotes and in examples is left
alone.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_QUOTED = re.compile(r"(``.+?``|(?::[\w:]+:)?`[^`]+`|(?<!\w)\*[a-z]+(?: [a-z]+)*\*(?!\w))")
_FIELDS = ("Parameters", "Other Parameters", "Attributes", "Yields")
_PARAMETER = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : (.*)$")


def _escaped(line: str) -> str:
    """The line with what would be markup escaped, outside of backquotes."""
    parts = _QUOTED.split(line)
    parts[::2] = [re.sub(r"([|*\\])|(?<=\w)_(?!\w)", lambda m: "\\" + m.group(), part) for part in parts[::2]]
    return "".join(parts)


def _process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    done: list[str] = []
    section, literal = "", False
    for number, line in enumerate(lines):
        after = lines[number + 1] if number + 1 < len(lines) else ""
        indented = line.startswith((" ", "\t"))
        if after and set(after) == {"-"} and len(after) >= 3:
            section = line.strip()
        if line.rstrip().endswith("::"):
            literal = True
        elif literal and line.strip() and not indented:
            literal = False
        if section == "Examples" or literal or set(line) == {"-"}:
            done.append(line)
            continue
        parameter = _PARAMETER.match(line) if section in _FIELDS else None
        if parameter:
            names, text = parameter.groups()
            done += [names, f"    {_escaped(text)}"]
        else:
            done.append(_escaped(line))
    lines[:] = done


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"parallel_read_safe": True}
