"""Wirings: the modules, parameters, flags and hooks that a recording was made with."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from flambeau._compile.reads import Attributes
from flambeau._engine.changes import changes
from flambeau._engine.device import Place
from flambeau._engine.xla import target_of
from flambeau._ops.target import Target
from flambeau._tensor.core import Storage, TensorBase
from flambeau.nn._module.hooks import global_counts
from flambeau.nn._module.state import TABLES
from flambeau.nn._module.tables import HookTable, Table
from flambeau.nn.module import Module

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_WRITTEN = object()
"""Stands for an entry that the function itself replaces at each call."""


def _died(_: Any) -> None:
    changes.count += 1


class Wiring:
    """What a recording depended on besides the content of tensors.

    Args:
        device: where it runs.
        target: what it was formulated for.
        called: the modules whose ``forward`` was called.
        tensors: each with its storage, whether gradients go through it, and whether it had one.
        attributes: what was read of modules.
        written: entries of modules' tables that the function replaces, as ``(id, key)``.

    Attributes:
        gone: some of it is no more, so that it will never hold again.
    """

    def __init__(
        self,
        device: Place,
        target: Target,
        called: Iterable[Module],
        tensors: Iterable[tuple[TensorBase, Storage, bool, bool]],
        attributes: list[Attributes],
        written: set[tuple[int, Any]],
    ) -> None:
        self._attributes = attributes
        self._device = device
        self._target = target
        self._known = -1, False
        self.gone = False
        self._tensors = [(weakref.ref(t, _died), *rest) for t, *rest in tensors]
        self._everywhere = global_counts()
        roots = list(called)
        self._called = [(weakref.ref(m, _died), m.training, _hook_counts(m)) for m in roots]
        self._owners = [
            (weakref.ref(m, _died), [_entries(vars(m)[name], written) for name in TABLES])
            for m in _tree(roots)
        ]

    def holds(self) -> bool:
        """Whether all of it is as it was. One comparison while nothing of the kind has changed."""
        count = changes.count
        known, held = self._known
        if count != known:
            # First the count, then the looks: what changes meanwhile is looked at next time.
            held = self._tensors_hold() and self._modules_hold()
            self._known = (count if self._observed() else -1), held  # at once, for other threads
        return held

    def _tensors_hold(self) -> bool:
        if self._target != target_of(self._device):
            return False
        for ref, storage, tracked, had_grad in self._tensors:
            t = ref()
            if t is None:
                self.gone = True
                return False
            if t._storage is not storage or (t._edge is not None) is not tracked:
                return False
            leaf = t._leaf
            if (leaf is not None and leaf.grad is not None) is not had_grad:
                return False
        return True

    def _modules_hold(self) -> bool:
        if global_counts() != self._everywhere:
            return False
        for ref, training, hooks in self._called:
            m = ref()
            if m is None:
                self.gone = True
                return False
            if m.training is not training or _hook_counts(m) != hooks:
                return False
        for ref, tables in self._owners:
            m = ref()
            if m is None:
                self.gone = True
                return False
            fields = vars(m)
            for name, entries in zip(TABLES, tables, strict=True):
                if not _same(fields[name], entries):
                    return False
        return all(attributes.hold() for attributes in self._attributes)

    def _observed(self) -> bool:
        """Whether every change to the modules' tables is counted: somebody may have set others."""
        for ref, _ in self._owners:
            m = ref()
            if m is None:
                continue
            fields = vars(m)
            if not all(fields[name].__class__ is Table for name in TABLES):
                return False
            if not all(fields[name].__class__ is HookTable for name in _HOOKS):
                return False
        return True


def _tree(roots: list[Module]) -> Iterator[Module]:
    """The modules and all below them, each once."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        m = waiting.pop()
        if id(m) not in seen:
            seen.add(id(m))
            yield m
            waiting += [below for below in m._modules.values() if below is not None]


def _entries(table: Any, written: set[tuple[int, Any]]) -> list[tuple[str, Any]]:
    """What a table holds, weakly."""
    entries = []
    for name, held in table.items():
        ref: Any = None if held is None else weakref.ref(held)
        entries.append((name, _WRITTEN if (id(table), name) in written else ref))
    return entries


def _same(table: Any, entries: list[tuple[str, Any]]) -> bool:
    if len(table) != len(entries):
        return False
    for (now, held), (name, ref) in zip(table.items(), entries, strict=True):
        if now != name:
            return False
        if ref is _WRITTEN:
            continue
        then = None if ref is None else ref()
        if held is not then or (then is None) is not (ref is None):  # None came after what died
            return False
    return True


def _hook_counts(m: Module) -> tuple[int, ...]:
    """How many hooks of each kind a module has."""
    fields = vars(m)
    return tuple([len(fields[name]) for name in _HOOKS])
