"""NNPACK: not used. Follows `torch.backends.nnpack`."""

from __future__ import annotations

__all__ = ["flags", "is_available", "set_flags"]

from contextlib import AbstractContextManager

from flambeau.backends import _switches

enabled = False


def is_available() -> bool:
    """False: XLA brings its own kernels."""
    return False


def set_flags(_enabled: bool) -> tuple[bool]:
    """Set the switch; gives back what it was. It is kept, and nothing reads it."""
    before = (enabled,)
    globals()["enabled"] = _enabled
    return before


def flags(enabled: bool = False) -> AbstractContextManager[None]:
    """A switch that holds for a block."""
    return _switches.flags(__name__, enabled=enabled)
