"""How the process keeps the memory that programs give back.

XLA:CPU takes the memory for intermediate results from malloc at each run and frees it after. glibc
maps blocks of that size from the system each time, which clears them page by page: up to a fifth
of a training step (``docs/internals/performance.md``). So before the CPU backend starts, glibc is
told to take large blocks from its heaps too and to keep up to 2 GiB of them.

The heaps that glibc gives to other threads than the first end at 64 MiB, and it is another thread
that runs a program. Where the first program is that of a large model all threads are given the
first heap; small ones would lose more by waiting for it than there is to gain. What compiling
leaves in the one heap is cleared away (:mod:`flambeau._engine.holes`).
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

import jax.monitoring

from flambeau._config import config
from flambeau._engine.holes import Holes

# The numbers of mallopt's parameters, from malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8

LARGE = 4 << 20
"""A model that takes so many bytes to begin with has all threads share one heap."""

LONG = 0.2
"""Seconds from which on a compilation leaves much memory."""

MOST_CORES = 16
"""On larger machines threads that compile would wait for one another at the one heap."""


COMPILED = "/jax/core/compile/backend_compile_duration"
"""What JAX calls the event that XLA has compiled something, whoever asked for it."""


class _Heap:
    """What glibc was told; nothing where it is not there or the user tells it things.

    Attributes:
        libc: glibc.
        told: whether it was decided what to tell it.
        holes: those of the heap that all threads share; None where each has its own.
        seconds: how long XLA has compiled since the heap was put in order.
    """

    libc: Any = None
    told = False
    holes: Holes | None = None
    seconds = 0.0


_heap = _Heap()


def keep(expected: int = 0) -> None:
    """Have malloc keep large blocks. Only the first call does anything.

    Args:
        expected: how many bytes the first program makes.
    """
    if _heap.told:
        return
    _heap.told = True
    _heap.libc = _glibc() if config.keep_memory else None
    if _heap.libc is None:
        return
    _heap.libc.mallopt(_MMAP_MAX, 0)
    _heap.libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    if expected >= LARGE and (os.cpu_count() or 1) <= MOST_CORES:
        _heap.libc.mallopt(_ARENA_MAX, 1)
        _heap.holes = Holes(_heap.libc)
    else:
        _heap.libc.mallopt(_TOP_PAD, 64 << 20)  # a thread's heap that falls empty stays


def undecided() -> bool:
    """Whether :func:`keep` would still do something."""
    return not _heap.told


def _count(event: str, duration_secs: float, **_: Any) -> None:
    if event == COMPILED:
        _heap.seconds += duration_secs


jax.monitoring.register_event_duration_secs_listener(_count)


def disordered() -> bool:
    """Whether so much was compiled that :func:`put_in_order` is due."""
    return _heap.seconds >= LONG


def put_in_order() -> None:
    """Give back to the system what compiling took, and what lies free is out of malloc's way.

    It would lie there for good. Where little was compiled it is not worth the walk.
    """
    if not disordered():
        return
    _heap.seconds = 0.0
    if _heap.libc is None:
        return
    _heap.libc.malloc_trim(0)
    if _heap.holes is not None:
        _heap.holes.take()


def mappings_are_scarce() -> bool:
    """Whether half of the memory mappings that Linux gives a process are taken.

    A large program takes some sixty, and where none is left XLA ends the process.
    """
    try:
        most = int(Path("/proc/sys/vm/max_map_count").read_text())
        with Path("/proc/self/maps").open("rb") as maps:
            return sum(1 for _ in maps) > most // 2
    except (OSError, ValueError):
        return False  # another system, with another limit or none


def _glibc() -> Any:
    tuned = any(name.startswith("MALLOC_") for name in os.environ)
    if tuned or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return None
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
