"""Freezing that holds: parameters stay, and so do running statistics, whatever ``train()`` says.

A frozen module carries a :class:`Frozen` record in its ``__dict__``, so that copies and pickles
are frozen too. ``Module.train`` and ``Module.requires_grad_`` look at the record and only note
there what to do once the module is unfrozen.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from flambeau.nn.module import Module

__all__ = ["Frozen", "freeze", "is_frozen", "unfreeze"]

M = TypeVar("M", bound="Module")

_frozen: weakref.WeakSet[Any] = weakref.WeakSet()
"""The frozen modules, to know whether a shared parameter is still held by another one."""


@dataclass
class Frozen:
    """What a frozen module returns to.

    Attributes:
        times: how many ``freeze`` calls hold it.
        training: the mode that it will be in.
        wanted: by name, what ``requires_grad`` its own parameters will have.
    """

    times: int = 0
    training: bool = True
    wanted: dict[str, bool] = field(default_factory=dict)


def freeze(module: M) -> M:
    """Make a module a fixed function, until :func:`unfreeze`.

    Its parameters get no gradient and no optimizer moves them; it is in evaluation mode and
    stays there through ``train()``, so that running statistics do not move and dropout is off;
    ``requires_grad_(True)`` on a module around it leaves it alone. Copies and pickles of it are
    frozen as well; a state dict neither carries the freezing nor undoes it.

    Freezing nests: a module that was frozen twice, say on its own and as part of a larger one,
    is free when it has been unfrozen twice.

    Args:
        module: the module; everything below it is frozen too.

    Returns:
        The module.

    Raises:
        TypeError: ``module`` is not a module.

    Example:
        >>> import flambeau as torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        >>> _ = torch.freeze(net[1])
        >>> [m.training for m in net.train()]
        [True, False]
        >>> [name for name, p in net.named_parameters() if p.requires_grad]
        ['0.weight', '0.bias']
    """
    _check(module, "freeze")
    for each in module.modules():
        held = each._flambeau_frozen
        if held is None:
            held = each._flambeau_frozen = Frozen(0, each.training)
        held.times += 1
        _frozen.add(each)
        each.training = False
        for name, param in each._parameters.items():
            if param is not None:
                held.wanted.setdefault(name, param.requires_grad or _wanted(each, param))
    for param in module.parameters():
        param.requires_grad_(False)
        param.grad = None
    return module


def unfreeze(module: M) -> M:
    """Undo one :func:`freeze`: the module is in the mode, and its parameters have the
    ``requires_grad``, that they had before or were told to have since.

    What is not frozen is left alone, so that ``unfreeze(model.head)`` after ``freeze(model)``
    frees the head only, and ``unfreeze(model)`` then frees the rest.

    Args:
        module: the module; everything below it is unfrozen too.

    Returns:
        The module.

    Raises:
        TypeError: ``module`` is not a module.

    Example:
        >>> import flambeau as torch
        >>> net = torch.freeze(torch.nn.Linear(2, 2))
        >>> [p.requires_grad for p in net.parameters()]
        [False, False]
        >>> [p.requires_grad for p in torch.unfreeze(net).parameters()]
        [True, True]
    """
    _check(module, "unfreeze")
    freed = []
    for each in module.modules():
        held = each._flambeau_frozen
        if held is None:
            continue
        _frozen.add(each)  # a copy is not there yet
        held.times -= 1
        if held.times == 0:
            freed.append((each, held))
            _frozen.discard(each)
            del each._flambeau_frozen
    for each, held in freed:
        each.training = held.training
        for name, wanted in held.wanted.items():
            param = each._parameters.get(name)
            if param is not None and wanted and not held_elsewhere(param):
                param.requires_grad_(True)
    return module


def is_frozen(module: Module) -> bool:
    """Whether :func:`freeze` holds a module itself (modules below it may be held alone).

    Example:
        >>> import flambeau as torch
        >>> net = torch.freeze(torch.nn.Linear(2, 2))
        >>> torch.is_frozen(net), torch.is_frozen(torch.unfreeze(net))
        (True, False)
    """
    _check(module, "is_frozen")
    return module._flambeau_frozen is not None


def held_elsewhere(param: Any) -> bool:
    """Whether some frozen module has this parameter."""
    return any(p is param for m in list(_frozen) for p in m._parameters.values())


def _wanted(module: Any, param: Any) -> bool:
    """What another frozen module that shares a parameter will make of it."""
    return any(
        p is param and m._flambeau_frozen.wanted.get(name, False)
        for m in list(_frozen)
        if m is not module
        for name, p in m._parameters.items()
    )


def _check(module: Any, who: str) -> None:
    from flambeau.nn.module import Module

    if not isinstance(module, Module):
        raise TypeError(
            f"{who}() takes an nn.Module, not {type(module).__name__}; for a single parameter "
            "write param.requires_grad_(False)"
        )
