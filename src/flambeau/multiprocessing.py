"""Python's multiprocessing, for tensors. Follows `torch.multiprocessing`.

Everything of the standard module is here. Tensors go to other processes by copy: a write in one
does not show in another. A process that uses tensors is started by ``spawn``; a fork would
share the state of XLA's threads.
"""

from __future__ import annotations

import multiprocessing as _standard
import multiprocessing.connection
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from flambeau._scope import namespace

__all__ = [
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "init_reductions",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]

_strategy = "file_system"


def get_all_sharing_strategies() -> set[str]:
    """PyTorch's strategies, either of which may be set. Tensors are copied in both.

    Follows ``torch.multiprocessing.get_all_sharing_strategies``.
    """
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """What was set. Follows ``torch.multiprocessing.get_sharing_strategy``."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Kept and given back: tensors are copied.

    Raises:
        ValueError: there is no such strategy.

    Follows ``torch.multiprocessing.set_sharing_strategy``.
    """
    if new_strategy not in get_all_sharing_strategies():
        raise ValueError(
            f"set_sharing_strategy: {new_strategy!r} is none of {get_all_sharing_strategies()}"
        )
    globals()["_strategy"] = new_strategy


def init_reductions() -> None:
    """Accepted: tensors are pickled without registration."""


class ProcessException(Exception):
    """A process that :func:`spawn` started went wrong."""

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.pid = pid

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A process raised; the text is its traceback."""


class ProcessExitedException(ProcessException):
    """A process ended with another exit code than 0, or by a signal."""

    def __init__(
        self, msg: str, error_index: int, error_pid: int, exit_code: int,
        signal_name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code
        self.signal_name = signal_name

    def __reduce__(self) -> Any:
        return type(self), (
            self.msg, self.error_index, self.pid, self.exit_code, self.signal_name
        )  # fmt: skip


def _run(fn: Callable[..., Any], i: int, args: Sequence[Any], failures: Any) -> None:
    try:
        fn(i, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        failures.put(traceback.format_exc())
        failures.close()
        failures.join_thread()
        sys.exit(1)


class ProcessContext:
    """The processes that :func:`spawn` started, to wait for."""

    def __init__(self, processes: list[Any], failures: list[Any]) -> None:
        self.processes = processes
        self.error_queues = failures
        self._waiting = {p.sentinel: i for i, p in enumerate(processes)}

    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [int(p.pid) for p in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait until one has ended; whether all have.

        Raises:
            ProcessRaisedException, ProcessExitedException: one failed; the others are ended.
        """
        if not self._waiting:
            return True
        ready = multiprocessing.connection.wait(list(self._waiting), timeout=timeout)
        failed = None
        for sentinel in ready:
            index = self._waiting.pop(sentinel)
            self.processes[index].join()
            if self.processes[index].exitcode != 0:
                failed = index
                break
        if failed is None:
            return not self._waiting
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join(grace_period)
        culprit = self.processes[failed]
        code, pid = culprit.exitcode, culprit.pid
        if not self.error_queues[failed].empty():
            text = f"\n\n-- Process {failed} terminated with the following error:\n"
            raise ProcessRaisedException(text + self.error_queues[failed].get(), failed, pid)
        if code < 0:
            name = signal.Signals(-code).name
            raise ProcessExitedException(
                f"process {failed} terminated with signal {name}", failed, pid, code, name
            )
        raise ProcessExitedException(
            f"process {failed} terminated with exit code {code}", failed, pid, code
        )


class SpawnContext(ProcessContext):
    """The processes of :func:`spawn`."""


def start_processes(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(i, *args)`` in `nprocs` processes, ``i`` being the number of each.

    Follows ``torch.multiprocessing.start_processes``.
    """
    context: Any = _standard.get_context(start_method)
    processes, failures = [], []
    for i in range(nprocs):
        queue = context.Queue()
        process = context.Process(target=_run, args=(fn, i, args, queue), daemon=daemon)
        process.start()
        processes.append(process)
        failures.append(queue)
    started = SpawnContext(processes, failures)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(i, *args)`` in `nprocs` new processes.

    Args:
        fn: a function that can be pickled.
        args: what it gets besides its number.
        nprocs: how many processes.
        join: wait for them; else a :class:`SpawnContext` is given back.
        daemon: end them with this process.
        start_method: ``"spawn"``.

    Raises:
        ProcessRaisedException: one raised; its traceback is in the text.
        ProcessExitedException: one ended otherwise than with 0.

    Follows ``torch.multiprocessing.spawn``.
    """
    if start_method != "spawn":
        raise ValueError(
            f"spawn(): start_method is {start_method!r} but must be 'spawn'; use start_processes"
        )
    return start_processes(fn, args, nprocs, join, daemon, "spawn")


_outside = namespace(__name__)


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and hasattr(_standard, name):
        return getattr(_standard, name)
    return _outside(name)
