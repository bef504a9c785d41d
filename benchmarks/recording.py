"""What recording costs: processor time of the Python thread per node, over a transformer step."""

from __future__ import annotations

import statistics
import time

from _models import train_step
from _timing import machine, table

import flambeau
from flambeau._engine import executor, recorder
from flambeau._engine.program import stats


def main(rounds: int = 40) -> None:
    step = train_step(flambeau, "GPT")
    for _ in range(3):
        step().item()
    nodes, launching, totals = [], [], []
    execute = executor.execute

    def timed(graph) -> None:
        nodes[-1] += graph.state.depth
        start = time.thread_time()
        execute(graph)
        launching[-1] += time.thread_time() - start

    recorder.set_executor(timed)
    before = stats.programs
    try:
        for _ in range(rounds):
            nodes.append(0)
            launching.append(0.0)
            start = time.thread_time()
            loss = step()
            totals.append(time.thread_time() - start)
            loss.item()  # the device is idle again before the next round
    finally:
        recorder.set_executor(execute)
    per_node = [(t - run) / n for t, run, n in zip(totals, launching, nodes, strict=True)]
    rows = [
        ["nodes per step", str(nodes[-1])],
        ["recording, µs per node (median)", f"{statistics.median(per_node) * 1e6:.1f}"],
        ["launching, µs per step (median)", f"{statistics.median(launching) * 1e6:.0f}"],
        ["new programs", str(stats.programs - before)],
    ]
    print(machine())
    print(table(["GPT step, unmodified program", ""], rows))


if __name__ == "__main__":
    main()
