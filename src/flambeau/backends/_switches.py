"""How a namespace of switches is made: plain attributes, and a `flags` context over them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


class Switches(ModuleType):
    """A module some of whose attributes are read and set through functions."""

    live: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]]

    def __getattribute__(self, name: str) -> Any:
        live = ModuleType.__getattribute__(self, "__dict__").get("_live")
        if live and name in live:
            return live[name][0]()
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        live = self.__dict__.get("_live")
        if live and name in live:
            live[name][1](value)
        else:
            ModuleType.__setattr__(self, name, value)


def enliven(module: str, live: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]]) -> None:
    """Let attributes of a module be read and set through functions."""
    found = sys.modules[module]
    found.__dict__["_live"] = live
    found.__class__ = Switches


@contextlib.contextmanager
def flags(module: str, **wanted: Any) -> Iterator[None]:
    """Set attributes of a module for a while; None leaves one as it is."""
    home = sys.modules[module]
    before = {name: getattr(home, name) for name, value in wanted.items() if value is not None}
    try:
        for name in before:
            setattr(home, name, wanted[name])
        yield
    finally:
        for name, value in before.items():
            setattr(home, name, value)
