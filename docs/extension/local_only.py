"""Fail the build if a page would load a script, a style, a font or a picture from another machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

REMOTE = re.compile(r"""<(?:script|img|iframe|source)[^>]*\ssrc=["']?(?:https?:)?//[^>]*>"""
                    r"""|<link[^>]*rel=["']?(?:stylesheet|preload|icon)[^>]*href=["']?(?:https?:)?//[^>]*>"""
                    r"""|url\(["']?(?:https?:)?//[^)]*\)""")  # fmt: skip


def _check(app: Sphinx, failure: Exception | None) -> None:
    if failure is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in (".html", ".css"):
            found = REMOTE.search(path.read_text(encoding="utf-8"))
            if found:
                raise SphinxError(f"{path.relative_to(app.outdir)} loads from elsewhere: {found.group()[:120]}")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True}
