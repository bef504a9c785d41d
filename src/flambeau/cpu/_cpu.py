"""The host as a device. Re-exported by :mod:`flambeau.cpu`."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from typing import Any

from flambeau._engine.device import CPU
from flambeau._engine.hardware import features
from flambeau._tensor.streams import Event, Stream, StreamContext, wait_for

__all__ = [
    "Event",
    "Stream",
    "StreamContext",
    "current_device",
    "current_stream",
    "device_count",
    "get_capabilities",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]


def is_available() -> bool:
    """True: the host is there. Follows ``torch.cpu.is_available``."""
    return True


def is_initialized() -> bool:
    """True: the host needs no start. Follows ``torch.cpu.is_initialized``."""
    return True


def device_count() -> int:
    """1. Follows ``torch.cpu.device_count``."""
    return 1


def current_device() -> str:
    """``"cpu"``. Follows ``torch.cpu.current_device``."""
    return "cpu"


def set_device(device: Any) -> None:
    """Accepted: there is one host. Follows ``torch.cpu.set_device``."""


def synchronize(device: Any = None) -> None:
    """Execute what is pending and wait for it. Follows ``torch.cpu.synchronize``."""
    wait_for(CPU)


def current_stream(device: Any = None) -> Stream:
    """The host's stream. Follows ``torch.cpu.current_stream``."""
    return Stream()


@contextlib.contextmanager
def stream(stream: Stream) -> Iterator[None]:
    """Work within goes to a stream: the one there is. Follows ``torch.cpu.stream``."""
    yield


def get_capabilities() -> dict[str, Any]:
    """The machine's architecture and, on Linux, its instruction sets.

    Follows ``torch.cpu.get_capabilities``.
    """
    found: dict[str, Any] = {
        "architecture": platform.machine(),
        "logical_cores": os.cpu_count() or 1,
    }
    for name in ("sse4_2", "avx", "avx2", "fma", "avx512f", "amx_tile", "asimd", "sve"):
        found[name] = name in features()
    return found
