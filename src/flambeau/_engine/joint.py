"""Joints: many small arrays of a program as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from flambeau._engine.aval import Aval


class Joint(NamedTuple):
    """Leaves and results that a program takes and gives as one array, end to end.

    The array is the program's first input and its first result, and keeps its memory.

    Attributes:
        leaves: ordinals of the leaves that come first in it.
        results: ordinals of its results: the next states of these leaves, then others.
        avals: of the results, all of one dtype.
    """

    leaves: tuple[int, ...]
    results: tuple[int, ...]
    avals: tuple[Aval, ...]

    @property
    def size(self) -> int:
        """How many elements there are."""
        return sum(a.size for a in self.avals)

    def split(self, array: Any) -> list[Any]:
        """The parts of the array; the first are the leaves."""
        parts, at = [], 0
        for aval in self.avals:
            parts.append(array[at : at + aval.size].reshape(aval.shape))
            at += aval.size
        return parts

    def join(self, parts: Sequence[Any]) -> Any:
        """Parts as one array; zeros stand for those at the end that are missing."""
        flat = [part.reshape(-1) for part in parts]
        missing = self.size - sum(part.size for part in flat)
        if missing:
            flat.append(jnp.zeros(missing, self.avals[0].dtype))
        return jnp.concatenate(flat)
