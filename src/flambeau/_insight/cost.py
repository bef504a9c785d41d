"""What an operation costs, by XLA's own count, without compiling or running it."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from flambeau._engine.recorder import State, _avals_of


class Cost(NamedTuple):
    """Floating point operations, and bytes read and written."""

    flops: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Any) -> Cost:
        return Cost(self.flops + other.flops, self.bytes + other.bytes)


_known: dict[Any, Cost] = {}


def cost_of(step: State) -> Cost:
    """The cost of one recorded operation; counted once for each operation and shapes."""
    assert step.parent is not None
    avals = _avals_of(step.parent, step.inputs, step.leaves)
    key = (step.call, avals)
    found = _known.get(key)
    if found is None:
        structs = [a and jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
        with jax.enable_x64(True):
            lowered = jax.jit(step.call.fn).lower(*structs)
        found = _known[key] = analysis(lowered)
    return found


def analysis(stage: Any) -> Cost:
    """XLA's count for something lowered or compiled; zeros where the backend has none."""
    found = stage.cost_analysis()
    if isinstance(found, (list, tuple)):
        found = found[0] if found else None
    found = found or {}
    return Cost(
        max(0.0, float(found.get("flops", 0.0))), max(0.0, float(found.get("bytes accessed", 0.0)))
    )


def steps_between(start: State, end: State) -> list[State]:
    """The operations recorded after one state up to another; all up to ``end`` if not below it."""
    found = []
    at: State | None = end
    while at is not None and at is not start and at.parent is not None:
        found.append(at)
        at = at.parent
    found.reverse()
    return found


def quantity(value: float, unit: str = "") -> str:
    """``1.23 M`` for 1,234,567."""
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.2f} {prefix}{unit}"
    return f"{value:g} {unit}".rstrip()
