"""KleidiAI: not used. Follows `torch.backends.kleidiai`."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """False: XLA brings its own kernels."""
    return False
