"""Where time goes, region by region. Follows `torch.profiler`.

Operations are recorded and run as whole programs, so there is no time per operation to tell. What
is timed are the regions that a program marks with :class:`record_function`, and the steps
between calls of :meth:`profile.step`: within an active profile a region ends when its work is
done, so its time is that of its work. ``jax.profiler`` sees inside the programs.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flambeau._engine.device import CPU
from flambeau._scope import namespace
from flambeau._tensor.streams import wait_for

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "tensorboard_trace_handler",
]


class ProfilerActivity(enum.Enum):
    """What is looked at; accepted, as regions hold all of it. Follows ``torch.profiler``."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a profile does in a step. Follows ``torch.profiler.ProfilerAction``."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:  # fmt: skip
    """What to do in each step: wait, warm up, record; again `repeat` times, or for ever with 0.

    Example:
        >>> import flambeau as torch
        >>> plan = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
        >>> [plan(step).name for step in range(5)]
        ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']

    Follows ``torch.profiler.schedule``.
    """
    if min(wait, warmup, active, repeat, skip_first) < 0 or active == 0:
        raise ValueError("schedule: the counts must not be negative, nor active 0")
    cycle = wait + warmup + active

    def plan(step: int) -> ProfilerAction:
        if step < 0:
            raise ValueError(f"schedule: step must not be negative, got {step}")
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait and step >= 0:
            step += wait
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        at = step % cycle
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if at == cycle - 1 else ProfilerAction.RECORD

    return plan


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """What to do with a trace: write it into a folder. Follows ``torch.profiler``."""

    def handle(prof: profile) -> None:
        Path(dir_name).mkdir(parents=True, exist_ok=True)
        name = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        end = ".gz" if use_gzip else ""
        prof.export_chrome_trace(
            str(Path(dir_name) / f"{name}.{time.time_ns()}.pt.trace.json{end}")
        )

    return handle


class _Region:
    """One pass through a region: seconds since the profile began."""

    __slots__ = ("end", "key", "start", "thread")

    def __init__(self, key: str, start: float, end: float, thread: int):
        self.key, self.start, self.end, self.thread = key, start, end, thread

    @property
    def cpu_time(self) -> float:
        """Microseconds."""
        return (self.end - self.start) * 1e6

    cpu_time_total = cpu_time
    name = property(lambda self: self.key)

    def __repr__(self) -> str:
        return f"<region {self.key}: {self.cpu_time:.3f} us>"


class _Average:
    """All passes through a region."""

    def __init__(self, key: str, parts: list[_Region]):
        self.key, self.count = key, len(parts)
        self.cpu_time_total = sum(part.cpu_time for part in parts)
        self.self_cpu_time_total = self.cpu_time_total
        self.cpu_time = self.cpu_time_total / self.count


class _Averages(list[_Average]):
    """What :meth:`profile.key_averages` gives."""

    def table(
        self, sort_by: str | None = None, row_limit: int = 100, header: str | None = None,
        **kwargs: Any,
    ) -> str:  # fmt: skip
        """The regions as lines of text."""
        rows = list(self)
        if sort_by:
            key = sort_by.replace("cuda", "cpu").replace("device", "cpu")
            rows.sort(key=lambda r: getattr(r, key, r.cpu_time_total), reverse=True)
        width = max([len(r.key) for r in rows] + [4])
        lines = [header] if header else []
        lines.append(f"{'Name':<{width}}  {'total us':>12}  {'mean us':>12}  {'calls':>6}")
        lines += [
            f"{r.key:<{width}}  {r.cpu_time_total:>12.1f}  {r.cpu_time:>12.1f}  {r.count:>6}"
            for r in rows[:row_limit]
        ]
        return "\n".join(lines)


_active: list[profile] = []


