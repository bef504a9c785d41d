"""Time of the import, in fresh processes that take turns."""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys

from _timing import machine, table

SCRIPT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def main(rounds: int = 9) -> None:
    names = [n for n in ("flambeau", "jax", "torch") if importlib.util.find_spec(n)]
    times: dict[str, list[float]] = {n: [] for n in names}
    for _ in range(rounds + 1):
        for n in names:
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT.format(n)],
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},  # as installed packages are
                capture_output=True,
                text=True,
                check=True,
            )
            times[n].append(float(done.stdout))
    rows = [
        [f"import {n}", f"{statistics.median(t[1:]):.2f}", f"{min(t):.2f}"]
        for n, t in times.items()
    ]
    print(machine())
    print(table(["", "seconds (median)", "seconds (least)"], rows))


if __name__ == "__main__":
    main()
