"""Shapes of results, kept on disk beside the programs.

To know what shape a result has, JAX evaluates its operation abstractly: for the operations of a
model's first step that takes longer than recording them, and in the next process it would say
the same. So it is asked once, and its answers are found by the words that mean the operation,
its inputs and what it is formulated for.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

from flambeau._engine import disk

LIMIT = 4096
"""So many answers are kept; the oldest go first."""

VERSIONS = 8
"""Of so many versions of flambeau and JAX."""

Answer = tuple[bool, list[tuple[tuple[int, ...], str]]]
"""Whether the user gets one result rather than a tuple, and each result's shape and dtype."""


class _Table:
    """What earlier processes of this version found, and what this one adds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.path: Path | None = None
        self.found: dict[str, Any] = {}
        self.new: dict[str, Any] = {}

    def at(self, path: Path) -> _Table:
        """The table, read from its file when that is first asked for."""
        if path != self.path:
            with self.lock:
                self.found, self.new, self.path = _read(path), {}, path
        return self


_table = _Table()


def _read(path: Path) -> dict[str, Any]:
    """A table on disk; empty where it is absent or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(words: str) -> str:
    return hashlib.blake2b(words.encode(), digest_size=12).hexdigest()


def known(words: str) -> Answer | None:
    """What an earlier process found, or None."""
    path = disk.shapes_file()
    if path is None:
        return None
    answer = _table.at(path).found.get(_key(words))
    if answer is None:
        return None
    try:
        single, outs = answer
        return bool(single), [(tuple(map(int, shape)), str(dtype)) for shape, dtype in outs]
    except (TypeError, ValueError):  # damaged
        return None


def note(words: str, answer: Answer) -> None:
    """Remember what was found, for the next :func:`keep`."""
    path = disk.shapes_file()
    if path is not None:
        _table.at(path).new[_key(words)] = answer


def keep() -> None:
    """Write what was noted; with what other processes wrote meanwhile."""
    path = disk.shapes_file()
    if path is None or not _table.at(path).new:
        return
    with _table.lock:
        all = _read(path) | _table.new
        kept = dict(list(all.items())[-LIMIT:])
        disk.trim_shapes(path.parent, VERSIONS)
        disk.write(path, json.dumps(kept, separators=(",", ":")).encode())
        _table.new = {}
