"""What the switches for XLA and for malloc bring: the compiled step with and without each.

Each contender has a process of its own, since these are settings of a process, and they take
turns: a few steps each, round after round. ``python benchmarks/switches.py [CASE]... [--quick]``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time

from flambeau.cli._bench import child

YNN = "--xla_cpu_experimental_ynn_fusion_type=individual_dot,individual_convolution,reduce"
REGION = "--xla_cpu_copy_insertion_use_region_analysis=false"

CONTENDERS: dict[str, tuple[str, dict[str, str]]] = {
    "as it is": ("flambeau.compile", {}),
    "convolutions by YNNPACK": ("flambeau.compile", {"XLA_FLAGS": YNN}),
    "copies without region analysis": ("flambeau.compile", {"XLA_FLAGS": REGION}),
    "memory given back": ("flambeau.compile", {"FLAMBEAU_KEEP_MEMORY": "0"}),
    "JAX by hand": ("JAX", {}),
    "torch": ("torch", {}),
}


def serve(contender: str, case: str) -> None:
    """Run some steps for every line that comes in, and tell the seconds of one."""
    step = child.build(contender, case)
    for _ in range(5):
        child.wait(step())
    start = time.perf_counter()
    child.wait(step())
    count = max(1, int(0.1 / (time.perf_counter() - start)))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        result = None
        for _ in range(count):
            result = step()
        child.wait(result)
        print((time.perf_counter() - start) / count, flush=True)


def measure(case: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of a step per contender and round; who cannot take part is left out."""
    with contextlib.ExitStack() as stack:
        running = {}
        for name, (contender, env) in CONTENDERS.items():
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, __file__, "--serve", contender, case],
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
        times: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(rounds):
            for name, process in running.items():
                process.stdin.write("\n")
                process.stdin.flush()
                times[name].append(float(process.stdout.readline()))
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=["MLP", "GPT", "CNN", "ResNet-18"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", nargs=2)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    found = {}
    print("| median ms, ratio to as it is | " + " | ".join(CONTENDERS) + " |")
    print("| --- " * (len(CONTENDERS) + 1) + "|")
    for case in options.cases:
        times = found[case] = measure(case, 3 if options.quick else 11)
        cells = []
        for name in CONTENDERS:
            if name not in times:
                cells.append("-")
                continue
            pairs = zip(times[name], times["as it is"], strict=True)
            ratio = statistics.median(a / b for a, b in pairs)
            cells.append(f"{statistics.median(times[name]) * 1e3:.4g}, {ratio:.2f}")
        print(f"| {case} | " + " | ".join(cells) + " |", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
