"""MIOpen: not used. Follows `torch.backends.miopen`."""

from __future__ import annotations

__all__ = ["flags", "set_flags"]

from contextlib import AbstractContextManager

from flambeau.backends import _switches

immediate = False


def set_flags(_immediate: bool | None = None) -> tuple[bool]:
    """Set the switch; gives back what it was. It is kept, and nothing reads it."""
    before = (immediate,)
    if _immediate is not None:
        globals()["immediate"] = _immediate
    return before


def flags(immediate: bool = False) -> AbstractContextManager[None]:
    """A switch that holds for a block."""
    return _switches.flags(__name__, immediate=immediate)
