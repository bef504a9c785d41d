"""The fast path of multi-head attention. Follows `torch.backends.mha`."""

from __future__ import annotations

__all__ = ["get_fastpath_enabled", "set_fastpath_enabled"]

_enabled = True


def get_fastpath_enabled() -> bool:
    """What was set. Follows ``torch.backends.mha.get_fastpath_enabled``."""
    return _enabled


def set_fastpath_enabled(value: bool) -> None:
    """Kept: programs are compiled whole, so there is one path.

    Follows ``torch.backends.mha.set_fastpath_enabled``.
    """
    globals()["_enabled"] = bool(value)
