"""What the automatic warnings cost a tiny training step in which nothing is wrong.

    python benchmarks/warnings_cost.py

The step (two linear layers, SGD, batch 4) runs in blocks, alternately as it is and with the
checks taken out: the look-up in `Module.__call__` and in `Optimizer.step`, and the notes of
`backward()` and `step()`. Timed is the processor time of the thread that records and launches,
since a busy machine moves the clock far more than the checks do. The figure is the median over
pairs of blocks.
"""

from __future__ import annotations

import argparse
import inspect
import statistics
import textwrap
import time
from collections.abc import Callable
from typing import Any

import flambeau as torch
from flambeau._tensor import history
from flambeau._traceback import is_sealed, sealed
from flambeau.nn._module import call as call_module
from flambeau.optim import optimizer as optimizer_module


def without(function: Callable[..., Any], scope: dict[str, Any], *lines: str) -> Any:
    """The function with some of its lines left out."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    for line in lines:
        assert line in source, line
        source = source.replace(line, "")
    made: dict[str, Any] = {}
    exec(compile(source, "<without checks>", "exec"), scope, made)
    return made[function.__name__]


class Switch:
    """Takes the checks out and puts them back."""

    def __init__(self) -> None:
        self.call = call_module.Call.__call__
        bare = without(
            self.call,
            vars(call_module),
            "    if depth == 0 and id(self) not in examined:\n        examine(self)\n",
        )
        self.bare_call = sealed(bare) if is_sealed(self.call) else bare
        self.wrap = optimizer_module.Optimizer.profile_hook_step
        self.notes = history.note, history.stepped
        step = torch.optim.SGD.step
        self.step = step
        scope = vars(optimizer_module)
        wrapper = without(
            self.wrap,
            scope,
            "@staticmethod\n",
            "        if lost_ids:\n            watch.look_for_lost(self)\n",
            "        history.stepped()\n",
        )
        bare = wrapper(inspect.unwrap(step))
        self.bare_step = sealed(bare) if is_sealed(step) else bare

    def set(self, on: bool) -> None:
        call_module.Call.__call__ = self.call if on else self.bare_call
        torch.optim.SGD.step = self.step if on else self.bare_step
        history.note = self.notes[0] if on else lambda node: None


def main(blocks: int = 600, steps: int = 20) -> float:
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.randn(4, 8), torch.randn(4, 1)

    def step() -> None:
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()

    def block() -> float:
        began = time.thread_time()
        for _ in range(steps):
            step()
        return (time.thread_time() - began) / steps

    switch = Switch()
    for on in (True, False):
        switch.set(on)
        for _ in range(20):
            step()
    ratios, times = [], []
    for index in range(blocks):
        pair = {}
        for on in (True, False) if index % 2 else (False, True):
            switch.set(on)
            pair[on] = block()
        ratios.append(pair[True] / pair[False])
        times.append(pair[False])
    switch.set(True)
    cost = statistics.median(ratios) - 1
    low, high = statistics.quantiles(ratios, n=4)[0] - 1, statistics.quantiles(ratios, n=4)[2] - 1
    print(
        f"a step without checks: {statistics.median(times) * 1e6:.0f} us; "
        f"with them {cost:+.2%} (quartiles {low:+.2%} to {high:+.2%})"
    )
    return cost


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=600)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    main(options.blocks, options.steps)
