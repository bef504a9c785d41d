"""cuSPARSELt: not used. Follows `torch.backends.cusparselt`."""

from __future__ import annotations

__all__ = ["get_max_alg_id", "is_available", "version"]


def is_available() -> bool:
    """False: tensors are dense."""
    return False


def version() -> int | None:
    """None: it is not there."""
    return None


def get_max_alg_id() -> int | None:
    """None: it is not there."""
    return None
