"""The switches of autocast by the name of a device, which PyTorch has from before."""

from __future__ import annotations

from typing import Any

from flambeau.amp.autocast_mode import (
    get_autocast_dtype,
    is_autocast_enabled,
    set_autocast_dtype,
    set_autocast_enabled,
)


def is_autocast_cpu_enabled() -> bool:
    """Whether autocast is on for the CPU.

    Example:
        >>> import flambeau as torch
        >>> torch.is_autocast_cpu_enabled()
        False

    Follows ``torch.is_autocast_cpu_enabled``.
    """
    return is_autocast_enabled("cpu")


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """Switch it for the CPU.

    Example:
        >>> import flambeau as torch
        >>> torch.set_autocast_cpu_enabled(False)

    Follows ``torch.set_autocast_cpu_enabled``.
    """
    set_autocast_enabled("cpu", enabled)


def get_autocast_cpu_dtype() -> Any:
    """The lower precision on the CPU.

    Example:
        >>> import flambeau as torch
        >>> torch.get_autocast_cpu_dtype()
        torch.bfloat16

    Follows ``torch.get_autocast_cpu_dtype``.
    """
    return get_autocast_dtype("cpu")


def set_autocast_cpu_dtype(dtype: Any) -> None:
    """Set it for the CPU.

    Example:
        >>> import flambeau as torch
        >>> torch.set_autocast_cpu_dtype(torch.bfloat16)

    Follows ``torch.set_autocast_cpu_dtype``.
    """
    set_autocast_dtype("cpu", dtype)


def get_autocast_gpu_dtype() -> Any:
    """The lower precision on a GPU.

    Example:
        >>> import flambeau as torch
        >>> torch.get_autocast_gpu_dtype()
        torch.float16

    Follows ``torch.get_autocast_gpu_dtype``.
    """
    return get_autocast_dtype("cuda")


def set_autocast_gpu_dtype(dtype: Any) -> None:
    """Set it for a GPU.

    Example:
        >>> import flambeau as torch
        >>> torch.set_autocast_gpu_dtype(torch.float16)

    Follows ``torch.set_autocast_gpu_dtype``.
    """
    set_autocast_dtype("cuda", dtype)
