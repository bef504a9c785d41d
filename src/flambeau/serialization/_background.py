"""Saving while the training goes on."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from flambeau.errors import CheckpointWarning
from flambeau.serialization._emitter import Emitter
from flambeau.serialization._pt_writer import write_emitted

__all__ = ["PendingSave", "save_async"]

_writer: ThreadPoolExecutor | None = None
_lock = threading.Lock()


class PendingSave:
    """A save that is under way."""

    def __init__(self, future: Future[None], path: Any):
        self._future = future
        self._asked = False
        self.path = path
        future.add_done_callback(self._tell)

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._future.done()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the file is in place.

        Raises:
            CheckpointWriteError: writing failed.
            TimeoutError: it is not done in time.
        """
        self._asked = True
        self._future.result(timeout)

    def _tell(self, future: Future[None]) -> None:
        # a failure that nobody would ever hear of
        error = future.exception()
        if error is not None and not self._asked:
            warnings.warn(f"saving in the background failed: {error}", CheckpointWarning)


def save_async(
    obj: Any,
    f: Any,
    *,
    durable: bool = True,
    then: Callable[[], None] | None = None,
) -> PendingSave:
    """Write an object to a ``.pt`` file in another thread.

    What is written is the state at this call: tensors hold immutable values, so later steps
    make new ones and change nothing of what is being written. Saves are written one after
    the other, and the program does not exit before they are.

    Args:
        obj: as :func:`flambeau.save` takes it; an object that cannot be saved is an error at
            once.
        f: a path.
        durable: wait until the disk has it before the file takes its place.
        then: called after the file is in place.

    Returns:
        A handle to wait on. A failure that nobody waits for is a warning.
    """
    from flambeau.serialization._tensors import TensorDescriber

    emitter = Emitter(TensorDescriber())
    stream = emitter.dump(obj)

    def write() -> None:
        write_emitted(emitter, stream, f, durable=durable)
        if then is not None:
            then()

    global _writer
    with _lock:
        if _writer is None:
            # one thread: files appear in the order in which they were asked for
            _writer = ThreadPoolExecutor(1, thread_name_prefix="flambeau-save")
        return PendingSave(_writer.submit(write), f)
