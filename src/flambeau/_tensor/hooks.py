"""The handle that registering a hook returns."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from typing import Any

_ids = itertools.count()


class RemovableHandle:
    """Takes a hook away again: by ``remove()``, or at the end of a ``with`` block.

    Args:
        hooks_dict: the table that holds the hook.
        extra_dict: a further table, or several, that may hold the same key.

    Follows ``torch.utils.hooks.RemovableHandle``.
    """

    id: int

    def __init__(
        self,
        hooks_dict: OrderedDict[int, Any],
        *,
        extra_dict: OrderedDict[int, Any] | list[OrderedDict[int, Any]] | None = None,
    ) -> None:
        self.id = next(_ids)
        extras = extra_dict if isinstance(extra_dict, list) else [extra_dict]
        # Weak: a handle that is kept must not keep the module alive.
        self._tables = [weakref.ref(t) for t in (hooks_dict, *extras) if t is not None]

    def remove(self) -> None:
        """Take the hook away; doing so twice is harmless."""
        for ref in self._tables:
            table = ref()
            if table is not None:
                table.pop(self.id, None)

    def __getstate__(self) -> tuple[list[OrderedDict[int, Any] | None], int]:
        return [ref() for ref in self._tables], self.id

    def __setstate__(self, state: tuple[list[OrderedDict[int, Any] | None], int]) -> None:
        tables, self.id = state
        self._tables = [weakref.ref(t) for t in tables if t is not None]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(table: OrderedDict[Any, Any], hook: Any, *, prepend: bool = False) -> RemovableHandle:
    """Put a hook into its table, first or last, and return the handle that takes it away."""
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle
