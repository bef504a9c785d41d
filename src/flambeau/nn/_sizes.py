"""Sizes given as one number or one per dimension."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def spread(value: Any, n: int) -> tuple[Any, ...]:
    """``value`` once per dimension; a sequence stays as it is."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * n
