"""Cells: the places outside a compiled function that it reads and writes."""

from __future__ import annotations

import gc
from typing import Any

from flambeau._engine.random import Stream
from flambeau._engine.value import Value
from flambeau._tensor.core import Leaf, Storage, TensorBase, value_of, wrap


class StorageCell:
    """A storage: of a parameter, a buffer, an optimizer's state."""

    __slots__ = ("storage",)

    def __init__(self, storage: Storage):
        self.storage = storage

    def get(self) -> Value | None:
        return self.storage.value

    def set(self, value: Value) -> None:
        self.storage.value = value
        self.storage.version += 1


class StreamCell:
    """A generator's key."""

    __slots__ = ("stream",)

    def __init__(self, stream: Stream):
        self.stream = stream

    def get(self) -> Value | None:
        return self.stream.key

    def set(self, value: Value) -> None:
        self.stream.key = value


class GradCell:
    """The ``.grad`` of a leaf, whichever tensor holds it.

    Attributes:
        fresh: each run puts another tensor there; otherwise it writes into the one there.
    """

    __slots__ = ("fresh", "leaf")

    def __init__(self, leaf: Leaf, fresh: bool = False):
        self.leaf = leaf
        self.fresh = fresh

    def get(self) -> Value | None:
        return None if self.leaf.grad is None else value_of(self.leaf.grad)

    def set(self, value: Value | None) -> None:
        grad = self.leaf.grad
        if value is None:
            self.leaf.grad = None
        elif self.fresh or grad is None or grad._chain is not None:
            self.leaf.grad = wrap(value)
        else:
            grad._storage.value = value
            grad._storage.version += 1


class ItemCell:
    """A tensor in a dictionary or list, such as a hidden state kept on a module.

    Each run puts a new tensor there, as the function itself does.
    """

    __slots__ = ("container", "key")

    def __init__(self, container: Any, key: Any):
        self.container = container
        self.key = key

    def get(self) -> Value | None:
        try:
            held = self.container[self.key]
        except (KeyError, IndexError):
            return None
        return value_of(held) if isinstance(held, TensorBase) else None

    def set(self, value: Value) -> None:
        self.container[self.key] = wrap(value)


def place(cell: Any) -> Any:
    """What tells whether two cells are the same place."""
    if isinstance(cell, StorageCell):
        return id(cell.storage)
    if isinstance(cell, GradCell):
        return id(cell.leaf)
    if isinstance(cell, ItemCell):
        return id(cell.container), cell.key
    return id(cell.stream)


class Snapshot:
    """Every place that holds a Value now, so that the inputs of a recording can be traced."""

    def __init__(self) -> None:
        self.cells: dict[int, Any] = {}
        self.before: dict[int, tuple[Any, Value | None]] = {}
        self.grads: dict[int, tuple[Leaf, Any]] = {}
        self.tensors: dict[int, Any] = {}
        for o in gc.get_objects():
            kind = type(o)
            if kind is Storage:
                self._add(StorageCell(o), o.value)
            elif kind is Stream:
                self._add(StreamCell(o), o.key)
            elif kind is Leaf:
                self.grads[id(o)] = (o, o.grad)
            elif issubclass(kind, TensorBase):
                self.tensors[id(o)] = o
        for leaf, grad in self.grads.values():
            if grad is not None:
                self.cells[id(value_of(grad))] = GradCell(leaf)

    def _add(self, cell: Any, value: Value) -> None:
        self.cells.setdefault(id(value), cell)
        self.before[id(cell)] = (cell, value)

    def written(self) -> list[tuple[Any, Value]]:
        """The cells whose Value changed since, with the new one."""
        found = []
        for cell, old in self.before.values():
            new = cell.get()
            if new is not None and new is not old:
                found.append((cell, new))
        return found

    def grads_now(self) -> list[tuple[GradCell, Value | None]]:
        """The leaves whose ``.grad`` is another tensor, or gone, or new, since."""
        found: list[tuple[GradCell, Value | None]] = []
        for leaf, old in self.grads.values():
            if leaf.grad is not old:
                now = None if leaf.grad is None else value_of(leaf.grad)
                found.append((GradCell(leaf, fresh=True), now))
        return found


def holders(values: list[Value]) -> dict[int, list[ItemCell]]:
    """For each of these Values, the dictionaries and lists that hold a tensor of it."""
    wanted = {id(v) for v in values}
    tensors: dict[int, Any] = {}
    for o in gc.get_objects():
        if issubclass(type(o), TensorBase) and o._chain is None and id(o._storage.value) in wanted:
            tensors[id(o)] = o
    found: dict[int, list[ItemCell]] = {}
    for key in list(tensors):  # not the tensors themselves: a list of them would hold them too
        t = tensors[key]
        for container, name in _containers(t):
            found.setdefault(id(t._storage.value), []).append(ItemCell(container, name))
    return found


def _containers(t: Any) -> list[tuple[Any, Any]]:
    places = []
    for holder in gc.get_referrers(t):
        space: Any = None
        if isinstance(holder, (dict, list)):
            space = holder
        elif not isinstance(holder, (type, TensorBase, tuple)) and hasattr(holder, "__dict__"):
            space = vars(holder)
        if isinstance(space, dict) and "_storage" in space:
            continue  # what a view keeps of its base
        if isinstance(space, dict) and "_fb_internal" not in space:
            places.extend(
                (space, k) for k, held in list(space.items()) if held is t and isinstance(k, str)
            )
        elif isinstance(space, list):
            places.extend((space, i) for i, held in enumerate(space) if held is t)
    unique = {(id(c), k): (c, k) for c, k in places}
    return list(unique.values())
