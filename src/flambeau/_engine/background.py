"""Compilations beside the running program: one thread, in the order asked for."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_pool: concurrent.futures.ThreadPoolExecutor | None = None
_making = threading.Lock()


def start(make: Callable[[], T]) -> concurrent.futures.Future[T | None]:
    """Have it made in the background; None comes of what the end of the program overtakes."""
    global _pool
    with _making:
        if _pool is None:
            _pool = concurrent.futures.ThreadPoolExecutor(1, "flambeau-compile")

    def run() -> T | None:
        # At its end Python waits for what is under way, and for what has been asked for too.
        return make() if threading.main_thread().is_alive() else None

    return _pool.submit(run)
