"""How many public functions still lack an example, or the name in PyTorch that they follow."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

import flambeau

# What is still to be written, by namespace: the numbers may only fall.
LACKING = {"": 283, "linalg": 16, "fft": 5, "special": 1, "nn.functional": 84}


def lacking(home: ModuleType) -> list[str]:
    """The public functions of a namespace whose docstring has no example or no source."""
    found = []
    for name in home.__all__:
        value = getattr(home, name)
        if not callable(value) or inspect.isclass(value):
            continue
        text = value.__doc__ or ""
        if ">>>" not in text or "Follows" not in text:
            found.append(name)
    return found


@pytest.mark.parametrize("space", LACKING)
def test_examples_do_not_get_fewer(space: str) -> None:
    home = flambeau
    for part in filter(None, space.split(".")):
        home = getattr(home, part)
    assert len(lacking(home)) <= LACKING[space], lacking(home)
