"""A timer that waits for the device before it looks at the clock."""

from __future__ import annotations

import dataclasses
import statistics
import time
import timeit
from collections.abc import Callable
from typing import Any

from flambeau._engine import device as engine
from flambeau._tensor.streams import wait_for

__all__ = ["Measurement", "Timer", "timer"]


def timer() -> float:
    """Seconds, after all that was recorded has been executed and has ended."""
    wait_for(engine.CPU)
    if engine.count("cuda"):
        wait_for(engine.place("cuda", 0))
    return time.perf_counter()


def _unit(seconds: float) -> tuple[float, str]:
    for scale, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= scale:
            return scale, name
    return 1e-9, "ns"


@dataclasses.dataclass
class Measurement:
    """What was measured: seconds of several runs of a statement, each repeated.

    Follows ``torch.utils.benchmark.Measurement``.
    """

    number_per_run: int
    raw_times: list[float]
    stmt: str = ""
    setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def times(self) -> list[float]:
        """Seconds of one execution, from each run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.times)

    @property
    def mean(self) -> float:
        """The mean."""
        return statistics.fmean(self.times)

    @property
    def iqr(self) -> float:
        """The distance between the quartiles."""
        if len(self.times) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return high - low

    @property
    def title(self) -> str:
        """What was measured."""
        name = self.label or self.stmt.strip()
        return f"{name}: {self.sub_label}" if self.sub_label else name

    as_row_name = property(lambda self: self.sub_label or self.stmt.strip())

    def __repr__(self) -> str:
        scale, unit = _unit(self.median)
        lines = [f"<{type(self).__module__}.{type(self).__name__}>", self.title]
        if self.description:
            lines.append(self.description)
        if len(self.times) > 1:
            lines.append(f"  Median: {self.median / scale:.2f} {unit}")
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit}")
        else:
            lines.append(f"  {self.median / scale:.2f} {unit}")
        runs, each = len(self.raw_times), self.number_per_run
        lines.append(f"  {runs} measurement{'s' * (runs > 1)}, {each} runs per measurement")
        return "\n".join(lines)


class Timer:
    """Times a statement; work that it leaves pending is executed and waited for.

    Args:
        stmt: the code to time.
        setup: code to run before.
        timer: the clock.
        globals: names that the code sees.
        label, sub_label, description, env: words for tables.
        num_threads: a word for tables; XLA sizes its own pool.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.utils.benchmark import Timer
        >>> found = Timer("x + 1", globals={"x": torch.ones(2)}).timeit(10)
        >>> found.number_per_run, found.median > 0
        (10, True)

    Follows ``torch.utils.benchmark.Timer``.
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = "python",
    ) -> None:
        if str(language).lower() not in ("python", "py", "language.python"):
            raise ValueError(f"Timer: language is {language!r} but only 'python' is timed")
        self._words = {
            "stmt": stmt, "setup": setup, "label": label, "sub_label": sub_label,
            "description": description, "env": env, "num_threads": num_threads,
        }  # fmt: skip
        self._timer = timeit.Timer(stmt, setup, timer, globals=globals or {})

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, **self._words)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One run of so many executions, after a few to warm up."""
        self._timer.timeit(max(number // 100, 2))
        return self._measured(number, [self._timer.timeit(number)])

    def repeat(self, repeat: int = -1, number: int = -1) -> Any:
        """Not offered, as in PyTorch.

        Raises:
            NotImplementedError: always; use :meth:`blocked_autorange`.
        """
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    autorange = repeat

    def _block_size(self, min_run_time: float) -> int:
        number = 1
        self._timer.timeit(2)
        while True:
            took = self._timer.timeit(number)
            if took >= min_run_time / 1000 and took >= 1e-3:
                return number
            number *= 10 if took < 1e-4 else 2

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Runs of equal size until they have taken `min_run_time` seconds."""
        number = self._block_size(min_run_time)
        times: list[float] = []
        while sum(times) < min_run_time:
            times.append(self._timer.timeit(number))
            if callback is not None:
                callback(number, times[-1])
        return self._measured(number, times)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:
        """Runs until the quartiles lie close to the median, or `max_run_time` is over."""
        number = self._block_size(min_run_time)
        times: list[float] = []
        while True:
            times.append(self._timer.timeit(number))
            if callback is not None:
                callback(number, times[-1])
            found = self._measured(number, times)
            close = len(times) > 3 and found.iqr / found.median < threshold
            if (close and sum(times) >= min_run_time) or sum(times) >= max_run_time:
                return found
