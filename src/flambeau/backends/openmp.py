"""OpenMP: not used. Follows `torch.backends.openmp`."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """False: XLA has its own threads."""
    return False
