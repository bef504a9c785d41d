"""Sphinx configuration: MyST pages, furo, and reference pages made from docstrings."""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "src"))

from flambeau._version import __version__  # noqa: E402

project = "flambeau"
author = "the flambeau authors"
copyright = f"2026, {author}"
release = __version__
version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpicky = False

html_theme = "furo"
html_title = "flambeau"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

default_role = "code"
autodoc_member_order = "alphabetical"
autodoc_typehints = "none"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Shape", "notes_style")]


def tidy(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings write code in single backticks or plain text; keep stray markup from warning."""
    text = "\n".join(lines)
    text = re.sub(r"(?<![\w`*])\*(?=[A-Za-z*])", r"\\*", text)
    text = re.sub(r"(?<=\w)_(?=[\s,.;:)]|$)", r"\\_", text)
    lines[:] = text.split("\n")


def setup(app: Any) -> None:
    """Sphinx's hook."""
    app.connect("autodoc-process-docstring", tidy)
