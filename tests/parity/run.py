"""Judge entries of the database and keep what came out.

``python -m tests.parity.run [PATTERN …] [--samples N|all] [--jobs N] [--out FILE]``
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")


def _one(name: str, samples: int | None, derivatives: bool) -> dict[str, Any]:
    from tests.parity import scope
    from tests.parity.judge import judge

    start = time.perf_counter()
    verdict = judge(scope.entries()[name], samples=samples, derivatives=derivatives)
    found = dataclasses.asdict(verdict)
    found["passed"] = verdict.passed
    found["seconds"] = round(time.perf_counter() - start, 1)
    return found


def _batch(names: list[str], samples: int | None, derivatives: bool) -> list[dict[str, Any]]:
    found = []
    for name in names:
        found.append(_one(name, samples, derivatives))
        print(_line(found[-1]), flush=True)
    return found


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
    parser.add_argument("--no-derivatives", action="store_true")
    options = parser.parse_args()
    names = [
        n
        for n in scope.judged()
        if not options.patterns or any(re.fullmatch(p, n) for p in options.patterns)
    ]
    samples = None if options.samples == "all" else int(options.samples)
    if options.jobs == 1:
        found = _batch(names, samples, not options.no_derivatives)
    else:
        size = max(1, min(20, len(names) // (4 * options.jobs)))
        parts = [names[i : i + size] for i in range(0, len(names), size)]
        with ProcessPoolExecutor(options.jobs) as pool:
            done = pool.map(
                _batch,
                parts,
                [samples] * len(parts),
                [not options.no_derivatives] * len(parts),
            )
            found = [v for part in done for v in part]
    for verdict in found:  # one line per check is enough to keep
        verdict["failures"] = [
            {**f, "message": f["message"][:200]} for f in verdict["failures"][:3]
        ]
        del verdict["seconds"]
    kept = json.loads(options.out.read_text()) if options.out.exists() else {}
    kept.update({v["name"]: v for v in found})
    options.out.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    passed = sum(v["passed"] for v in found)
    print(f"{passed} of {len(found)} judged entries pass whole")


if __name__ == "__main__":
    main()
