"""Replays: a recorded program with the places it reads and writes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from flambeau._compile.cells import StorageCell, place
from flambeau._compile.joined import PATIENCE, Joined, find_joint
from flambeau._compile.plan import Plan
from flambeau._engine import background, donation, recorder
from flambeau._engine.changes import changes
from flambeau._engine.device import CPU
from flambeau._engine.executor import layout_of
from flambeau._engine.joint import Joint
from flambeau._engine.layout import Layout
from flambeau._engine.program import Program, compile_graph, stats
from flambeau._engine.value import Value
from flambeau._tensor.aliases import updates
from flambeau._tensor.core import Leaf, Storage, value_of, wrap

JOIN_AFTER = 64
"""After so many replays the program that has the state of a small step as one array is made."""

REFUSED = object()
"""What :meth:`Replay.attempt` gives for a call that the recording does not fit."""

_NOTHING = contextlib.nullcontext()


class _Form:
    """A replay's program: what it takes from where, and where its results go.

    Attributes:
        program: itself.
        given: which arguments it takes, and where.
        outlived: the leaves whose gradient is replaced unread, but for those whose new gradient
            is given the memory of the old one.
    """

    def __init__(
        self, plan: Plan, layout: Layout, program: Program, joint: Joint | None = None
    ) -> None:
        self.program = program
        first = int(joint is not None)
        inside: tuple[int, ...] = joint.leaves if joint is not None else ()
        apart = [(i, *s) for i, s in enumerate(plan.sources) if i not in inside]
        donated, avals = set(program.donated), dict(plan.avals)
        self._leaves: list[Any] = [None] * first + [
            x if kind == "constant" else None for _, kind, x in apart
        ]
        self.given = [(at, x) for at, (_, kind, x) in enumerate(apart, first) if kind == "argument"]
        cells = [
            (c, avals[c], at, i in donated)
            for at, (i, kind, c) in enumerate(apart, first) if kind == "cell"
        ]  # fmt: skip
        # Most is in storages, and is what each call looks at: the shortest way for these.
        self._read = [
            (c.storage, aval, at)
            for c, aval, at, gives in cells if isinstance(c, StorageCell) and not gives
        ]  # fmt: skip
        self._held = [
            (c.storage if isinstance(c, StorageCell) else c, isinstance(c, StorageCell), *rest)
            for c, *rest in cells if rest[-1] or not isinstance(c, StorageCell)
        ]  # fmt: skip
        at = {k: i for i, k in enumerate(program.live, first)}
        out_avals = layout.out_avals
        writes = [(cell, at[k], out_avals[k]) for cell, k in plan.writes if k in at]
        self._into_storages = [
            (c.storage, i, aval) for c, i, aval in writes if isinstance(c, StorageCell)
        ]
        self._into_cells = [w for w in writes if not isinstance(w[0], StorageCell)]
        self._clears = plan.clears
        self._tree = plan.tree
        self._one = plan.tree == jax.tree_util.tree_structure(0)
        self._results = [
            (
                kind,
                at[x] if kind == "output" else x,
                out_avals[x] if kind == "output" else None,
                edge,
            )
            for kind, x, edge in plan.results
        ]
        self.outlived = [
            leaf for leaf, k in plan.outlived() if k in at and k not in program.vessels
        ]

    def gathered(self) -> list[Any] | None:
        """What the program takes, the arguments excepted; None if a place holds another kind.

        What may not be overwritten is copied.
        """
        leaves = self._leaves.copy()
        for storage, aval, i in self._read:
            v = storage.value
            if v.aval is not aval:
                return None
            a = v.array
            leaves[i] = recorder.read(v) if a is None or a.__class__ is np.ndarray else a
        count = sys.getrefcount
        for holder, stored, aval, i, donated in self._held:
            v = holder.value if stored else holder.get()
            if v is None or v.aval is not aval:
                return None
            a = v.array
            if a is None or a.__class__ is np.ndarray:
                a = recorder.read(v)
            # Beside its place hold it: `v` or `a`, and the call of `count`.
            if donated and (v.pinned or count(v) > 3 or count(a) > 3):
                a = jnp.copy(a)
            leaves[i] = a
        return leaves

    def fill_in(self, leaves: list[Any], flat: list[Any]) -> bool:
        """Add the arguments to what the program takes.

        Returns:
            Whether NumPy's arrays are among them: the program takes them as they are.
        """
        raw = False
        for i, k in self.given:
            v = value_of(flat[k])
            leaves[i] = a = recorder.read(v) if v.array is None else v.array
            raw = raw or a.__class__ is np.ndarray
        return raw

    def put(self, outs: Any) -> Any:
        """Put the results into their places, and give what the function returns."""
        count = sys.getrefcount
        for storage, at, aval in self._into_storages:
            v = storage.value
            # A Value that nobody else holds serves again: nobody can see that it changed.
            if count(v) == 3 and v.aval is aval and not v.pinned:
                v.array = outs[at]
                v.place = None
            else:
                storage.value = Value(aval, outs[at])
            storage.version += 1
        for cell, at, aval in self._into_cells:
            cell.set(Value(aval, outs[at]))
        for cell in self._clears:
            cell.set(None)
        results = []
        for kind, x, aval, edge in self._results:
            if kind == "output":
                x = Value(aval, outs[x])  # pyright: ignore[reportArgumentType]
            results.append(x if kind == "same" else wrap(x, edge))  # pyright: ignore[reportArgumentType]
        return results[0] if self._one else self._tree.unflatten(results)


class Replay:
    """A recorded program with its places.

    Attributes:
        program: what was recorded.
        joined: the state in one array, once a small step has been replayed often.
        coming: the program for that, while it is compiled in the background. When it comes does
            not matter: it gives the same bits.
    """

    def __init__(self, plan: Plan, state: Any, scalars: Any, device: Any):
        self.plan = plan
        self.layout = layout_of(state)
        self.scalars = scalars
        self.device = device
        self.joined: Joined | None = None
        self.coming: Future[tuple[_Form, Joined] | None] | None = None
        self._runs = 0
        self._default = device.is_default()
        layout = self.layout
        pairs = self._pairs(plan.live)
        outlived = plan.outlived()
        vessels = ()
        if device.kind in donation.STEADY:
            vessels = tuple(k for _, k in outlived if k not in pairs.values())
        known = None if vessels else _known(state, plan.live, tuple(sorted(pairs)))
        self.program: Program = known or compile_graph(
            layout, plan.live, pairs, device, "a compiled function", vessels=vessels
        )
        self._vessels = [(leaf, layout.out_avals[k]) for leaf, k in outlived if k in vessels]
        self._form = _Form(plan, layout, self.program)
        self._joined_form: _Form | None = None

    def _pairs(self, live: tuple[int, ...], but: Collection[int] = ()) -> dict[int, int]:
        """Which leaf, those in `but` excepted, gives its memory to which of these results."""
        results = {place(c): k for c, k in self.plan.writes if k in live}
        cells = [(i, place(s)) for i, (kind, s) in enumerate(self.plan.sources) if kind == "cell"]
        replaced = {i: results[p] for i, p in cells if p in results and i not in but}
        places = {k: i for i, k in replaced.items()}
        return donation.pair(self.layout, live, replaced, places)

    def attempt(self, flat: list[Any]) -> Any:
        """Launch the program, and put its results into their places.

        Args:
            flat: the leaves of the arguments.

        Returns:
            What the function returns; :data:`REFUSED` if something that the recording depended
            on is another.
        """
        if not self._applies():
            return REFUSED
        recorder.flush()
        if self.coming is not None and self.coming.done():
            self._adopt(self.coming)
        try:
            result = self._run(flat) if self.joined is None else self._run_joined(self.joined, flat)
        except BaseException:
            changes.count += 1  # gradients may be gone
            raise
        if self.plan.moves_grads:
            changes.count += 1
        return result

    def _run(self, flat: list[Any]) -> Any:
        form = self._form
        leaves = form.gathered()
        if leaves is None:
            return REFUSED
        raw = bool(form.given) and form.fill_in(leaves, flat)
        if self.plan.hypers:
            self._read_numbers()
        for leaf in form.outlived:
            leaf.grad = None
        if raw or self._vessels or not self._default:
            with self._wide():
                # The new gradients take the memory of the old ones.
                vessels = [_taken(leaf, aval) for leaf, aval in self._vessels]
                outs = form.program(leaves, self.layout, self.scalars, vessels)
        else:
            outs = form.program(leaves, self.layout, self.scalars)
        result = form.put(outs)
        self._runs += 1
        if self._runs == JOIN_AFTER and self.device is CPU:
            found = find_joint(self.plan, self.layout)
            if found is not None:
                self.coming = background.start(lambda: self._join(*found))
        return result

    def _run_joined(self, joined: Joined, flat: list[Any]) -> Any:
        form = self._joined_form
        assert form is not None
        if self.plan.hypers:
            self._read_numbers()
        while True:
            # Whatever has to wait for other threads comes before the lock.
            leaves = form.gathered()
            apart = joined.gathered()
            if leaves is None or apart is None:
                return REFUSED
            raw = bool(form.given) and form.fill_in(leaves, flat)
            with joined.lock, self._wide() if raw or not self._default else _NOTHING:
                array = joined.taken(apart)
                if array is None:
                    continue
                leaves[0] = array
                for leaf in form.outlived:
                    leaf.grad = None
                try:
                    outs = form.program(leaves, self.layout, self.scalars)
                except BaseException:
                    joined.put_back(array)
                    raise
                joined.put(outs[0])
            break
        if joined.disturbed > PATIENCE:
            joined.part()
            self.joined = self._joined_form = None
        return form.put(outs)

    @contextlib.contextmanager
    def _wide(self) -> Iterator[None]:
        """What NumPy's arrays and new ones need: 64-bit types, and the device."""
        with jax.enable_x64(True), self.device.scope():
            yield

    def _join(
        self, joint: Joint, storages: list[Storage], grads: list[Leaf]
    ) -> tuple[_Form, Joined]:
        """What it takes to have the state in one array."""
        inside, taken = set(joint.leaves), set(joint.results)
        live = tuple(k for k in self.plan.live if k not in taken)
        program = compile_graph(
            self.layout, live, self._pairs(live, inside), self.device,
            "a compiled function whose state is small, in the background", joint=joint,
        )  # fmt: skip
        return _Form(self.plan, self.layout, program, joint), Joined(joint, storages, grads)

    def _adopt(self, coming: Future[tuple[_Form, Joined] | None]) -> None:
        """Use the program that was compiled in the background; without it go on as before."""
        self.coming = None
        failed = coming.exception()
        if failed is not None:
            stats.log.append(f"the state of a small step stays apart: {failed}")
            return
        self._joined_form, self.joined = coming.result() or (None, None)

    def _applies(self) -> bool:
        """Whether everything that the recording depended on still holds, Values excepted."""
        plan = self.plan
        if not plan.wiring.holds():
            return False
        # Looked at each time: a group is a plain dictionary, in which users write.
        for optimizer, group, static, n, groups, index, advancing in plan.groups:
            if (
                len(group["params"]) != n
                or len(optimizer.param_groups) != groups
                or optimizer._advanced.get(index) is not advancing
                or optimizer._static(group) != static
            ):
                return False
        return True

    def _read_numbers(self) -> None:
        """Read the optimizers' hyper-parameters anew."""
        floats = self.scalars[0]
        for function, group, start, names in self.plan.hypers:
            values = function(group)
            for j, name in enumerate(names):
                floats[start + j] = float(values[name])
        updates.count += 1


def _taken(leaf: Leaf, aval: Any) -> Any:
    """The memory of a leaf's gradient if nobody else holds it, or other memory of that shape."""
    grad, leaf.grad = leaf.grad, None
    count = sys.getrefcount
    if grad is not None and grad._chain is None and count(grad) == 2:
        storage = grad._storage
        del grad
        value = storage.value
        alone = count(storage) == 2 and count(value) == 3 and value.aval is aval
        if alone and not value.pinned and value.array is not None and count(value.array) == 2:
            return value.array
    return jnp.zeros(aval.shape, aval.dtype)


def _known(state: Any, live: tuple[int, ...], donated: tuple[int, ...]) -> Program | None:
    """A program that the ordinary execution already compiled for this."""
    entry = state.entries.get(live)
    if entry is None:
        return None
    for program in entry.programs.values():
        if program.donated == donated:
            return program
    return None
