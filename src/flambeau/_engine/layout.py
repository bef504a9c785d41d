"""Layouts: where everything of a recorded graph is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from flambeau._engine.aval import Aval, aval_of
from flambeau._engine.recorder import Root, State
from flambeau._ops.target import Target

PACKS = (("f", np.float64), ("i", np.int64), ("c", np.complex128))
"""The kinds of Python numbers, in the order of their vectors, and how each is passed."""


class Layout:
    """Where everything of a trie state is: leaves, packed numbers, results.

    Attributes:
        target: what the graph is formulated for.
    """

    __slots__ = (
        "_inputs", "leaf_avals", "leaf_slots", "out_avals", "out_slots", "packed", "steps",
        "target",
    )  # fmt: skip

    def __init__(self, state: State):
        self._inputs: list[tuple[Aval | None, ...]] | None = None
        self.steps = state.path()
        root = self.steps[0].parent if self.steps else state
        assert isinstance(root, Root)
        self.target: Target = root.target
        self.leaf_slots: list[int] = []
        self.leaf_avals: list[Aval] = []
        self.out_slots: list[int] = []
        self.out_avals: list[Aval] = []
        self.packed: dict[str, list[tuple[int, np.dtype]]] = {"f": [], "i": [], "c": []}
        for step in self.steps:
            assert step.parent is not None
            for i, aval in enumerate(step.leaves):
                slot = step.parent.n + i
                if aval.kind is None:
                    self.leaf_slots.append(slot)
                    self.leaf_avals.append(aval)
                else:
                    self.packed[aval.kind].append((slot, aval.dtype))
            for i, aval in enumerate(step.outs):
                self.out_slots.append(step.first_out + i)
                self.out_avals.append(aval)

    @property
    def inputs(self) -> list[tuple[Aval | None, ...]]:
        """The avals of each operation's inputs; a Python number's is that of its array."""
        if self._inputs is None:
            at: dict[int, Aval | None] = {-1: None}
            at.update(zip(self.leaf_slots, self.leaf_avals, strict=True))
            at.update(zip(self.out_slots, self.out_avals, strict=True))
            for pairs in self.packed.values():
                at.update((slot, aval_of((), dtype, None)) for slot, dtype in pairs)
            self._inputs = [tuple([at[s] for s in step.inputs]) for step in self.steps]
        return self._inputs

    def bind(self, leaves: Sequence[Any], packs: Sequence[Any]) -> dict[int, Any]:
        """Slots to arrays, before anything ran. Works on arrays and on tracers."""
        env: dict[int, Any] = {-1: None}
        env.update(zip(self.leaf_slots, leaves, strict=True))
        present = [kind for kind, _ in PACKS if self.packed[kind]]
        for kind, vector in zip(present, packs, strict=True):
            for i, (slot, dtype) in enumerate(self.packed[kind]):
                env[slot] = jnp.asarray(vector[i]).astype(dtype)
        return env

    def pack(self, scalars: tuple[list[float], list[int], list[complex]]) -> list[np.ndarray]:
        """The numbers of a graph as one vector per kind that occurs."""
        return [
            np.array(values, dtype)
            for values, (_, dtype) in zip(scalars, PACKS, strict=True)
            if values
        ]
