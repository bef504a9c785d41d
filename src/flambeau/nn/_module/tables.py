"""The tables of a module: dictionaries whose changes are counted (:mod:`_engine.changes`).

Pickles have them as plain ones, as PyTorch's are.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from flambeau._engine.changes import changes

_MUTATORS = (
    "__delitem__", "__ior__", "__setitem__", "clear", "pop", "popitem", "setdefault", "update"
)  # fmt: skip


def _counted(base: type, name: str) -> Callable[..., Any]:
    change = getattr(base, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return change(self, *args, **kwargs)
        finally:
            changes.count += 1

    method.__name__ = name
    method.__doc__ = change.__doc__
    return method


class _Copied:
    """How a table is copied and pickled."""

    __slots__ = ()

    plain: Callable[..., Any]

    def __copy__(self: Any) -> Any:
        return type(self)(self)

    copy = __copy__

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        made = memo[id(self)] = type(self)()
        for key, held in self.items():
            made[key] = copy.deepcopy(held, memo)
        return made

    def __reduce__(self: Any) -> Any:
        return self.plain, (), None, None, iter(self.items())


class Table(_Copied, dict[str, Any]):
    """Parameters, buffers or submodules by name."""

    __slots__ = ()

    plain = dict


class HookTable(_Copied, OrderedDict[int, Any]):
    """Hooks by the number of their handle."""

    __slots__ = ()

    plain = OrderedDict

    move_to_end = _counted(OrderedDict, "move_to_end")


for _name in _MUTATORS:
    setattr(Table, _name, _counted(dict, _name))
    setattr(HookTable, _name, _counted(OrderedDict, _name))
