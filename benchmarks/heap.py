"""What the free blocks that compiling leaves cost a step: with them and without them, in turn.

The case is compiled in this process, without the disk cache, and its step runs with the free
blocks in malloc's lists and with these taken (:mod:`flambeau._engine.holes`), round after round.
``python benchmarks/heap.py [CASE]... [--beside JAX] [--quick]``.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from typing import Any

os.environ["FLAMBEAU_CACHE_DIR"] = ""

from flambeau._engine import memory
from flambeau._engine.holes import SIZES, Holes
from flambeau.cli._bench import child


class Noted:
    """glibc, with a malloc that notes what it gave, to have it back."""

    def __init__(self, libc: Any):
        self._libc = libc
        self.given: list[int] = []

    def malloc(self, size: int) -> int:
        self.given.append(self._libc.malloc(size))
        return self.given[-1]

    def take_back(self) -> None:
        while self.given:
            self._libc.free(self.given.pop())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._libc, name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=["GPT", "ResNet-18"])
    parser.add_argument("--beside", choices=["JAX", "torch"], help="a peer that runs here, too")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    take, Holes.take = Holes.take, lambda self: None
    print("| case | free blocks | with, ms, switches | taken, ms, switches | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for case in options.cases:
        step = child.build("flambeau.compile", case)
        for _ in range(4):
            child.wait(step())
        if options.beside:
            peer = child.build(options.beside, case)
            for _ in range(3):
                child.wait(peer())
        start = time.perf_counter()
        child.wait(step())
        count = max(1, int(0.4 / (time.perf_counter() - start)))
        libc = memory._glibc()
        holes, noted = Holes(libc), Noted(libc)
        holes._libc = noted
        free = holes.count(SIZES[-1])
        times: dict[str, list[tuple[float, float]]] = {"with": [], "taken": []}
        for _ in range(3 if options.quick else 15):
            for name, taken in times.items():
                if name == "taken":
                    take(holes)
                child.wait(step())
                switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
                start = time.perf_counter()
                result = None
                for _ in range(count):
                    result = step()
                child.wait(result)
                seconds = (time.perf_counter() - start) / count
                switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - switches
                taken.append((seconds, switches / count))
            noted.take_back()
        cells = [
            f"{statistics.median(t for t, _ in taken) * 1e3:.1f}, "
            f"{statistics.median(n for _, n in taken):.0f}"
            for taken in times.values()
        ]
        pairs = zip(times["taken"], times["with"], strict=True)
        ratio = statistics.median(a / b for (a, _), (b, _) in pairs)
        print(f"| {case} | {free} | {cells[0]} | {cells[1]} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
