"""What a report carries besides its findings: plain data for JSON and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flambeau._doctor.facts import Facts, ParameterFact


def data_of(
    models: Sequence[Facts], observed: int, timeline: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Models with their trees and parameters, and what happened when."""
    return {
        "observed": observed,
        "models": [
            {
                "name": facts.root,
                "modules": [
                    {"path": m.path, "kind": m.kind, "parent": m.parent, "calls": m.calls}
                    for m in facts.modules
                ],
                "parameters": [_parameter(p) for p in facts.parameters],
                "buffers": [
                    {"name": b.name, "shape": list(b.shape), "dtype": b.dtype}
                    for b in facts.buffers
                ],
            }
            for facts in models
        ],
        "timeline": list(timeline),
    }


def _parameter(p: ParameterFact) -> dict[str, Any]:
    events = p.trace.events
    last = events[-1] if events else None
    ratio = None
    if last is not None and last.update is not None and last.weight:
        ratio = last.update / last.weight
    return {
        "name": p.name,
        "shape": list(p.shape),
        "elements": p.elements,
        "dtype": p.dtype,
        "trainable": p.trainable,
        "tied": p.aliases,
        "place": f"{p.place[0]}:{p.place[1]}" if p.place else "",
        "weight": _plain(last.weight if last else None),
        "grad": _plain(last.grad if last else None),
        "update": _plain(ratio),
        "grad_histogram": p.trace.grad_histogram,
        "update_histogram": p.trace.update_histogram,
    }


def _plain(value: float | None) -> float | str | None:
    """JSON has no NaN."""
    if value is None or value - value == 0:
        return value
    return str(value)
