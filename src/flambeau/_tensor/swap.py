"""Small helpers of ``torch.utils``."""

from __future__ import annotations

from typing import Any

from flambeau._engine.changes import changes

__all__ = ["set_module", "swap_tensors"]


def set_module(obj: Any, mod: str) -> None:
    """Set the module that an object says it is of. Follows ``torch.utils.set_module``."""
    if not isinstance(mod, str):
        raise TypeError(f"The mod argument should be a string, got {type(mod).__name__}")
    obj.__module__ = mod


def swap_tensors(t1: Any, t2: Any) -> None:
    """Exchange what two tensors are: content, class, history and attributes.

    Every name that meant the one means the other's content afterwards.

    Raises:
        RuntimeError: one has a gradient graph behind it that holds the object itself.

    Example:
        >>> import flambeau as torch
        >>> a, b = torch.zeros(1), torch.ones(2)
        >>> torch.utils.swap_tensors(a, b)
        >>> a, b
        (tensor([1., 1.]), tensor([0.]))

    Follows ``torch.utils.swap_tensors``.
    """
    for t in (t1, t2):
        if t._edge is not None and t.is_leaf and t._leaf is not None and t._leaf.hooks:
            raise RuntimeError("swap_tensors: Cannot swap a tensor that has hooks; remove them")
    classes = type(t1), type(t2)
    mine, theirs = dict(t1.__dict__), dict(t2.__dict__)
    for t, cls, state in ((t1, classes[1], theirs), (t2, classes[0], mine)):
        wants = state.get("_edge") is not None and state.get("_leaf") is not None
        leaf = state.pop("_leaf", None)
        if wants:
            state.pop("_edge")
        t.__dict__.clear()
        if type(t) is not cls:
            t.__class__ = cls
        t.__dict__.update(state)
        if wants:
            t.requires_grad_(True)
            t.grad = leaf.grad
    changes.count += 1
