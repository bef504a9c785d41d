"""What is shown while something takes its time: after two seconds, on a terminal's stderr."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

__all__ = ["moving", "waiting"]

PATIENCE = 2.0  # seconds


@contextlib.contextmanager
def waiting(text: str, file: TextIO | None = None) -> Iterator[None]:
    """Show that something is going on, from when the block has lasted two seconds.

    Args:
        text: what is going on.
        file: where to; stderr by default. Nothing is shown where that is no terminal.
    """
    with _later(lambda console: console.status(text), file):
        yield


@contextlib.contextmanager
def moving(text: str, total: int, file: TextIO | None = None) -> Iterator[Callable[[int], None]]:
    """Show how many bytes are done, from when the block has lasted two seconds.

    Args:
        text: what is being done.
        total: bytes there are to do.
        file: as for :func:`waiting`.

    Returns:
        A function that is told how many bytes more are done. Any thread may call it.
    """
    done = 0
    lock = threading.Lock()
    bars: list[tuple[Any, Any]] = []

    def bar(console: Any) -> Any:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        shown = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        with lock:
            bars.append((shown, shown.add_task(text, total=total, completed=done)))
        return shown

    def advance(count: int) -> None:
        nonlocal done
        with lock:
            done += count
            for shown, task in bars:
                shown.update(task, completed=done)

    with _later(bar, file):
        yield advance


@contextlib.contextmanager
def _later(make: Callable[[Any], Any], file: TextIO | None) -> Iterator[None]:
    """Enter what `make` gives for a console once the block has lasted a while."""
    file = file or sys.stderr
    if not file.isatty():
        yield
        return
    lock = threading.Lock()
    over = False
    shown: list[Any] = []

    def show() -> None:
        from rich.console import Console

        with lock:
            if not over:
                shown.append(make(Console(file=file)))
                shown[-1].start()

    timer = threading.Timer(PATIENCE, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over = True
        for one in shown:
            one.stop()
