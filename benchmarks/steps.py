"""Training steps: unmodified programs and compiled ones, against torch on the same machine."""

from __future__ import annotations

import argparse
import importlib.util

from _models import CASES, train_step
from _timing import interleaved, machine, table

import flambeau
from flambeau._engine.program import stats


def contenders(case: str, torch_compile: bool) -> dict:
    found = {"flambeau": train_step(flambeau, case)}
    found["flambeau.compile"] = flambeau.compile(train_step(flambeau, case))
    if importlib.util.find_spec("torch") is not None:
        import torch

        found["torch eager"] = train_step(torch, case, fused=True)
        if torch_compile:
            found["torch.compile"] = torch.compile(train_step(torch, case, fused=True))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.15, help="per contender and round")
    parser.add_argument("--torch-compile", action="store_true")
    args = parser.parse_args()
    rows = []
    for case in args.cases:
        before = stats.programs
        times = interleaved(
            contenders(case, args.torch_compile), rounds=args.rounds, seconds=args.seconds
        )
        torches = [t for name, t in times.items() if name.startswith("torch")]
        best = min(torches) if torches else None
        for name, t in times.items():
            ratio = f"{t / best:.2f}" if best else "torch is not installed"
            rows.append([case, name, f"{t * 1e6:,.0f}", ratio])
        rows[-1].append("")
        for row in rows[-len(times) :]:
            row[4:] = [str(stats.programs - before) if row[1] == "flambeau" else ""]
    print(machine())
    print(table(["case", "contender", "µs per step", "to the best of torch", "programs"], rows))


if __name__ == "__main__":
    main()
