"""Contenders in processes of their own, that take turns."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time

from flambeau.cli._bench import child

Times = dict[str, list[tuple[float, float]]]
"""Seconds of a step, in a row and alone, per contender and round."""


def serve(contender: str, case: str) -> None:
    """Run some steps for every line that comes in, tell a step's seconds in a row and alone."""
    step = child.build(contender, case)
    for _ in range(5):
        child.wait(step())
    start = time.perf_counter()  # not by `child.once`, which other revisions may not have
    child.wait(step())
    count = max(1, int(0.1 / (time.perf_counter() - start)))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        result = None
        for _ in range(count):
            result = step()
        child.wait(result)
        middle = time.perf_counter()
        child.wait(step())
        print((middle - start) / count, time.perf_counter() - middle, flush=True)


def measure(contenders: dict[str, tuple[str, dict[str, str]]], case: str, rounds: int) -> Times:
    """What a step of a case takes each contender: what it is, and its environment.

    Who cannot take part is left out.
    """
    with contextlib.ExitStack() as stack:
        running = {}
        for name, (contender, env) in contenders.items():
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, __file__, contender, case],
                    env={**os.environ, "FLAMBEAU_CACHE_DIR": "", **env},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            assert process.stdin is not None
            assert process.stdout is not None
            stack.callback(process.stdin.close)
            if any(line.strip() == "ready" for line in process.stdout):
                running[name] = process
            else:
                print(f"{name} does not run here", file=sys.stderr)
        times: Times = {name: [] for name in running}
        for _ in range(rounds):
            for name, process in running.items():
                process.stdin.write("\n")
                process.stdin.flush()
                in_a_row, alone = map(float, process.stdout.readline().split())
                times[name].append((in_a_row, alone))
        return times


def row(times: Times, names: list[str]) -> str:
    """Median ms of each contender, in a row and alone, with its ratio to the first one."""
    cells = []
    for name in names:
        if name not in times:
            cells.append("-")
            continue
        words = []
        for mine, base in zip(
            zip(*times[name], strict=True), zip(*times[names[0]], strict=True), strict=True
        ):
            ratio = statistics.median(a / b for a, b in zip(mine, base, strict=True))
            words.append(f"{statistics.median(mine) * 1e3:.4g}, {ratio:.2f}")
        cells.append(" / ".join(words))
    return " | ".join(cells)


if __name__ == "__main__":
    serve(*sys.argv[1:])
