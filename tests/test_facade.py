"""`__all__` is sorted, and is what a namespace shows."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import flambeau


def facades() -> list[str]:
    """flambeau and its public packages."""
    found = ["flambeau"]
    for info in pkgutil.walk_packages(flambeau.__path__, "flambeau."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        if info.ispkg and not info.name.startswith("flambeau.cli"):
            found.append(info.name)
    return found


@pytest.mark.parametrize("name", facades())
def test_all_is_sorted_and_complete(name: str) -> None:
    module = importlib.import_module(name)
    listed = list(module.__all__)
    assert listed == sorted(set(listed))
    # Submodules appear in a namespace as soon as somebody imports them: they count when listed.
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and not isinstance(value, ModuleType)
    }
    modules = {key for key in listed if isinstance(getattr(module, key), ModuleType)}
    dunders = {key for key in listed if key.startswith("__")}
    assert set(listed) - dunders == (public | modules) - {"annotations"}


def test_docstrings_of_facades() -> None:
    for name in facades():
        assert importlib.import_module(name).__doc__, f"{name} has no docstring"
