"""Small state in one array: what spares a replay most of its arrays.

Handing an array to XLA and taking one back costs one to two microseconds each, a tiny step
fifty of them. So a replay of a small step on a CPU comes to keep parameters, buffers, optimizer
state and gradients end to end in one array that its program takes and gives. A :class:`Joined`
is the place of their Values, as a pending graph would be: who reads one of them or records an
operation on it is given a copy, and who asks for more or holds on to one has all of them back as
arrays of their own.
"""

from __future__ import annotations

import itertools
import math
import sys
import threading
from collections import Counter
from typing import Any

import jax
import numpy as np

from flambeau._compile.cells import StorageCell, place
from flambeau._compile.plan import Plan
from flambeau._engine import recorder
from flambeau._engine.device import CPU
from flambeau._engine.joint import Joint
from flambeau._engine.layout import Layout
from flambeau._engine.value import Value
from flambeau._tensor.core import Leaf, Storage, wrap

LEAST = 16
"""So many arrays at least, or it is not worth a program of its own."""

LEFT = 0.25
"""So much of the arrays at most may stay apart: a program that takes and gives them all the same
gains less than joining costs."""

LARGEST = 1 << 17
"""So many elements at most in all that a step reads and computes: larger ones gain nothing."""

FEW = 4
"""So many are copied out between two steps; who asks for more has all of them back."""

SOON = 8
"""Whoever has the arrays back after fewer steps than this disturbs."""

PATIENCE = 3
"""After so many disturbances the arrays stay apart."""


def find_joint(plan: Plan, layout: Layout) -> tuple[Joint, list[Storage], list[Leaf]] | None:
    """What of a plan's state can be one array; None where that does not pay.

    Returns:
        The joint, the storages of its leaves, and the leaves whose gradients follow.
    """
    avals = layout.out_avals
    if sum(a.size for a in (*layout.leaf_avals, *avals)) > LARGEST:
        return None
    told = Counter([k for _, k in plan.writes])  # a result that goes to several places stays
    told.update(x for kind, x, _ in plan.results if kind == "output")
    written = {
        place(c): (c.storage, k)
        for c, k in plan.writes
        if isinstance(c, StorageCell) and told[k] == 1 and _joins(avals[k])
    }
    leaves, results = [], []
    storages: list[Storage] = []
    for i, (kind, cell) in enumerate(plan.sources):
        storage, k = written.get(place(cell), (None, -1)) if kind == "cell" else (None, -1)
        if storage is not None and avals[k] is layout.leaf_avals[i]:
            leaves.append(i)
            results.append(k)
            storages.append(storage)
    if len(set(results)) < len(results):
        return None
    fresh = [(leaf, k) for leaf, k in plan.outlived() if told[k] == 1 and _joins(avals[k])]
    grads = [leaf for leaf, _ in fresh]
    results += [k for _, k in fresh]
    before = len(plan.sources) + len(plan.live)
    after = before - len(leaves) - len(results) + 2
    if not leaves or len(results) < LEAST or after > LEFT * before:
        return None
    joint = Joint(tuple(leaves), tuple(results), tuple([avals[k] for k in results]))
    return joint, storages, grads


def _joins(aval: Any) -> bool:
    return aval.dtype == np.float32 and aval.size > 0


