"""Mistakes around optimizers, noticed at ``step()``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flambeau._warnings import Noted, warn
from flambeau.nn._module.watch import lost, replaced_at, successor

if TYPE_CHECKING:
    from flambeau.optim.optimizer import Optimizer

made = Noted()
"""Every optimizer that is alive, with file and line of where it was built."""
_looked = Noted()


def look_for_lost(optimizer: Optimizer) -> None:
    """Warn of parameters that were replaced in the model and are still in the optimizer."""
    if _looked.get(optimizer) == lost.version:
        return
    _looked.add(optimizer, lost.version)
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    stale, places = [], []
    for index, group in enumerate(optimizer.param_groups):
        for param in group["params"]:
            found = successor(param) if param in lost else None
            if found is not None and found[2].requires_grad and id(found[2]) not in held:
                stale.append((index, found[1], type(found[0]).__name__))
                places.append(replaced_at(param) or ("<unknown>", 0))
    if not stale:
        return
    index, path, root = stale[0]
    more = f" (and {len(stale) - 1} more: {_listed(stale[1:])})" if stale[1:] else ""
    warn(
        "FB006",
        f"{type(optimizer).__name__}: group {index} holds a tensor that was '{path}' and is no "
        f"longer in the model{more}; {root} has another parameter there, which no group holds "
        f"(replaced at {places[0][0]}:{places[0][1]}). "
        "Build the optimizer after the last change to the model, or hand the new parameter to "
        "add_param_group()",
        owner=optimizer,
    )


def _listed(stale: list[tuple[int, str, str]]) -> str:
    names = ", ".join(f"'{path}'" for _, path, _ in stale[:5])
    return names if len(stale) <= 5 else f"{names}, ..."
