"""The products of the GPT's linear layers alone: XLA with YNNPACK, XLA with Eigen, torch.

Forward and both gradients of each layer, as often as a step of the benchmarks' GPT has them. The
contenders take turns, a few calls each, of which the first are not counted: torch's threads keep
their cores busy for a moment after a call.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _timing import machine, table
from jax import lax

from flambeau._engine import xla
from flambeau._engine.device import CPU

LAYERS = {
    (1024, 256, 768): 4,
    (1024, 256, 256): 4,
    (1024, 256, 1024): 4,
    (1024, 1024, 256): 4,
    (1024, 256, 512): 1,
}
"""Rows, inputs and outputs of a layer, and how many such there are."""


def _product(a: jax.Array, b: jax.Array, along_a: int, along_b: int) -> jax.Array:
    return lax.dot_general(a, b, (((along_a,), (along_b,)), ((), ())))


IN_JAX: dict[str, Callable[..., Any]] = {
    "forward": lambda x, w, g: _product(x, w, 1, 1),
    "gradient of the input": lambda x, w, g: _product(g, w, 1, 0),
    "gradient of the weight": lambda x, w, g: _product(g, x, 0, 0),
}
IN_TORCH: dict[str, Callable[..., Any]] = {
    "forward": lambda x, w, g: x @ w.T,
    "gradient of the input": lambda x, w, g: g @ w,
    "gradient of the weight": lambda x, w, g: g.T @ x,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds = 3 if parser.parse_args().quick else 11
    try:
        import torch
    except ImportError:
        torch = None
    found: dict[str, dict[str, float]] = {which: {} for which in IN_JAX}
    rng = np.random.default_rng(0)
    for (rows, inputs, outputs), times in LAYERS.items():
        shapes = (rows, inputs), (outputs, inputs), (rows, outputs)
        arrays = [rng.standard_normal(s).astype(np.float32) for s in shapes]
        ours = [jnp.asarray(a) for a in arrays]
        for which, function in IN_JAX.items():
            calls: dict[str, Callable[[], Any]] = {}
            for name, kind in (("YNNPACK", ""), ("Eigen", "eigen")):
                options = xla.options(CPU, kind)
                made = jax.jit(function).lower(*ours).compile(compiler_options=options)
                calls[name] = lambda made=made, ours=ours: made(*ours).block_until_ready()
            if torch is not None:
                theirs = [torch.from_numpy(a) for a in arrays]
                calls["torch"] = lambda theirs=theirs, which=which: IN_TORCH[which](*theirs)
            seconds: dict[str, list[float]] = {name: [] for name in calls}
            for _ in range(rounds):
                for name, call in calls.items():
                    for n in range(8):
                        start = time.perf_counter()
                        call()
                        if n > 2:
                            seconds[name].append(time.perf_counter() - start)
            for name, values in seconds.items():
                before = found[which].get(name, 0.0)
                found[which][name] = before + times * statistics.median(values) * 1e3
    names = [*next(iter(found.values()))]
    found["all"] = {name: sum(row[name] for row in found.values()) for name in names}
    print(machine())
    rows_of = [[which, *[f"{row[name]:.1f}" for name in names]] for which, row in found.items()]
    print(table(["ms in a step", *names], rows_of))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
