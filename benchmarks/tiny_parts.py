"""Where an unmodified step of the suite's tiny MLP spends its time, beside JAX's step by hand.

The parts of the step as the user writes it; inside `optimizer.step()`, the launch of the program,
and in it the call of the program alone, which takes and gives each parameter, gradient and state as
an array of its own. And what the user's program costs if modules compute nothing: five module calls
whose `forward` gives back its argument. Contenders take turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from _timing import machine, table

import flambeau
from flambeau._engine import executor, recorder
from flambeau._engine.program import Program
from flambeau.cli._bench import cases, child

PARTS = ("zero_grad()", "model(x)", "loss", "backward()", "step()")


class Nothing(flambeau.nn.Module):
    """Gives back its argument."""

    def forward(self, x: Any) -> Any:
        return x


def timed(into: list[float], call: Callable[..., Any]) -> Callable[..., Any]:
    """A function that also keeps how long each call of it took."""

    def run(*args: Any) -> Any:
        start = time.perf_counter()
        result = call(*args)
        into.append(time.perf_counter() - start)
        return result

    return run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    model, loss_of, x, y = cases.CASES["tiny MLP"].make(flambeau)
    optimizer = flambeau.optim.Adam(model.parameters(), lr=1e-3)
    marks: list[list[float]] = []

    def step() -> Any:
        clock = time.perf_counter
        at = [clock()]
        optimizer.zero_grad()
        at.append(clock())
        out = model(x)
        at.append(clock())
        loss = loss_of(out, y)
        at.append(clock())
        loss.backward()
        at.append(clock())
        optimizer.step()
        at.append(clock())
        marks.append(at)
        return loss

    by_hand = child.build("JAX", "tiny MLP")
    empty = flambeau.nn.Sequential(*[Nothing() for _ in range(5)])
    for _ in range(100):
        child.wait(step())
        child.wait(by_hand())
    marks.clear()

    launches: list[float] = []
    calls: list[float] = []
    recorder.set_executor(timed(launches, executor.execute))
    call = Program.__call__
    times: dict[str, list[float]] = {"jax": [], "step": [], "empty": []}
    for _ in range(rounds):
        for name, run in (("jax", by_hand), ("step", step), ("empty", lambda: empty(x))):
            Program.__call__ = timed(calls, call)
            start = time.perf_counter()
            for _ in range(200):
                result = run()
            if name != "empty":
                child.wait(result)
            times[name].append((time.perf_counter() - start) / 200)
            Program.__call__ = call
    recorder.set_executor(executor.execute)

    us = lambda values: f"{statistics.median(values) * 1e6:.0f}"
    rows = [
        ["JAX by hand, whole step", us(times["jax"])],
        ["unmodified, whole step", us(times["step"])],
    ]
    for i, part in enumerate(PARTS):
        rows.append([f"  {part}", us([at[i + 1] - at[i] for at in marks])])
    rows += [
        ["    in it the launch", us(launches)],
        ["      in it the program's call", us(calls)],
        ["five modules that compute nothing", us(times["empty"])],
    ]
    print(machine())
    print(table(["tiny MLP", "µs"], rows))


if __name__ == "__main__":
    main()
