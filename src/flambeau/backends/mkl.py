"""Intel MKL: not used. Follows `torch.backends.mkl`."""

from __future__ import annotations

import contextlib

__all__ = ["is_available", "verbose"]

VERBOSE_OFF = 0
VERBOSE_ON = 1


def is_available() -> bool:
    """False: XLA brings its own kernels."""
    return False


class verbose(contextlib.nullcontext):
    """Accepted: there is nothing to report."""

    def __init__(self, enable: int) -> None:
        super().__init__()
        self.enable = enable
