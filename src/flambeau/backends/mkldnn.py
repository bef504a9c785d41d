"""oneDNN: not used. Follows `torch.backends.mkldnn`."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

from flambeau.backends import _switches

__all__ = ["flags", "is_available", "set_flags", "verbose"]

VERBOSE_OFF = 0
VERBOSE_ON = 1
VERBOSE_ON_CREATION = 2

enabled = True
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False: XLA brings its own kernels."""
    return False


class verbose(contextlib.nullcontext):
    """Accepted: there is nothing to report."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level


def set_flags(
    _enabled: bool | None = None,
    _deterministic: bool | None = None,
    _allow_tf32: bool | None = None,
) -> tuple[bool, bool, bool]:
    """Set switches; gives back what they were. They are kept, and nothing reads them."""
    before = (enabled, deterministic, allow_tf32)
    given = (_enabled, _deterministic, _allow_tf32)
    names = ("enabled", "deterministic", "allow_tf32")
    globals().update({n: v for n, v in zip(names, given, strict=True) if v is not None})
    return before


def flags(
    enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True
) -> AbstractContextManager[None]:
    """Switches that hold for a block."""
    return _switches.flags(
        __name__, enabled=enabled, deterministic=deterministic, allow_tf32=allow_tf32
    )
