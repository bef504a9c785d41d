"""Apple GPUs: not driven. Follows `torch.backends.mps`."""

from __future__ import annotations

__all__ = [
    "get_core_count", "get_name", "is_available", "is_built", "is_macos13_or_newer",
    "is_macos_or_newer",
]  # fmt: skip


def is_built() -> bool:
    """False: flambeau drives cpu, cuda and tpu devices."""
    return False


def is_available() -> bool:
    """False: flambeau drives cpu, cuda and tpu devices.

    Example:
        >>> import flambeau as torch
        >>> torch.backends.mps.is_available()
        False
    """
    return False


def is_macos_or_newer(major: int, minor: int) -> bool:
    """False: there is no such device to ask for."""
    return False


def is_macos13_or_newer(minor: int = 0) -> bool:
    """False: there is no such device to ask for."""
    return False


def get_name() -> str:
    """An empty string: there is no such device."""
    return ""


def get_core_count() -> int:
    """0: there is no such device."""
    return 0
