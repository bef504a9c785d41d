"""The report as one HTML page that works offline."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

_MARK = "/*DATA*/null"


def page(data: dict[str, Any]) -> str:
    """The page with the report's data inside it."""
    template = resources.files("flambeau._doctor").joinpath("page.html").read_text("utf-8")
    # "</script>" inside a string would end the script.
    text = json.dumps(data, default=str).replace("</", "<\\/")
    return template.replace(_MARK, text)
