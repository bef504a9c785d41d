"""Calling a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flambeau.nn.module import Module

__all__ = ["functional_call"]


def _owner(module: Module, path: str) -> tuple[Module, str]:
    prefix, _, name = path.rpartition(".")
    return (module.get_submodule(prefix) if prefix else module), name


def _tied(module: Module) -> dict[str, list[str]]:
    """All names of each tensor that has several, by each of its names."""
    names: dict[int, list[str]] = {}
    for listed in (
        module.named_parameters(remove_duplicate=False),
        module.named_buffers(remove_duplicate=False),
    ):
        for name, tensor in listed:
            names.setdefault(id(tensor), []).append(name)
    return {name: group for group in names.values() if len(group) > 1 for name in group}


@contextmanager
def swapped(
    module: Module, tensors: dict[str, Any], *, tie_weights: bool, strict: bool
) -> Iterator[None]:
    """Inside, the named parameters and buffers are the given tensors."""
    wanted = dict(tensors)
    if tie_weights:
        for name, group in _tied(module).items():
            if name in tensors:
                for other in group:
                    if other in tensors and tensors[other] is not tensors[name]:
                        raise ValueError(
                            f"functional_call got multiple values for keys {sorted(group)}, which "
                            "are tied. Consider using tie_weights=False"
                        )
                    wanted[other] = tensors[name]
    known = {n for n, _ in module.named_parameters(remove_duplicate=False)}
    known |= {n for n, _ in module.named_buffers(remove_duplicate=False)}
    unexpected = sorted(set(tensors) - known)
    if strict and (unexpected or known - set(wanted)):
        text = "Error(s) in strictly matching the module's parameters and buffers:"
        if unexpected:
            text += f"\n\tUnexpected key(s): {unexpected}."
        if known - set(wanted):
            text += f"\n\tMissing key(s): {sorted(known - set(wanted))}."
        raise RuntimeError(text)
    held: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for path, tensor in wanted.items():
            if path not in known:
                continue
            owner, name = _owner(module, path)
            table = owner._parameters if name in owner._parameters else owner._buffers
            held.append((table, name, table[name]))
            table[name] = tensor
        yield
        for (table, name, _), path in zip(held, [p for p in wanted if p in known], strict=True):
            # A buffer that forward assigned anew is the caller's to see.
            if path in tensors and table[name] is not wanted[path]:
                tensors[path] = table[name]
    finally:
        for table, name, value in reversed(held):
            table[name] = value


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Any],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call `module` with the given tensors in place of its parameters and buffers.

    Follows ``torch.nn.utils.stateless.functional_call``.

    Args:
        module: what to call; it is unchanged afterwards.
        parameters_and_buffers: tensors by name; the rest is the module's own.
        args: the positional arguments, a tuple or the only one.
        kwargs: the keyword arguments.
        tie_weights: whether a tied tensor given under one name counts for all of them.
        strict: whether every name must be given and known.

    Raises:
        ValueError: tied names get different tensors.
        RuntimeError: strictness is hurt.
    """
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with swapped(module, parameters_and_buffers, tie_weights=tie_weights, strict=strict):
        return module(*args, **(kwargs or {}))
