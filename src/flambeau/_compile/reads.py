"""Which attributes of modules a recording reads, and whether they are still what they were.

While a function is recorded, ``Module`` has a ``__getattribute__`` that notes what is read. What is
in a module's tables is looked at elsewhere (:mod:`flambeau._compile.wiring`).
"""

from __future__ import annotations

import contextlib
import copy
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from flambeau.nn._module.registration import watched
from flambeau.nn._module.state import FIELDS
from flambeau.nn.module import Module

_ABSENT = object()
"""Stands for an attribute that the module does not have itself; its class may."""

_SIMPLE = (bool, int, float, complex, str, bytes, type(None))
_CONTAINERS = (tuple, list, dict, set, frozenset)


class Reads:
    """What one run reads of modules: for each, the first value of each attribute."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._found: dict[int, tuple[Module, dict[str, Any]]] = {}

    def note(self, module: Module, name: str, fields: dict[str, Any]) -> None:
        """Note that an attribute is read, unless another thread does."""
        if threading.get_ident() != self._thread or name in FIELDS or name[:2] == "__":
            return
        found = self._found.get(id(module))
        if found is None:
            found = self._found[id(module)] = module, {}
        if name not in found[1]:
            found[1][name] = fields.get(name, _ABSENT)

    def kept(self) -> list[Attributes]:
        """What was read and is now what it was then: the function does not change it itself."""
        found = []
        for module, values in self._found.values():
            fields = vars(module)
            same = {n: v for n, v in values.items() if fields.get(n, _ABSENT) is v}
            if same:
                found.append(Attributes(module, same))
        return found


class Attributes:
    """Attributes of a module as they were, held weakly."""

    __slots__ = ("_module", "_objects", "_values")

    def __init__(self, module: Module, values: dict[str, Any]) -> None:
        self._module = weakref.ref(module)
        self._values: dict[str, Any] = {}
        self._objects: dict[str, Any] = {}
        for name, value in values.items():
            if value is _ABSENT or isinstance(value, _SIMPLE):
                self._values[name] = value
            elif isinstance(value, _CONTAINERS):
                if _is_plain(value):
                    self._values[name] = copy.copy(value)
            else:
                with contextlib.suppress(TypeError):  # nothing tells whether it is another one
                    self._objects[name] = weakref.ref(value)
        watched.update(self._values)
        watched.update(self._objects)

    def hold(self) -> bool:
        """Whether the module, if it is still there, has them as they were."""
        module = self._module()
        if module is None:
            return True
        fields = vars(module)
        for name, then in self._values.items():
            now = fields.get(name, _ABSENT)
            if now is not then and (now.__class__ is not then.__class__ or now != then):
                return False
        for name, ref in self._objects.items():
            then = ref()
            if then is None or fields.get(name, _ABSENT) is not then:  # None may have come after it
                return False
        return True


def _is_plain(container: Any) -> bool:
    """Whether a container holds nothing but numbers, words and the like."""
    items = (*container, *container.values()) if isinstance(container, dict) else container
    return type(container) in _CONTAINERS and all(isinstance(x, _SIMPLE) for x in items)


_noting: list[Reads] = []
_lock = threading.Lock()


def _noted(self: Module, name: str) -> Any:
    fields = object.__getattribute__(self, "__dict__")
    for reads in tuple(_noting):
        reads.note(self, name, fields)
    return object.__getattribute__(self, name)


@contextlib.contextmanager
def noting() -> Iterator[Reads]:
    """Note what this thread reads of modules."""
    reads = Reads()
    with _lock:
        _noting.append(reads)
        if len(_noting) == 1:
            Module.__getattribute__ = _noted
    try:
        yield reads
    finally:
        with _lock:
            _noting.remove(reads)
            if not _noting:
                del Module.__getattribute__
