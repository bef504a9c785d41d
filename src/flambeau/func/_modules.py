"""Modules as functions of their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._tensor.functions.joining import stack
from flambeau.nn.module import Module
from flambeau.nn.utils import stateless


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Any] | Sequence[dict[str, Any]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call `module` with the given tensors in place of its parameters and buffers.

    Args:
        module: what to call; it is unchanged afterwards.
        parameter_and_buffer_dicts: tensors by name, in one dictionary or several; the rest is
            the module's own.
        args: the positional arguments, a tuple or the only one.
        kwargs: the keyword arguments.
        tie_weights: whether a tied tensor given under one name counts for all of them.
        strict: whether every name must be given and known.

    Raises:
        ValueError: two dictionaries hold one name, or tied names get different tensors.
        RuntimeError: strictness is hurt.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> tensors = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
        >>> torch.func.functional_call(layer, tensors, torch.tensor([1.0, 2.0]))
        tensor([3.])

    Follows ``torch.func.functional_call``.
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        tensors = parameter_and_buffer_dicts
    elif isinstance(parameter_and_buffer_dicts, Sequence):
        tensors = {}
        for i, part in enumerate(parameter_and_buffer_dicts):
            if not isinstance(part, dict):
                raise ValueError(
                    "Expected all elements of parameter_and_buffer_dicts to be dictionaries, got "
                    f"{type(part)} at {i}"
                )
            twice = sorted(set(tensors) & set(part))
            if twice:
                raise ValueError(
                    f"{twice} appeared in multiple dictionaries; behavior of functional call is "
                    "ambiguous"
                )
            tensors.update(part)
    else:
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(parameter_and_buffer_dicts)}"
        )
    return stateless.functional_call(
        module, tensors, args, kwargs, tie_weights=tie_weights, strict=strict
    )


def stack_module_state(
    models: Sequence[Module],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several modules, stacked for ``vmap``.

    Args:
        models: modules of one class, all in the same mode.

    Returns:
        Two dictionaries: parameters, which are leaves of their own, and buffers.

    Raises:
        RuntimeError: there is none, or they differ in class or in mode.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.func import functional_call, stack_module_state, vmap
        >>> models = [torch.nn.Linear(2, 3) for _ in range(4)]
        >>> params, buffers = stack_module_state(models)
        >>> x = torch.ones(5, 2)
        >>> vmap(lambda p: functional_call(models[0], p, x))(params).shape
        torch.Size([4, 5, 3])

    Follows ``torch.func.stack_module_state``.
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = _stacked([dict(m.named_parameters()) for m in models])
    buffers = _stacked([dict(m.named_buffers()) for m in models])
    return params, buffers


def _stacked(tables: list[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for name, first in tables[0].items():
        column = [table[name] for table in tables]
        needs = [t.requires_grad for t in column]
        if any(needs) != all(needs):
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        with no_grad():
            joined = stack([t.detach() for t in column])
        found[name] = joined.requires_grad_() if first.requires_grad else joined
    return found
