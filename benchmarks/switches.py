"""What the switches for XLA and for malloc bring: the compiled step with and without each.

Each contender has a process of its own, since these are settings of a process, and they take
turns: a few steps in a row and one whose end is waited for, round after round.
``python benchmarks/switches.py [CASE]... [--device cuda] [--quick]``.
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
WHOLE = "--xla_gpu_enable_command_buffer=+CONVOLUTION"
NONE = "--xla_gpu_enable_command_buffer="

SWITCHES: dict[str, dict[str, dict[str, str]]] = {
    "cpu": {
        "convolutions by YNNPACK": {"XLA_FLAGS": YNN},
        "copies without region analysis": {"XLA_FLAGS": REGION},
        "memory given back": {"FLAMBEAU_KEEP_MEMORY": "0"},
    },
    "cuda": {
        "convolutions in graphs": {"XLA_FLAGS": WHOLE},
        "no graphs": {"XLA_FLAGS": NONE},
    },
}
CASES = {"cpu": ["MLP", "GPT", "CNN", "ResNet-18"], "cuda": ["tiny MLP", "GPT-2", "ResNet-50"]}


def contenders(device: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Who takes part: what it is, and its environment."""
    room = {"FLAMBEAU_BENCH_DEVICE": device}
    if device == "cuda":
        room["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # they share the GPU
    found = {"as it is": ("flambeau.compile", room)}
    found |= {k: ("flambeau.compile", room | env) for k, env in SWITCHES[device].items()}
    return found | {"JAX by hand": ("JAX", room), "torch": ("torch", room)}


def serve(contender: str, case: str) -> None:
    """Run some steps for every line that comes in, tell a step's seconds in a row and alone."""
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
        middle = time.perf_counter()
        child.wait(step())
        print((middle - start) / count, time.perf_counter() - middle, flush=True)


def measure(case: str, device: str, rounds: int) -> dict[str, list[tuple[float, ...]]]:
    """Seconds of a step, in a row and alone, per contender and round.

    Who cannot take part is left out.
    """
    with contextlib.ExitStack() as stack:
        running = {}
        for name, (contender, env) in contenders(device).items():
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
        times: dict[str, list[tuple[float, ...]]] = {name: [] for name in running}
        for _ in range(rounds):
            for name, process in running.items():
                process.stdin.write("\n")
                process.stdin.flush()
                times[name].append(tuple(map(float, process.stdout.readline().split())))
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--device", choices=[*SWITCHES], default="cpu")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", nargs=2)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    found = {}
    names = [*contenders(options.device)]
    print(
        "| median ms of a step in a row / alone, ratios to as it is | " + " | ".join(names) + " |"
    )
    print("| --- " * (len(names) + 1) + "|")
    for case in options.cases or CASES[options.device]:
        times = found[case] = measure(case, options.device, 3 if options.quick else 11)
        cells = []
        for name in names:
            if name not in times:
                cells.append("-")
                continue
            words = []
            for mine, base in zip(
                zip(*times[name], strict=True), zip(*times["as it is"], strict=True), strict=True
            ):
                ratio = statistics.median(a / b for a, b in zip(mine, base, strict=True))
                words.append(f"{statistics.median(mine) * 1e3:.4g}, {ratio:.2f}")
            cells.append(" / ".join(words))
        print(f"| {case} | " + " | ".join(cells) + " |", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
