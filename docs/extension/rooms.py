"""The directive ``room``: a reference of the public names of a module, generated from the module itself.

``.. room:: tinygrad_cv.optim`` lists the classes and functions that users see there: first in a table, then each with
its docstring. Functions that `tinygrad_cv.ops` sorts into families keep that order: ``:family: conv`` takes one of
them. What stands in ``:outside:`` (other modules) is left out.
"""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def public(module: ModuleType) -> list[str]:
    """The names of classes and functions of the package that a module offers."""
    listed = getattr(module, "__all__", None)
    names = listed or [name for name in vars(module) if not name.startswith("_")]
    origin = "tinygrad_cv" if listed else module.__name__
    return [name for name in dict.fromkeys(names) if _documented(getattr(module, name), origin)]


def _documented(thing: Any, origin: str) -> bool:
    within = str(getattr(thing, "__module__", "")).startswith(origin)
    return within and (inspect.isclass(thing) or inspect.isroutine(thing))


class Room(SphinxDirective):
    """See the module's docstring."""

    required_arguments = 1
    option_spec = {"family": directives.unchanged, "outside": directives.unchanged, "names": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        module = importlib.import_module(name)
        names = self.options.get("names", "").split() or public(module)
        if "family" in self.options:
            family = importlib.import_module(f"tinygrad_cv.ops.{self.options['family']}")
            names = [n for n in family.__all__ if n in names]
        for other in self.options.get("outside", "").split():
            names = [n for n in names if n not in public(importlib.import_module(other))]
        lines = [f".. currentmodule:: {name}", "", ".. autosummary::", "", *(f"   {n}" for n in names), ""]
        for n in names:
            thing = getattr(module, n)
            if inspect.isclass(thing):
                lines += [f".. autoclass:: {n}", "   :members:", ""]
            else:
                lines += [f".. autofunction:: {n}", ""]
        source = f"{self.get_source_info()[0]}:<room {name}>"
        return self.parse_content_to_nodes_from(StringList(lines, source=source))

    def parse_content_to_nodes_from(self, lines: StringList) -> list[nodes.Node]:
        """The nodes that reStructuredText lines stand for."""
        holder = nodes.Element()
        self.state.nested_parse(lines, 0, holder)
        return holder.children


def _signature(app: Sphinx, what: str, name: str, thing: Any, options: Any, said: str | None, result: Any) -> Any:
    """The arguments of ``__init__`` where a ``__new__`` that takes anything hides them."""
    if what != "class" or said != "(*args, **kwargs)" or "__init__" not in dir(thing):
        return None
    found = inspect.signature(thing.__init__)
    plain = [p.replace(annotation=p.empty) for p in list(found.parameters.values())[1:]]
    return str(inspect.Signature(plain)), ""


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("room", Room)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True}
