"""Handles that take hooks away again."""

from __future__ import annotations

import itertools
from typing import Any

_ids = itertools.count()


class RemovableHandle:
    """Removes a hook: ``handle.remove()``, or at the end of a ``with`` block.

    Args:
        hooks: the dictionary that holds hooks by id; the hook is added to it.
        hook: the hook.
        extra: further dictionaries from which the id is removed as well.
        prepend: put the hook before those already there.

    Attributes:
        id: the hook's key.

    Follows ``torch.utils.hooks.RemovableHandle``.
    """

    def __init__(
        self, hooks: dict[Any, Any], hook: Any = None, *, extra: Any = (), prepend: bool = False
    ):
        self.id = next(_ids)
        # Plain dictionaries allow no weak references; the handle keeps them alive instead.
        self._hooks = hooks
        self._extra = tuple(extra)
        if hook is not None:
            if prepend:
                rest = dict(hooks)
                hooks.clear()
                hooks[self.id] = hook
                hooks.update(rest)
            else:
                hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away; doing it twice is harmless."""
        self._hooks.pop(self.id, None)
        for other in self._extra:
            other.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.remove()