class profile:
    """Times the marked regions and the steps of a program.

    Args:
        activities: accepted.
        schedule: step -> :class:`ProfilerAction`; every step is recorded if None.
        on_trace_ready: called with the profile when a cycle of the schedule is complete, and
            at the end.
        record_shapes, profile_memory, with_stack, with_flops, with_modules: accepted; see
            ``jax.profiler`` for what is inside programs.

    Example:
        >>> import flambeau as torch
        >>> with torch.profiler.profile() as prof:
        ...     with torch.profiler.record_function("forward"):
        ...         y = torch.ones(3) + 1
        >>> [(r.key, r.count) for r in prof.key_averages()]
        [('forward', 1)]

    Follows ``torch.profiler.profile``.
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Any = None,
        post_processing_timeout_s: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.schedule = schedule
        self.on_trace_ready = on_trace_ready
        self.step_num = 0
        self.current_action = self._plan(0)
        self._regions: list[_Region] = []
        self._began = 0.0
        self._step_began = 0.0
        self._metadata: dict[str, Any] = {}

    def _plan(self, step: int) -> ProfilerAction:
        return ProfilerAction.RECORD if self.schedule is None else self.schedule(step)

    @property
    def _records(self) -> bool:
        return self.current_action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)

    def start(self) -> None:
        """Begin."""
        wait_for(CPU)
        self._began = self._step_began = time.perf_counter()
        _active.append(self)

    def stop(self) -> None:
        """End; the handler is called if something was recorded since it was called last."""
        if self in _active:
            _active.remove(self)
        if self._records and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def step(self) -> None:
        """A step of the program is complete."""
        if self._records:
            wait_for(CPU)
            self._add(f"ProfilerStep#{self.step_num}", self._step_began, time.perf_counter())
        if self.current_action is ProfilerAction.RECORD_AND_SAVE and self.on_trace_ready:
            self.on_trace_ready(self)
        self.step_num += 1
        previous, self.current_action = self.current_action, self._plan(self.step_num)
        if self._records and previous is not ProfilerAction.RECORD:
            self._regions.clear()
        self._step_began = time.perf_counter()

    def _add(self, key: str, start: float, end: float) -> None:
        thread = threading.get_ident()
        self._regions.append(_Region(key, start - self._began, end - self._began, thread))

    def events(self) -> list[_Region]:
        """Each pass through a region, in the order of their ends."""
        return list(self._regions)

    def key_averages(self, *args: Any, **kwargs: Any) -> _Averages:
        """The regions with their counts and times."""
        grouped: dict[str, list[_Region]] = {}
        for region in self._regions:
            grouped.setdefault(region.key, []).append(region)
        return _Averages(_Average(key, parts) for key, parts in grouped.items())

    def total_average(self) -> _Average:
        """All regions together."""
        return _Average("Total", self._regions)

    def add_metadata(self, key: str, value: str) -> None:
        """Keep a text with the trace."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Keep a piece of JSON with the trace."""
        self._metadata[key] = json.loads(value)

    def export_chrome_trace(self, path: str) -> None:
        """Write the regions in Chrome's trace format (compressed if the name ends in .gz)."""
        import gzip

        events = [
            {
                "ph": "X", "cat": "user_annotation", "name": r.key, "pid": os.getpid(),
                "tid": r.thread, "ts": r.start * 1e6, "dur": r.cpu_time,
            }
            for r in self._regions
        ]  # fmt: skip
        text = json.dumps({"traceEvents": events, **self._metadata})
        if str(path).endswith(".gz"):
            Path(path).write_bytes(gzip.compress(text.encode()))
        else:
            Path(path).write_text(text, encoding="utf-8")

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write the regions and their microseconds, a line each."""
        lines = [f"{r.key} {int(r.cpu_time_total)}" for r in self.key_averages()]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


class record_function(contextlib.ContextDecorator):
    """Marks a region of the program with a name, as context or decorator.

    The name also shows in traces of ``jax.profiler``. Without an active :class:`profile` it
    costs next to nothing.

    Follows ``torch.profiler.record_function``.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self.args = args
        self._entered: list[tuple[float, Any]] = []

    def __enter__(self) -> record_function:
        import jax

        annotation = jax.profiler.TraceAnnotation(self.name)
        annotation.__enter__()
        if _active:
            wait_for(CPU)
        self._entered.append((time.perf_counter(), annotation))
        return self

    def __exit__(self, *exc: object) -> None:
        start, annotation = self._entered.pop()
        if _active:
            wait_for(CPU)
            end = time.perf_counter()
            for prof in _active:
                if prof._records:
                    prof._add(self.name, start, end)
        annotation.__exit__(None, None, None)

    def __call__(self, func: Any) -> Any:
        @functools.wraps(func)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return func(*args, **kwargs)

        return inner


__getattr__ = namespace(__name__)
