"""State dicts that were kept: they are aliases, and show what the model has become since.

``Module.state_dict`` marks the tensors that it gives out with when it did so. Loading or saving
one of them after an optimizer has moved it is the classic ``best = model.state_dict()``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flambeau._tensor.core import TensorBase
from flambeau._warnings import user_place, warn


class Updates:
    """How many optimizer updates there have been in this process."""

    count = 0


updates = Updates()


class Given:
    """One ``state_dict()`` call.

    Attributes:
        owner: the class of the module.
        count: of updates at that time.
        place: file and line of the call.
    """

    __slots__ = ("__weakref__", "count", "owner", "place")

    def __init__(self, owner: str):
        self.owner = owner
        self.count = updates.count
        self.place = user_place()


def mark(owner: str, tensors: Iterable[Any]) -> None:
    """Note that these tensors were given out as a state dict now."""
    given = Given(owner)
    for t in tensors:
        if isinstance(t, TensorBase) and t._chain is None:
            t._given = (given, t._storage.version)


def look_for_alias(t: Any, verb: str) -> None:
    """Warn, once per state dict, when a tensor of it moved before it is loaded or saved.

    What the user wrote into it himself is no reason: it takes an optimizer's update.
    """
    if t._given is None:
        return
    given, version = t._given
    if given.count == updates.count or version == t._storage.version:
        return
    file, line = given.place
    warn(
        "FB011",
        f"the state dict that {given.owner}.state_dict() gave at {file}:{line} is {verb} after "
        f"{updates.count - given.count} later optimizer update(s): it is an alias and holds what "
        "the model is now, not what it was then; keep flambeau.snapshot(model) (or "
        "copy.deepcopy(model.state_dict())) instead",
        owner=given,
    )
