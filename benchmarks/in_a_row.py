"""What launching costs where programs are short and many are asked for in a row.

The forward of the suite's MLP, 0.25 ms of products whose weights push all that Python touches out
of the caches: JAX's jitted function by hand, the compiled function's own program called with its
arrays alone, the compiled function, the unmodified one. They take turns in one process, in another
order in each round, hundreds of calls in a row and one wait; once more with twenty, and with one.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from _timing import machine, table

from flambeau.cli._bench import child

CASE = "MLP inference"


def contenders() -> dict[str, Callable[[], Any]]:
    """They, each run until nothing compiles any more."""
    compiled: Any = child.build("flambeau.compile", CASE)
    for _ in range(80):
        child.wait(compiled())
    (kind,) = compiled._kinds.values()
    (replay,) = kind.replays
    leaves, program = replay._form.gathered(), replay.program.compiled
    steps = {
        "JAX by hand": child.build("JAX", CASE),
        "its program alone": lambda: program(*leaves)[0],
        "compiled": compiled,
        "unmodified": child.build("flambeau", CASE),
    }
    for step in steps.values():
        for _ in range(20):
            child.wait(step())
    return steps


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=80)
    rounds = parser.parse_args().rounds
    steps = contenders()
    names = list(steps)
    rows = []
    for calls in (400, 20, 1):
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(rounds if calls > 1 else 10 * rounds):
            for name in random.sample(names, len(names)):
                step, result = steps[name], None
                start = time.perf_counter()
                for _ in range(calls):
                    result = step()
                child.wait(result)
                times[name].append((time.perf_counter() - start) / calls)
        cells = [str(calls)]
        for name in names:
            ratio = statistics.median(
                a / b for a, b in zip(times[name], times[names[0]], strict=True)
            )
            cells.append(f"{statistics.median(times[name]) * 1e6:.0f}, {ratio:.2f}")
        rows.append(cells)
    print(machine())
    print(table([f"{CASE}: calls in a row, µs each, ratio", *names], rows))


if __name__ == "__main__":
    main()
