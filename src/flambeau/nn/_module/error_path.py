"""Errors say in which layer of the model they arose."""

from __future__ import annotations

import itertools
from typing import Any

from flambeau.errors import FlambeauError


def name_module(error: Exception, module: Any, *, outermost: bool) -> None:
    """Note that ``error`` passes through ``module``; at the outermost one, tell the path.

    flambeau's own errors get the layer's class and path in front of their text, others a
    note. It costs nothing as long as nothing is raised.
    """
    try:
        chain = error.__dict__.setdefault("_flambeau_modules", [])
    except AttributeError:
        return
    chain.append(module)
    if not outermost:
        return
    del error.__dict__["_flambeau_modules"]
    inner = chain[0]
    name = type(inner).__name__
    if inner is not module:
        name = f"{name} '{_path(chain)}'"
    if isinstance(error, FlambeauError) and error.args and isinstance(error.args[0], str):
        text = error.args[0]
        # "linear: weight is ..." becomes "Linear 'encoder.fc1': weight is ...".
        subject, colon, rest = text.partition(": ")
        if colon and subject.replace("_", "").isalnum() and subject.islower():
            text = rest
        error.args = (f"{name}: {text}", *error.args[1:])
    elif inner is not module:
        error.add_note(f"This happened in {name} of {type(module).__name__}.")


def _path(chain: list[Any]) -> str:
    """The dotted path from the outermost module of the chain to the innermost."""
    inner, root = chain[0], chain[-1]
    for path, candidate in root.named_modules():
        if candidate is inner:
            return path
    # Called without being registered below the root, as modules in plain lists are.
    names = []
    for child, parent in itertools.pairwise(chain):
        known = [n for n, m in parent._modules.items() if m is child]
        names.append(known[0] if known else f"<{type(child).__name__}, not registered>")
    return ".".join(reversed(names))
