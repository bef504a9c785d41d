"""Results that come later. Follows `torch.futures`."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Sequence
from typing import Any

from flambeau._scope import namespace

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """A result that is set once and waited for.

    Example:
        >>> import flambeau as torch
        >>> future = torch.futures.Future()
        >>> doubled = future.then(lambda f: 2 * f.value())
        >>> future.set_result(21)
        >>> doubled.wait()
        42

    Follows ``torch.futures.Future``.
    """

    def __init__(self, *, devices: Any = None) -> None:
        self._inner: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def done(self) -> bool:
        """Whether it has its result, or an error."""
        return self._inner.done()

    def wait(self) -> Any:
        """The result, waited for; an error is raised."""
        return self._inner.result()

    def value(self) -> Any:
        """The result.

        Raises:
            RuntimeError: it is not there yet.
        """
        if not self._inner.done():
            raise RuntimeError("value(): the future is not done; call wait()")
        return self._inner.result()

    def set_result(self, result: Any) -> None:
        """Set the result, once.

        Raises:
            RuntimeError: it was set already.
        """
        try:
            self._inner.set_result(result)
        except concurrent.futures.InvalidStateError:
            raise RuntimeError("set_result(): the future is done already") from None

    def set_exception(self, result: BaseException) -> None:
        """Let :meth:`wait` raise."""
        self._inner.set_exception(result)

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """A future of ``callback(self)``, which is called when this one is done."""
        following = Future()

        def call(_: Any) -> None:
            try:
                following.set_result(callback(self))
            except Exception as error:
                following.set_exception(error)

        self._inner.add_done_callback(call)
        return following

    def add_done_callback(self, callback: Callable[[Future], None]) -> None:
        """Call ``callback(self)`` when it is done."""
        self._inner.add_done_callback(lambda _: callback(self))


def collect_all(futures: Sequence[Future]) -> Future:
    """A future of a list of futures, done when all are. Follows ``torch.futures.collect_all``."""
    gathered = Future()
    left = len(futures)

    def count(_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            gathered.set_result(list(futures))

    if not futures:
        gathered.set_result([])
    for future in futures:
        future.add_done_callback(count)
    return gathered


def wait_all(futures: Sequence[Future]) -> list[Any]:
    """The results of all, waited for. Follows ``torch.futures.wait_all``."""
    return [future.wait() for future in futures]


__getattr__ = namespace(__name__)
