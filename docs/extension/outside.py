"""Links from a page to files of the repository that are pages here under another name."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

PAGES = {"](../CONTRIBUTING.md)": "](contributing.md)"}


def _replace(app: Sphinx, page: str, source: list[str]) -> None:
    for link, here in PAGES.items():
        source[0] = source[0].replace(link, here)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", _replace)
    return {"parallel_read_safe": True}
