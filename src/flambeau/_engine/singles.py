"""Operations compiled alone, for graphs that run operation by operation."""

from __future__ import annotations

import functools
from typing import Any

import jax

from flambeau._config import config
from flambeau._engine import xla
from flambeau._engine.aval import Aval
from flambeau._engine.call import Call
from flambeau._engine.device import Place
from flambeau._engine.layout import Layout
from flambeau._ops.target import Target, formulating

Avals = tuple[Aval | None, ...]

_made: dict[tuple[Call, Avals, Place, Target], Any] = {}


def know(layout: Layout, device: Place) -> bool:
    """Whether every operation of a graph is compiled alone."""
    return all(
        (step.call, avals, device, layout.target) in _made
        for step, avals in zip(layout.steps, layout.inputs, strict=True)
    )


def compiled(call: Call, avals: Avals, device: Place, target: Target) -> Any:
    """An operation on such inputs, as a function of its arrays.

    Args:
        call: the operation.
        avals: of its inputs; None where an optional one is absent, and so is its array.
        device: where it will run.
        target: what it is formulated for.
    """
    key = (call, avals, device, target)
    found = _made.get(key)
    if found is None:
        structs = [a and jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
        with formulating(target):
            # A function of its own: JAX keeps what it traced by the function's identity.
            lowered = jax.jit(functools.partial(call.fn)).lower(*structs)
        found = xla.attempt(device, lambda o: lowered.compile(compiler_options=o))
        if len(_made) >= config.max_programs:
            _make_room()
        _made[key] = found
    return found


def _make_room() -> None:
    """Drop the quarter that was made first: a process may hold a limited number of them."""
    for key in list(_made)[: max(1, config.max_programs // 4)]:
        _made.pop(key, None)
