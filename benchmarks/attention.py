"""Causal attention with its gradients on a CPU, by the parts that its scores are made in.

From one projection of width 256 with 8 heads, as in the benchmarks' GPT; the first column is
halves of the batch. ``python benchmarks/attention.py [--quick]``.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from flambeau._engine import xla
from flambeau._engine.device import CPU
from flambeau._ops import nn_attention as rows

WIDTH, HEADS = 256, 8
SIZES = [(8, 64), (8, 128), (8, 256), (2, 512), (2, 1024)]
FORMS = {"halves": (2, 1), "2 blocks": (1, 2), "4 blocks": (1, 4), "halves of 2 blocks": (2, 2),
         "halves of 4 blocks": (2, 4), "as it is": None}  # fmt: skip
KINDS = {"YNNPACK": "", "Eigen": "eigen"}


def parts(halves: int, blocks: int) -> Callable[..., list[Any]]:
    """In place of the rule: so many parts of the batch, and of the queries."""

    def split(query: jax.Array, *rest: Any) -> list[Any]:
        batch, length = query.shape[0], query.shape[2]
        places = [
            [slice(n * i // k, n * (i + 1) // k) for i in range(k)]
            for n, k in ((batch, halves), (length, blocks))
        ]
        return [rows._Part(s, q, slice(q.stop)) for s, q in itertools.product(*places)]

    return split


def step(projected: jax.Array, cotangent: jax.Array) -> Any:
    """The output and the projection's gradient."""
    batch, length, _ = projected.shape

    def heads(x: jax.Array) -> jax.Array:
        return x.reshape(batch, length, HEADS, -1).transpose(0, 2, 1, 3)

    def run(projected: jax.Array) -> jax.Array:
        given = [*map(heads, jnp.split(projected, 3, -1)), None]
        static = {"is_causal": True, "scale": None, "enable_gqa": False}
        out = rows.scaled_dot_product_attention.gradient.applied(given, static)
        return out.transpose(0, 2, 1, 3).reshape(batch, length, WIDTH)

    out, pull = jax.vjp(run, projected)
    return out, pull(cotangent)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds = 3 if parser.parse_args().quick else 11
    print(
        "| batch by length, products | " + " | ".join(f"{name}, ms, ratio" for name in FORMS) + " |"
    )
    print("| --- " * (len(FORMS) + 1) + "|")
    rule, rng = rows._parts, np.random.default_rng(0)
    for (batch, length), (label, kind) in itertools.product(SIZES, KINDS.items()):
        given = [
            jnp.asarray(rng.standard_normal((batch, length, width)), jnp.float32)
            for width in (3 * WIDTH, WIDTH)
        ]
        times: dict[str, list[float]] = {name: [] for name in FORMS}
        programs = {}
        for name, form in FORMS.items():
            rows._parts = rule if form is None else parts(*form)
            traced_anew = jax.jit(lambda *given: step(*given))  # noqa: PLW0108
            lowered = traced_anew.lower(*given)
            programs[name] = lowered.compile(compiler_options=xla.options(CPU, kind))
        rows._parts = rule
        for _ in range(rounds):
            for name, program in programs.items():
                jax.block_until_ready(program(*given))
                start = time.perf_counter()
                for _ in range(4):
                    jax.block_until_ready(program(*given))
                times[name].append((time.perf_counter() - start) / 4)
        cells = []
        for taken in times.values():
            ratio = statistics.median(a / b for a, b in zip(taken, times["halves"], strict=True))
            cells.append(f"{statistics.median(taken) * 1e3:.2f}, {ratio:.2f}")
        print(f"| {batch} by {length}, {label} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