class Joined:
    """The state of a replay as one array, from one step to the next.

    Attributes:
        array: it, while the Values of the state have none of their own.
        lock: held while the array is taken apart, or is with the program.
        disturbed: how often somebody had the arrays back after few steps.
        grads: the leaves whose gradients are in it.
    """

    __slots__ = (
        "_avals", "_cut", "_given", "_held", "_join", "_shown", "_split", "_starts", "_steps",
        "_storages", "array", "disturbed", "grads", "lock",
    )  # fmt: skip

    def __init__(self, joint: Joint, storages: list[Storage], grads: list[Leaf]) -> None:
        self.lock = threading.RLock()
        self.array: Any = None
        self.grads = grads
        self.disturbed = 0
        self._steps = SOON
        self._storages = storages
        self._avals = joint.avals
        self._held: list[tuple[Storage, Value]] = []
        self._given: list[tuple[Leaf, Value]] = []
        self._shown: set[int] = set()
        self._starts = [0, *itertools.accumulate(a.size for a in joint.avals)]
        self._join = jax.jit(lambda *parts: joint.join(parts))
        self._split = jax.jit(joint.split)
        self._cut = jax.jit(_cut, static_argnums=2)

    def bring(self, n: int) -> None:
        """Give one Value of the state an array of its own; if many were given one, all."""
        with self.lock:
            if self.array is None:
                return
            if len(self._shown) >= FEW:
                self.part()
                return
            held = len(self._held)
            _, value = self._held[n] if n < held else self._given[n - held]
            if value.array is None:
                with jax.enable_x64(True), CPU.scope():
                    value.array = self._cut(self.array, self._starts[n], self._avals[n].shape)
                value.place = None
                self._shown.add(n)

    def part(self) -> None:
        """Give every Value of the state an array of its own."""
        with self.lock:
            if self.array is None:
                return
            with jax.enable_x64(True), CPU.scope():
                parts = self._split(self.array)
            for (_, value), part in zip([*self._held, *self._given], parts, strict=True):
                if value.array is None:
                    value.array = part
                    value.place = None
            self._held, self._given, self._shown = [], [], set()
            self.array = None
            self.disturbed += self._steps < SOON
            self._steps = 0

    def gathered(self) -> list[Any] | None:
        """The arrays to join: none where they are; None if a place holds another kind of thing."""
        if self.array is not None:
            if self._undisturbed():
                return []
            self.part()
        arrays = []
        for storage, aval in zip(self._storages, self._avals, strict=False):
            value = storage.value
            if value.aval is not aval:
                return None
            array = value.array
            arrays.append(recorder.read(value) if array is None else array)
        return arrays

    def taken(self, arrays: list[Any]) -> Any:
        """The array for the program, which overwrites it; the lock is held.

        Returns:
            None if somebody had it taken apart meanwhile.
        """
        if self.array is None and arrays:
            self._held, self._given, self._shown = [], [], set()
            return self._join(*arrays)
        array, self.array = self.array, None
        return array

    def put_back(self, array: Any) -> None:
        """Have the array again that a launch was to overwrite and did not; the lock is held."""
        if self._held and not array.is_deleted():
            self.array = array

    def put(self, array: Any) -> None:
        """Take what the program gave; the lock is held."""
        if not self._held:
            avals = iter(self._avals)
            n = 0
            for storage in self._storages:
                storage.value = value = Value(next(avals), None, (self, n))
                self._held.append((storage, value))
                n += 1
            for leaf in self.grads:
                value = Value(next(avals), None, (self, n))
                leaf.grad = wrap(value)
                self._given.append((leaf, value))
                n += 1
        else:
            if self._shown:
                self._hide()
            for leaf, value in self._given:
                if leaf.grad is None:
                    leaf.grad = wrap(value)
        self.array = array
        self._steps += 1
        for storage in self._storages:
            storage.version += 1

    def _hide(self) -> None:
        """Put other Values into the places of those that were given arrays, which keep them."""
        held = len(self._held)
        for n in self._shown:
            value = Value(self._avals[n], None, (self, n))
            if n < held:
                storage, _ = self._held[n]
                storage.value = value
                self._held[n] = storage, value
            else:
                leaf, _ = self._given[n - held]
                leaf.grad = None
                self._given[n - held] = leaf, value
        self._shown.clear()

    def _undisturbed(self) -> bool:
        """Whether the places hold what was put there, and nobody else does.

        But for those with an array of their own: they may be held, and gradients be another.
        """
        count = sys.getrefcount
        for storage, value in self._held:
            # The storage, the pair, `value` and the call of `count` hold it.
            if storage.value is not value or (count(value) > 4 and value.array is None):
                return False
        for leaf, value in self._given:
            if value.array is not None:
                continue
            grad = leaf.grad
            if grad is None:
                if count(value) > 3:
                    return False
            elif (
                grad._chain is not None
                or grad._edge is not None
                or grad._storage.value is not value
                or count(grad) > 3
                or count(grad._storage) > 2
                or count(value) > 4
            ):
                return False
        return True


def _cut(array: jax.Array, start: int, shape: tuple[int, ...]) -> jax.Array:
    return jax.lax.dynamic_slice(array, (start,), (math.prod(shape),)).reshape(shape)
