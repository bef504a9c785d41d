"""What the switches for XLA and for malloc bring: the compiled step with and without each.

Each contender has a process of its own, since these are settings of a process, and they take
turns: a few steps in a row and one whose end is waited for, round after round.
``python benchmarks/switches.py [CASE]... [--device cuda] [--quick]``.
"""

from __future__ import annotations

import argparse
import json

from _turns import measure, row

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
CASES = {
    "cpu": ["MLP", "GPT", "LSTM", "CNN", "ResNet-18"],
    "cuda": ["tiny MLP", "GPT-2", "ResNet-50"],
}


def contenders(device: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Who takes part: what it is, and its environment."""
    room = {"FLAMBEAU_BENCH_DEVICE": device}
    if device == "cuda":
        room["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # they share the GPU
    found = {"as it is": ("flambeau.compile", room)}
    found |= {k: ("flambeau.compile", room | env) for k, env in SWITCHES[device].items()}
    return found | {"JAX by hand": ("JAX", room), "torch": ("torch", room)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--device", choices=[*SWITCHES], default="cpu")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    found = {}
    names = [*contenders(options.device)]
    print(
        "| median ms of a step in a row / alone, ratios to as it is | " + " | ".join(names) + " |"
    )
    print("| --- " * (len(names) + 1) + "|")
    for case in options.cases or CASES[options.device]:
        times = measure(contenders(options.device), case, 3 if options.quick else 11)
        found[case] = times
        print(f"| {case} | {row(times, names)} |", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
