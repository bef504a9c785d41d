"""Runs one program on both libraries and compares everything it observed.

A program is a function of the library (`torch`) that returns what it saw: tensors, numbers,
strings, containers of them. `caught` turns an error into its class and text.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import flambeau
from tests.oracle import TOLERANCES, dtype_name, to_numpy, torch


def caught(fn: Callable[[], Any]) -> Any:
    """What `fn` returns, or the nearest builtin class and the text of what it raised."""
    try:
        return fn()
    except Exception as error:
        builtin = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
        # Where a class lives in the source is each library's own affair.
        text = re.sub(r"\b(torch|flambeau)\.nn\.[a-z_.]+\.(?=[A-Z])", "nn.", str(error))
        return f"{builtin.__name__}: {text}"


def seen(value: Any) -> Any:
    """A form of `value` that can be compared between the libraries."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        return Seen(value)
    if isinstance(value, (torch.Size, flambeau.Size)):
        return ("Size", *value)
    if isinstance(value, Mapping):
        return {k: seen(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) or hasattr(value, "__next__"):
        return [seen(v) for v in value]
    if value is None or isinstance(value, (str, bool, int, float, complex)):
        return value
    return str(value)


class Seen:
    """A tensor: equal when shape, dtype, requires_grad and values are."""

    def __init__(self, tensor: Any) -> None:
        self.meta = (tuple(tensor.shape), dtype_name(tensor), tensor.requires_grad)
        self.values = to_numpy(tensor)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Seen) or self.meta != other.meta:
            return False
        rtol, atol = TOLERANCES.get(self.meta[1], (0, 0))
        return np.allclose(self.values, other.values, rtol=rtol, atol=atol, equal_nan=True)

    def __repr__(self) -> str:
        return f"{self.meta} {self.values.tolist()}"


def same(program: Callable[[Any], Any]) -> Any:
    """Assert that both libraries see the same; returns what flambeau saw."""
    expected = seen(program(torch))
    actual = seen(program(flambeau))
    if isinstance(expected, list) and isinstance(actual, list):
        for i, (a, e) in enumerate(zip(actual, expected, strict=False)):
            assert a == e, f"observation {i} differs"
    assert actual == expected
    return actual


def carry(source: Any, target: Any) -> None:
    """Copy the weights of a torch module into a flambeau module of the same structure."""
    state = OrderedDict(
        (k, flambeau.tensor(v.numpy(), dtype=getattr(flambeau, dtype_name(v))))
        for k, v in source.state_dict().items()
    )
    target.load_state_dict(state)
