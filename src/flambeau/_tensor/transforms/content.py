"""How tensors enter and leave a level."""

from __future__ import annotations

from typing import Any

from flambeau._autograd.levels import Held, Level, top
from flambeau._autograd.tape import Tracked
from flambeau._tensor.core import TensorBase, value_of, wrap


def inside(level: Level, t: Any) -> Any:
    """A tensor of the level that stands for one from outside, without a history inside."""
    return wrap(level.value(Held(value_of(t), t._edge)))


def held(level: Level, t: Any) -> Held:
    """What a tensor stands for below the level; one from outside stands for itself."""
    value = value_of(t)
    if top(value) is level:
        return value.place[1]
    return Held(value, t._edge)


def outside(level: Level, x: Any) -> Any:
    """A tensor of the level as one below it; anything else as it is."""
    if not isinstance(x, TensorBase) or top(value_of(x)) is not level:
        return x
    content = held(level, x)
    return wrap(content.value, content.edge)


def tracked(t: Any) -> Tracked:
    """A tensor's Value and history."""
    return Tracked(value_of(t), t._edge)
