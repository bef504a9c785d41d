"""What launching a known program and replaying a compiled function cost above the bare call.

The program adds 25 gradients to 25 parameters of 8 numbers in place: 50 leaves, 25 of them
donated. The bare call is the same function compiled by JAX ahead of time, with donation, called
with flat arguments. The three take turns; figures are medians of single calls, with nothing else
waiting for the device.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
from _timing import machine, table

import flambeau
from flambeau._engine import executor, recorder

COUNT = 25


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds

    def tensors() -> list[Any]:
        made = [flambeau.ones(8) for _ in range(COUNT)]
        for t in made:
            t.numpy()
        return made

    params, grads = tensors(), tensors()

    def step() -> None:
        for p, g in zip(params, grads, strict=True):
            p.add_(g)

    launching: list[float] = []
    execute = executor.execute

    def timed(graph: Any, aside: bool = False) -> None:
        start = time.perf_counter()
        execute(graph, aside)
        launching.append(time.perf_counter() - start)

    held, others = tensors(), tensors()

    @flambeau.compile
    def replayed() -> None:
        for p, g in zip(held, others, strict=True):
            p.add_(g)

    def add(*arrays: jax.Array) -> list[jax.Array]:
        return [a + b for a, b in zip(arrays[:COUNT], arrays[COUNT:], strict=True)]

    arrays = [jnp.ones(8) for _ in range(COUNT)]
    fixed = [jnp.ones(8) for _ in range(COUNT)]
    donated = jax.jit(add, donate_argnums=tuple(range(COUNT)))
    compiled = donated.lower(*arrays, *fixed).compile()

    for _ in range(4):  # until everything is compiled and recorded
        step()
        params[0].numpy()
        replayed()
        held[0].numpy()
    assert replayed.replays  # type: ignore[attr-defined]

    recorder.set_executor(timed)
    bare: list[float] = []
    replaying: list[float] = []
    recording: list[float] = []
    launching.clear()
    for _ in range(rounds):
        start = time.perf_counter()
        arrays = compiled(*arrays, *fixed)
        bare.append(time.perf_counter() - start)
        arrays[0].block_until_ready()

        start = time.perf_counter()
        step()
        recording.append((time.perf_counter() - start) / COUNT)
        recorder.flush()
        params[0].numpy()

        start = time.perf_counter()
        replayed()
        replaying.append(time.perf_counter() - start)
        held[0].numpy()
    recorder.set_executor(execute)
    us = {
        name: statistics.median(times) * 1e6
        for name, times in (
            ("bare", bare), ("launching", launching), ("replaying", replaying),
            ("recording", recording),
        )
    }  # fmt: skip
    print(machine())
    rows = [
        ["the bare executable's call", f"{us['bare']:.0f}", ""],
        ["launching the recorded program", f"{us['launching']:.0f}",
         f"{us['launching'] - us['bare']:.0f}"],
        ["replaying under flambeau.compile", f"{us['replaying']:.0f}",
         f"{us['replaying'] - us['bare']:.0f}"],
        ["recording one operation in place", f"{us['recording']:.1f}", ""],
    ]  # fmt: skip
    print(table(["50 leaves, µs", "median", "above the bare call"], rows))
    print(json.dumps(us))


if __name__ == "__main__":
    main()
