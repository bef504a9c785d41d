"""Warnings with a code, given once each at the moment of a mistake.

    warn("FB003", f"{name} is ...", owner=module)

says it once for this module, at the user's line. A user silences a code by
``flambeau.silence("FB003")``, by ``FLAMBEAU_SILENCE=FB003,FB006`` in the environment (``all``
silences every one), or with Python's own filters: the category is
:class:`flambeau.errors.FlambeauWarning` and the text ends in ``[FB003]``.
"""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import Callable, Collection
from types import FrameType, TracebackType
from typing import Any

from flambeau._codes import CODES
from flambeau._config import config
from flambeau.errors import FlambeauWarning

ALL = "all"

listeners: list[Callable[[str, str, str, int, Any], None]] = []
"""Called with (code, text, file, line, owner) for every warning, repeated and silenced ones too."""


class Noted:
    """A set of objects by identity that does not keep them alive, with something for each."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def __contains__(self, item: Any) -> bool:
        return id(item) in self._held

    def __bool__(self) -> bool:
        return bool(self._held)

    def add(self, item: Any, value: Any = None) -> None:
        """Note an object; it is forgotten when it dies."""
        key = id(item)
        held = self._held
        held[key] = (weakref.ref(item, lambda _: held.pop(key, None)), value)

    def get(self, item: Any, default: Any = None) -> Any:
        """What was noted with an object."""
        found = self._held.get(id(item))
        return default if found is None else found[1]

    def discard(self, item: Any) -> None:
        """Forget an object."""
        self._held.pop(id(item), None)

    def ids(self) -> Collection[int]:
        """The ids of the objects, as a view: what a hot path asks."""
        return self._held.keys()

    def items(self) -> list[tuple[Any, Any]]:
        """The objects that are alive, each with what was noted."""
        pairs = [(ref(), value) for ref, value in list(self._held.values())]
        return [(item, value) for item, value in pairs if item is not None]


_given = Noted()
_given_at_large: set[tuple[str, str]] = set()


class silence:
    """Give no warnings of these codes from now on, or within a ``with`` block.

    Args:
        codes: such as ``"FB003"``; ``"all"`` for every one.

    Raises:
        ValueError: there is no such code.

    Example:
        >>> import flambeau as torch
        >>> with torch.silence("FB003"):
        ...     layer = torch.nn.Module()
        ...     layer.weight = torch.nn.Parameter(torch.ones(2)).double()
    """

    def __init__(self, *codes: str) -> None:
        for code in codes:
            if code not in CODES and code != ALL:
                raise ValueError(f"silence: there is no code {code!r}; see {', '.join(CODES)}")
        self._added = frozenset(codes) - config.silenced
        config.silenced |= self._added

    def __enter__(self) -> silence:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        config.silenced -= self._added


def silenced(code: str) -> bool:
    """Whether the user does not want to hear of this code."""
    return code in config.silenced or ALL in config.silenced


def user_frame() -> FrameType | None:
    """The innermost frame outside flambeau."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not (name == "flambeau" or name.startswith("flambeau.")):
            return frame
        frame = frame.f_back
    return None


def user_place() -> tuple[str, int]:
    """File and line of the innermost frame outside flambeau."""
    frame = user_frame()
    return ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def warn(code: str, text: str, *, owner: Any = None, place: tuple[str, int] | None = None) -> None:
    """Warn of a mistake, once.

    Args:
        code: the row of :mod:`flambeau._codes`.
        text: who, what, and how to fix it, without the code.
        owner: the object it is about: the same text is given once for each object, and for all
            time where there is none.
        place: file and line it is about; by default the user's line that runs now.
    """
    assert code in CODES
    if listeners:
        for listener in listeners:
            listener(code, text, *(place or user_place()), owner)
    if owner is None:
        if (code, text) in _given_at_large:
            return
        _given_at_large.add((code, text))
    else:
        given = _given.get(owner)
        if given is None:
            _given.add(owner, given := set())
        if (code, text) in given:
            return
        given.add((code, text))
    frame = user_frame()
    if place is None:
        place = user_place()
    if silenced(code):
        return
    registry = {} if frame is None else frame.f_globals.setdefault("__warningregistry__", {})
    module = "flambeau" if frame is None else frame.f_globals.get("__name__", "flambeau")
    warnings.warn_explicit(
        FlambeauWarning(f"{text} [{code}]", code), None, *place, module=module, registry=registry
    )
