"""Making findings."""

from __future__ import annotations

from collections.abc import Sequence

from flambeau._doctor.facts import Place
from flambeau._doctor.finding import Finding


def finding(code: str, path: str, text: str, place: Place | None, severity: str = "") -> Finding:
    """A finding at a place that may be unknown."""
    file, line = place or (None, None)
    return Finding(code, path, text, file, line, severity)


def listed(names: Sequence[str], most: int = 6) -> str:
    """``'a', 'b' and 3 more``."""
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
