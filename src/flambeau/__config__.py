"""What flambeau is built on. Follows `torch.__config__`."""

from __future__ import annotations

import os

import jax
import jaxlib

from flambeau._version import API_LEVEL, __version__

__all__ = ["parallel_info", "show"]


def show() -> str:
    """Versions, for reports. Follows ``torch.__config__.show``."""
    return (
        f"flambeau {__version__} (the API of PyTorch {API_LEVEL}) on:\n"
        f"  - jax {jax.__version__}\n  - jaxlib {jaxlib.__version__}\n"
    )


def parallel_info() -> str:
    """How many cores XLA's threads may use. Follows ``torch.__config__.parallel_info``."""
    return f"XLA's own pool of threads, on {os.cpu_count() or 1} cores\n"
