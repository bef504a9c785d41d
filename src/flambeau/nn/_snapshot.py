"""Copies of a model's state that cost nothing until the model moves on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from flambeau._tensor.core import value_of, wrap
from flambeau.nn._core import Tensor

__all__ = ["snapshot"]


def snapshot(model: Any) -> Any:
    """The state dict of a model (or optimizer, scheduler…) as it is now, for good.

    ``model.state_dict()`` holds the model's own tensors and changes with them; this does not.
    Arrays are immutable, so nothing is copied here: the model's next update writes into new
    memory instead of the old.

    Args:
        model: anything with ``state_dict()``, or a state dict.

    Returns:
        The state dict, of the same structure, with detached tensors of its own; tensors that
        are one tensor under several names stay so.

    Raises:
        TypeError: ``model`` has no state.

    Example:
        >>> import flambeau as torch
        >>> model = torch.nn.Linear(1, 1)
        >>> best = torch.snapshot(model)
        >>> before = model.weight.item()
        >>> with torch.no_grad():
        ...     _ = model.weight.add_(1)
        >>> _ = model.load_state_dict(best)
        >>> model.weight.item() == before
        True
    """
    state = model.state_dict() if hasattr(model, "state_dict") else model
    if not isinstance(state, Mapping):
        raise TypeError(
            f"snapshot() takes a module, an optimizer or a state dict, not {type(model).__name__}"
        )
    return _copied(state, {})


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    if isinstance(value, Tensor):
        # The storage, not the tensor: a tied one is given out as two.
        key = id(value._storage) if value._chain is None else id(value)
        made = memo.get(key)
        if made is None:
            made = memo[key] = wrap(value_of(value))
        return made
    if isinstance(value, Mapping):
        copied: Any = type(value)() if isinstance(value, dict) else {}
        for name, held in value.items():
            copied[name] = _copied(held, memo)
        if isinstance(value, OrderedDict):
            vars(copied).update(vars(value))  # the versions of the modules
        return copied
    if isinstance(value, (list, tuple)):
        items = [_copied(held, memo) for held in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value
