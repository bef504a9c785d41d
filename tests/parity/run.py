"""Judge entries of the database and keep what came out.

``python -m tests.parity.run [PATTERN …] [--samples N|all] [--jobs N] [--out FILE]``
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import multiprocessing
import multiprocessing.pool
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FORM = 2
"""Which form of the judge it was; the first knew no strided arguments and one form of `out=`."""

RESULTS = Path(__file__).with_name("results.json")


def judge_one(name: str, samples: int | None, derivatives: bool = True) -> dict[str, Any]:
    """The verdict about an entry, as plain data."""
    from tests.parity import scope
    from tests.parity.judge import judge

    start = time.perf_counter()
    verdict = judge(scope.entries()[name], samples=samples, derivatives=derivatives, seconds=1200)
    found = dataclasses.asdict(verdict)
    found["passed"] = verdict.passed
    found["form"] = FORM
    found["samples"] = "all" if samples is None else samples
    found["seconds"] = round(time.perf_counter() - start, 1)
    return found


def judging_processes(jobs: int) -> multiprocessing.pool.Pool:
    """Processes that judge; each is replaced in time.

    Compiled programs stay in memory: some thousands of them use up the mappings that the system
    allows one process, and compiling fails. Of the two kinds of pool this is the one that
    replaces its processes without a deadlock.
    """
    return multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=30)


def _all(
    names: list[str], samples: int | None, derivatives: bool, jobs: int
) -> Iterator[dict[str, Any]]:
    one = functools.partial(judge_one, samples=samples, derivatives=derivatives)
    with judging_processes(jobs) as pool:
        yield from pool.imap_unordered(one, names)


def _line(found: dict[str, Any]) -> str:
    if found["passed"]:
        return f"pass     {found['name']} ({found['checks']} checks, {found['seconds']} s)"
    first = found["failures"][0] if found["failures"] else {"check": "nothing ran", "message": ""}
    told = f"{first['check']} {first.get('dtype', '')}: {first['message'][:160]}"
    return f"differs  {found['name']} ({len(found['failures'])}): {told}"


def main() -> None:
    from tests.parity import scope

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", help="regular expressions of entry names")
    parser.add_argument("--samples", default="4", help="samples per dtype, or 'all'")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--rest", action="store_true", help="leave out what passed before")
    parser.add_argument("--no-derivatives", action="store_true")
    options = parser.parse_args()
    known: set[str] = set()
    if options.rest and options.out.exists():
        kept = json.loads(options.out.read_text())
        known = {name for name, verdict in kept.items() if verdict["passed"]}
    names = [
        n
        for n in scope.judged()
        if (not options.patterns or any(re.fullmatch(p, n) for p in options.patterns))
        and n not in known
    ]
    samples = None if options.samples == "all" else int(options.samples)
    found = []
    for verdict in _all(names, samples, not options.no_derivatives, options.jobs):
        print(_line(verdict), flush=True)
        del verdict["seconds"]  # differs from run to run
        verdict["failures"] = [
            {**f, "message": f["message"][:200]} for f in verdict["failures"][:3]
        ]
        found.append(verdict)
        kept = json.loads(options.out.read_text()) if options.out.exists() else {}
        kept[verdict["name"]] = verdict
        options.out.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    passed = sum(v["passed"] for v in found)
    print(f"{passed} of {len(found)} judged entries pass whole")


if __name__ == "__main__":
    main()
