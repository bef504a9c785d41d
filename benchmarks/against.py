"""The benchmarks' steps, or warm starts, of this source tree against those of another revision.

``python benchmarks/against.py [CASE]... [--to REVISION] [--start] [--quick]``. Both take turns,
each in its own process; the other revision (the last commit unless told) is checked out in a
temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _turns import measure, row

ROOT = Path(__file__).parents[1]
CASES = ["tiny MLP", "MLP", "GPT", "LSTM", "CNN", "GPT inference"]


def steps(cases: list[str], other: Path, rounds: int) -> None:
    there, here = ({"PYTHONPATH": str(root / "src")} for root in (other, ROOT))
    contenders = {
        "there, compiled": ("flambeau.compile", there),
        "here, compiled": ("flambeau.compile", here),
        "there, unmodified": ("flambeau", there),
        "here, unmodified": ("flambeau", here),
        "torch": ("torch", here),
    }
    names = [*contenders]
    print(f"| median ms of a step in a row / alone, ratio to the first | {' | '.join(names)} |")
    print("| --- " * (len(names) + 1) + "|")
    for case in cases:
        print(f"| {case} | {row(measure(contenders, case, rounds), names)} |", flush=True)


def starts(cases: list[str], other: Path, rounds: int) -> None:
    print("| s to the first result from a filled cache, median (least), ratio | there | here |")
    print("| --- | --- | --- |")
    for case in cases:
        seconds: dict[str, list[float]] = {"there": [], "here": []}
        with tempfile.TemporaryDirectory() as folder:
            for i in range(rounds + 1):
                for name, root in (("there", other), ("here", ROOT)):
                    taken = start(case, root / "src", Path(folder) / name)
                    if i:  # the first fills the cache
                        seconds[name].append(taken)
        cells = []
        for taken in seconds.values():
            pairs = zip(taken, seconds["there"], strict=True)
            ratio = statistics.median(a / b for a, b in pairs)
            cells.append(f"{statistics.median(taken):.2f} ({min(taken):.2f}), {ratio:.2f}")
        print(f"| {case} | {' | '.join(cells)} |", flush=True)


def start(case: str, source: Path, cache: Path) -> float:
    """Seconds from the start of a process to the first result of a case."""
    env = {
        **os.environ,
        "PYTHONPATH": str(source),
        "FLAMBEAU_CACHE_DIR": str(cache),
        "FLAMBEAU_BENCH_BEGIN": repr(time.time()),
        "PYTHONDONTWRITEBYTECODE": "",  # as where packages are installed
        "PYTHONWARNINGS": "ignore",
    }
    program = source / "flambeau" / "cli" / "_bench" / "child.py"
    done = subprocess.run(
        [sys.executable, str(program), "start", case, "flambeau"],
        env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--to", default="HEAD")
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other"
        git = ["git", "-C", str(ROOT), "worktree"]
        added = subprocess.run(
            [*git, "add", "--detach", str(other), options.to],
            capture_output=True,
            text=True,
            check=False,
        )
        if added.returncode:
            print(f"no other revision to measure: {added.stderr.strip()}")
            return
        try:
            run = starts if options.start else steps
            run(options.cases or CASES, other, 3 if options.quick else 11)
        finally:
            subprocess.run([*git, "remove", "--force", str(other)], check=False)


if __name__ == "__main__":
    main()
