"""Groups of processes. Follows `torch.distributed`: there are none yet, and the answers say so."""

from __future__ import annotations

from flambeau._scope import namespace as _namespace

__all__ = [
    "get_rank",
    "get_world_size",
    "is_available",
    "is_initialized",
    "is_torchelastic_launched",
]


def is_available() -> bool:
    """False: programs that ask take their way for one process.

    Example:
        >>> import flambeau as torch
        >>> torch.distributed.is_available() and torch.distributed.is_initialized()
        False

    Follows ``torch.distributed.is_available``.
    """
    return False


def is_initialized() -> bool:
    """False: there is no group. Follows ``torch.distributed.is_initialized``."""
    return False


def is_torchelastic_launched() -> bool:
    """False. Follows ``torch.distributed.is_torchelastic_launched``."""
    return False


def _none(name: str) -> ValueError:
    return ValueError(
        f"{name}(): Default process group has not been initialized, and flambeau has none yet; ask "
        "torch.distributed.is_initialized() first"
    )


def get_rank(group: object = None) -> int:
    """Raises ValueError: there is no group. Follows ``torch.distributed.get_rank``."""
    raise _none("get_rank")


def get_world_size(group: object = None) -> int:
    """Raises ValueError: there is no group. Follows ``torch.distributed.get_world_size``."""
    raise _none("get_world_size")


__getattr__ = _namespace(__name__)
