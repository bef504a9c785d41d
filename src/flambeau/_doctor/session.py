"""Watches a whole program: attaches by itself to the models and optimizers that it sees."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

from flambeau import _warnings
from flambeau._config import config
from flambeau._doctor import checks
from flambeau._doctor.api import STATIC
from flambeau._doctor.collect import collect
from flambeau._doctor.data import data_of
from flambeau._doctor.facts import Facts
from flambeau._doctor.finding import Finding, Report
from flambeau._doctor.observe import Observer
from flambeau._engine.program import stats
from flambeau.nn._module import watch
from flambeau.nn.module import register_module_forward_hook
from flambeau.optim import _watch

CLOSELY = 6
MOST_MODELS = 8
MOST_TICKS = 2000


def sampled(step: int) -> bool:
    """The first steps, and then ever fewer: 8, 16, 32, ..."""
    return step < CLOSELY or step & (step - 1) == 0


class Session:
    """From :meth:`start` to :meth:`finish`, everything that trains is watched."""

    def __init__(self) -> None:
        self.observer = Observer(sampled, self._on_step)
        self.observer.roots = self._roots_of
        self.observer.tick = self._tick
        self.models: dict[int, Any] = {}  # kept alive: a program may be done with its model
        self.heard: list[Finding] = []
        self.found: dict[tuple[str, str], Finding] = {}
        self.ticks: list[dict[str, Any]] = []
        self._outer = _warnings.Noted()
        self._every = 1
        self._handles: list[Any] = []
        self._began = 0.0
        self._silenced: frozenset[str] = frozenset()

    def start(self) -> None:
        """Attach. Warnings are not shown meanwhile, since the report has them."""
        self._began = time.perf_counter()
        self._silenced = config.silenced
        config.silenced |= {_warnings.ALL}
        _warnings.listeners.append(self._hear)
        self.observer.attach()
        self._handles = [register_module_forward_hook(self._called)]

    def finish(self) -> Report:
        """Detach, look at everything once more, and report."""
        for handle in self._handles:
            handle.remove()
        self.observer.detach()
        if self._hear in _warnings.listeners:
            _warnings.listeners.remove(self._hear)
        config.silenced = self._silenced
        gc.collect()  # optimizers and schedulers hold each other: only those in use are left
        everything = []
        for model in self.models.values():
            facts = self._facts(model)
            everything.append(facts)
            for finding in checks.findings(facts):
                self.found.setdefault((finding.code, finding.path), finding)
        stale = {path for code, path in self.found if code == "FB006"}
        for path in stale:  # that nobody has the new one is the same mistake
            self.found.pop(("FB007", path), None)
        known = {(f.code, f.place) for f in self.found.values()}
        codes = {f.code for f in self.found.values()}
        for finding in self.heard:
            # What a warning said may be in the facts, with more to it.
            if finding.code in STATIC and (
                (finding.code, finding.place) in known or (finding.code in codes & {"FB006"})
            ):
                continue
            self.found.setdefault((finding.code, finding.text), finding)
        return Report(
            list(self.found.values()), data_of(everything, self.observer.steps, self.ticks)
        )

    # ---- what is seen

    def _hear(self, code: str, text: str, file: str, line: int, owner: Any) -> None:
        finding = Finding(code, "", text, file, line)
        if finding not in self.heard and len(self.heard) < 200:
            self.heard.append(finding)

    def _called(self, module: Any, args: Any, result: Any) -> None:
        if watch.calls.depth != 1 or module in self._outer:
            return
        self._outer.add(module)
        root = watch.root_of(module)[0]
        if id(root) in self.models or next(root.parameters(), None) is None:
            return
        if len(self.models) >= MOST_MODELS:
            self.models.pop(next(iter(self.models)))
        self.models[id(root)] = root

    def _roots_of(self, optimizer: Any) -> list[Any]:
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        return [m for m in self.models.values() if any(id(p) in held for p in m.parameters())]

    def _optimizers(self, model: Any) -> list[Any]:
        own = {id(p) for p in model.parameters()}
        return [
            optimizer
            for optimizer, _ in _watch.made.items()
            if any(id(p) in own for group in optimizer.param_groups for p in group["params"])
        ]

    def _facts(self, model: Any) -> Facts:
        optimizers = self._optimizers(model)
        facts = collect(model, optimizers, self.observer.covered)
        facts.whole_program = True
        facts.taking_turns = _turns(self.observer.order, optimizers)
        return self.observer.complete(facts, model)

    def _on_step(self, optimizer: Any) -> None:
        """Optimizers come and go: what is wrong with one is looked for while it is there."""
        for model in self._roots_of(optimizer):
            facts = self._facts(model)
            for subject in (checks.registration, checks.optimizers):
                for finding in subject.check(facts):
                    if finding.code != "FB007":  # another optimizer may have it yet
                        self.found.setdefault((finding.code, finding.path), finding)

    def _tick(self) -> None:
        if self.observer.steps % self._every:
            return
        self.ticks.append(
            {
                "step": self.observer.steps,
                "seconds": round(time.perf_counter() - self._began, 4),
                "programs": stats.programs,
                "compiling": round(stats.compile_seconds, 3),
                "memory": memory(),
            }
        )
        if len(self.ticks) > MOST_TICKS:
            self.ticks = self.ticks[::2]
            self._every *= 2


def _turns(order: list[int], optimizers: list[Any]) -> set[tuple[int, int]]:
    """Pairs of optimizers that step by turns, as positions in the list."""
    changes = [key for i, key in enumerate(order) if not i or order[i - 1] != key]
    found = set()
    for i, a in enumerate(optimizers):
        for j, b in enumerate(optimizers[:i]):
            if min(changes.count(id(a)), changes.count(id(b))) >= 2:
                found.add((j, i))
    return found


def memory() -> int | None:
    """Bytes that the process holds in memory, where the system tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * 4096
