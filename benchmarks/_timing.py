"""Taking turns, medians, tables."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from typing import Any


def interleaved(
    contenders: dict[str, Callable[[], Any]], *, rounds: int, seconds: float
) -> dict[str, float]:
    """Median seconds per call of each contender.

    In every round each runs, in turn, for about `seconds`; a round ends by reading the last
    result, so that work which was only dispatched is counted.
    """
    counts = {}
    for name, step in contenders.items():
        for _ in range(3):
            step().item()
        start = time.perf_counter()
        step().item()
        counts[name] = max(1, int(seconds / max(time.perf_counter() - start, 1e-6)))
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, step in contenders.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                result = step()
            result.item()
            times[name].append((time.perf_counter() - start) / counts[name])
    return {name: statistics.median(t) for name, t in times.items()}


def machine() -> str:
    """What the figures were taken on."""
    import os

    import jax

    from flambeau._engine.hardware import processor

    return (
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"jax {jax.__version__} on {jax.devices()[0].device_kind}"
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    widths = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * w for w in widths], *rows]
    return "\n".join(
        "| " + " | ".join(str(c).ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
