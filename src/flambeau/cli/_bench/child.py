"""One case in a process of its own; prints one line of JSON.

python -m flambeau.cli._bench.child turns CASE SECONDS CONTENDER...
python -m flambeau.cli._bench.child start CASE CONTENDER
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

CONTENDERS: tuple[str, ...] = (
    "flambeau",
    "flambeau.compile",
    "torch",
    "torch.compile",
    "JAX",
    "Flax NNX",
)


def sibling(name: str) -> Any:
    """A module of this folder, whether or not this one runs as a file."""
    return importlib.import_module(f"{__package__}.{name}" if __package__ else name)


def build(contender: str, case: str) -> Callable[[], Any]:
    """A contender's step of a case.

    Raises:
        LookupError: there is none, or what it needs is not installed; the words say which.
    """
    cases = sibling("cases")
    half = cases.CASES[case].half
    device = "cuda" if half else os.environ.get("FLAMBEAU_BENCH_DEVICE", "cpu")
    if contender.startswith("flambeau"):
        import flambeau

        step = cases.step_of(flambeau, case, device=device)
        return flambeau.compile(step) if contender == "flambeau.compile" else step
    if contender.startswith("torch"):
        torch = _import("torch")
        if device == "cuda" and not torch.cuda.is_available():
            raise LookupError("this build of torch has no GPU")
        fused = {"fused": True} if cases.CASES[case].training else {}
        wrap = torch.compile if contender == "torch.compile" else None
        return cases.step_of(torch, case, wrap, device, **fused)
    if contender == "JAX":
        return sibling("jax_peer").step_of(case, half)
    if half:
        raise LookupError("this case is not written for it")
    _import("optax")
    _import("flax")
    return sibling("nnx_peer").step_of(case)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise LookupError(f"{name} is not installed") from error


def wait(result: Any) -> None:
    """Until the result is there."""
    if hasattr(result, "block_until_ready"):
        result.block_until_ready()
    elif result.device.type == "cpu":
        result.detach().numpy()
    elif result.numel() == 1:
        result.item()
    else:
        result.detach().float().sum().item()


def once(step: Callable[[], Any]) -> float:
    """Seconds of one step: the least of several, as the first since others were built is slow."""
    times: list[float] = []
    while len(times) < 10 and sum(times) < 0.2:
        begin = time.perf_counter()
        wait(step())
        times.append(max(time.perf_counter() - begin, 1e-6))
    return min(times)


def turns(case: str, seconds: float, names: list[str]) -> dict[str, Any]:
    """All contenders in turn, in rounds: medians of seconds per step, and of their ratios."""
    steps: dict[str, Callable[[], Any]] = {}
    first: dict[str, float] = {}
    missing: dict[str, str] = {}
    programs = None
    for name in names:
        begin = time.perf_counter()
        try:
            step = build(name, case)
            wait(step())
            first[name] = time.perf_counter() - begin
            print(f"{case}, {name}: first step {first[name]:.2f} s", file=sys.stderr, flush=True)
            for _ in range(3):
                wait(step())
        except Exception as error:
            words = str(error).strip().splitlines() or [""]
            missing[name] = (
                words[0]
                if isinstance(error, LookupError)
                else (f"{type(error).__name__}: {words[0]}")
            )
            continue
        steps[name] = step
        if name == "flambeau":
            from flambeau._engine.program import stats

            programs = stats.programs
    counts = {name: max(1, int(0.1 / once(step))) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    begin, rounds = time.perf_counter(), 0
    while rounds < 3 or (time.perf_counter() - begin < seconds and rounds < 31):
        rounds += 1
        for name, step in steps.items():
            start = time.perf_counter()
            result = None
            for _ in range(counts[name]):
                result = step()
            wait(result)
            times[name].append((time.perf_counter() - start) / counts[name])
    return {
        "seconds": {n: statistics.median(t) for n, t in times.items()},
        "least": {n: min(t) for n, t in times.items()},
        "first": first, "missing": missing, "rounds": rounds, "programs": programs,
    }  # fmt: skip


def start(case: str, contender: str) -> dict[str, Any]:
    """Seconds from the start of the process to the first result; peak memory after four steps."""
    step = build(contender, case)
    wait(step())
    seconds = time.time() - float(os.environ["FLAMBEAU_BENCH_BEGIN"])
    for _ in range(3):
        wait(step())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "peak_mib": peak / (1 << 20 if sys.platform == "darwin" else 1024)}


if __name__ == "__main__":
    if sys.argv[1] == "turns":
        outcome = turns(sys.argv[2], float(sys.argv[3]), sys.argv[4:])
    else:
        outcome = start(sys.argv[2], sys.argv[3])
    print("\n" + json.dumps(outcome))
