"""What recording costs: processor time of the Python thread, over a transformer training step.

Every recorded operation is timed on its own, from the public call (forward) or the tape node
(backward) to the Value it gives; the figure is the median. The mean over the whole step adds
what is around it: the modules' and the user's own Python, the walk through the tape, the
optimizer.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from _models import train_step
from _timing import machine, table

import flambeau
from flambeau._autograd import backward
from flambeau._engine import executor, recorder
from flambeau._engine.program import stats
from flambeau._tensor import dispatch, rehearsal


def timed(function: Callable[..., Any], into: list[float]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        start = time.thread_time_ns()
        result = function(*args, **kwargs)
        into.append((time.thread_time_ns() - start) / 1e3)
        return result

    return wrapper


def replace(function: Callable[..., Any], by: Callable[..., Any]) -> None:
    """Put one function in the place of another wherever a module or a public function holds it."""
    for namespace in [vars(m) for m in list(sys.modules.values()) if m is not None]:
        for name in [k for k, v in namespace.items() if v is function]:
            namespace[name] = by
    for scope in gc.get_objects():
        if type(scope) is dict and scope.get("_run") is function:
            scope["_run"] = by


def main(rounds: int = 40) -> None:
    step = train_step(flambeau, "GPT")
    for _ in range(3):
        step().item()

    launching: list[float] = []
    nodes: list[int] = []
    execute = executor.execute

    def counted(graph: Any, aside: bool = False) -> None:
        nodes.append(graph.state.depth)
        start = time.thread_time()
        execute(graph, aside)
        launching.append(time.thread_time() - start)

    recorder.set_executor(counted)
    before = stats.programs
    totals = []
    for _ in range(rounds):
        start = time.thread_time()
        loss = step()
        totals.append(time.thread_time() - start)
        loss.item()  # the device is idle again before the next round
    whole = [(t - run) / n for t, run, n in zip(totals, launching, nodes, strict=True)]

    empty: list[float] = []
    nothing = timed(lambda: None, empty)
    for _ in range(1000):
        nothing()
    forward, back = [], []
    run, run_node = dispatch.run, backward._run_node
    replace(run, timed(run, forward))
    replace(run_node, timed(run_node, back))
    for _ in range(rounds):
        step().item()
    passes: list[float] = []
    form_of = rehearsal.form_of
    rehearsal.run, rehearsal.form_of = timed(rehearsal.run, passes), timed(form_of, passes)
    for _ in range(rounds):
        step().item()
    known = statistics.median([a + b for a, b in zip(passes[::2], passes[1::2], strict=True)])
    rehearsal.form_of = lambda tensor: None  # gone through, as the first two times
    for _ in range(rounds):
        step().item()
    rehearsal.form_of = form_of
    clock = statistics.median(empty)
    rows = [
        ["nodes per step", str(nodes[-1])],
        ["recording one node, µs (median)", f"{statistics.median(forward + back) - clock:.1f}"],
        ["  of the forward", f"{statistics.median(forward) - clock:.1f}"],
        ["  of a backward pass that is gone through", f"{statistics.median(back) - clock:.1f}"],
        ["a backward pass that is known, µs", f"{known:.0f}"],
        ["the whole step per node, µs", f"{statistics.median(whole) * 1e6:.1f}"],
        ["launching, µs per step", f"{statistics.median(launching) * 1e6:.0f}"],
        ["new programs", str(stats.programs - before)],
    ]
    print(machine())
    print(table(["GPT step, unmodified program", ""], rows))


if __name__ == "__main__":
    main()
