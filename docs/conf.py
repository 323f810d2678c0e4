"""How the documentation is built: python3 dev.py docs."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extension"), str(HERE.parent)]

import tinygrad_cv  # noqa: E402  # from this checkout

project = "tinygrad_cv"
author = "the tinygrad_cv authors"
copyright = f"2026, {author}"
version = release = tinygrad_cv.__version__

extensions = [
    "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode", "numpydoc", "myst_nb",
    "mathml", "rooms", "plain_docstrings", "local_only", "outside",
]  # fmt: skip
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
root_doc = "index"
smartquotes = False
default_role = "py:obj"
nitpicky = False

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autosummary_generate = False
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_ipywidgets_js: dict[str, str] = {}
nb_merge_streams = True

html_theme = "furo"
html_title = "tinygrad_cv"
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
