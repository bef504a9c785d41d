"""Every public function shows an example, and names the page of PyTorch that it follows."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

import flambeau

SPACES = ["", "linalg", "fft", "special", "nn.functional"]
OWN = {
    "compile", "config", "doctor", "freeze", "from_jax", "is_frozen", "load_safetensors", "profile",
    "resume", "save_training", "snapshot", "summary", "unfreeze", "wrap_jax",
}  # fmt: skip
"""What PyTorch has no page for."""


def lacking(home: ModuleType) -> list[str]:
    """The public functions of a namespace whose docstring has no example or no source."""
    found = []
    for name in home.__all__:
        value = getattr(home, name)
        if not callable(value) or inspect.isclass(value):
            continue
        text = value.__doc__ or ""
        if ">>>" not in text or ("Follows" not in text and name not in OWN):
            found.append(name)
    return found


@pytest.mark.parametrize("space", SPACES)
def test_every_function_has_an_example_and_a_source(space: str) -> None:
    home = flambeau
    for part in filter(None, space.split(".")):
        home = getattr(home, part)
    assert lacking(home) == []
