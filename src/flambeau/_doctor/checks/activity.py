"""Modules that no forward calls."""

from __future__ import annotations

from collections.abc import Iterator

from flambeau._doctor.checks._common import finding
from flambeau._doctor.facts import Facts
from flambeau._doctor.finding import Finding


def check(facts: Facts) -> Iterator[Finding]:
    """The outermost modules that were never called, those that got gradients otherwise aside."""
    watched = any(len(p.trace.events) > 1 for p in facts.parameters)
    if not watched or not any(m.calls for m in facts.modules):
        return
    used = {
        p.module for p in facts.parameters if any(e.grad is not None for e in p.trace.events)
    } | {m.path for m in facts.modules if m.calls}
    told: list[str] = []
    for module in facts.modules:
        path = module.path
        if not path or not module.callable or any(path.startswith(f"{t}.") for t in told):
            continue
        if any(u == path or u.startswith(f"{path}.") for u in used):
            continue
        told.append(path)
        own = [p for p in facts.parameters if p.name.startswith(f"{path}.")]
        if any(p.trace.events for p in own):
            continue  # it is said of its parameters
        text = f"{module.kind} '{path}' was not called in {facts.observed} steps"
        yield finding(
            "FB028", path, text, module.place, "" if any(p.trainable for p in own) else "hint"
        )
