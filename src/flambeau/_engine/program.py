"""Programs: a recorded graph compiled whole, for one set of live results and donated leaves."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from flambeau._config import config
from flambeau._engine import disk
from flambeau._engine.aval import Aval
from flambeau._engine.device import Place
from flambeau._engine.recorder import State

_PACKS = (("f", np.float64), ("i", np.int64), ("c", np.complex128))


class Layout:
    """Where everything of a trie state is: leaves, packed numbers, results."""

    __slots__ = ("leaf_avals", "leaf_slots", "out_avals", "out_slots", "packed", "steps")

    def __init__(self, state: State):
        self.steps = state.path()
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

    def bind(self, leaves: Sequence[Any], packs: Sequence[Any]) -> dict[int, Any]:
        """Slots to arrays, before anything ran. Works on arrays and on tracers."""
        env: dict[int, Any] = {-1: None}
        env.update(zip(self.leaf_slots, leaves, strict=True))
        present = [kind for kind, _ in _PACKS if self.packed[kind]]
        for kind, vector in zip(present, packs, strict=True):
            for i, (slot, dtype) in enumerate(self.packed[kind]):
                env[slot] = jnp.asarray(vector[i]).astype(dtype)
        return env

    def pack(self, scalars: tuple[list[float], list[int], list[complex]]) -> list[np.ndarray]:
        """The numbers of a graph as one vector per kind that occurs."""
        return [
            np.array(values, dtype)
            for values, (_, dtype) in zip(scalars, _PACKS, strict=True)
            if values
        ]


class Program:
    """A compiled graph.

    Calling it with the leaves and the packed numbers gives the live results.
    """

    __slots__ = ("compiled", "donated", "held", "live", "seconds", "used", "uses")

    def __init__(self, compiled: Any, live: tuple[int, ...], donated: tuple[int, ...]):
        self.compiled = compiled
        self.live = live
        self.donated = donated
        self.held: tuple[list[bytes], list[Any]] = ([], [])
        self.uses = 0
        self.used = stats.launches
        self.seconds = 0.0

    def __call__(self, leaves: list[Any], layout: Layout, scalars: Any) -> Sequence[Any]:
        self.uses += 1
        self.used = stats.launches
        if watch.launched is not None:
            watch.launched.append((self, layout))
        if scalars[0] or scalars[1] or scalars[2]:
            packs = layout.pack(scalars)
            words = [p.tobytes() for p in packs]
            held = self.held
            if words == held[0]:  # the copies on the device serve again
                packs = held[1]
            else:
                packs = [jax.device_put(p) for p in packs]
                self.held = (words, packs)  # at once: another thread may run this program
            return self.compiled(*leaves, *packs)
        return self.compiled(*leaves)


class Stats:
    """Counts of what the engine did in this process."""

    def __init__(self) -> None:
        self.programs = 0
        self.from_disk = 0
        self.launches = 0
        self.single_calls = 0
        self.compile_seconds = 0.0
        self.log: list[str] = []

    def __repr__(self) -> str:
        return (
            f"Stats(programs={self.programs}, from_disk={self.from_disk}, "
            f"launches={self.launches}, single_calls={self.single_calls}, "
            f"compile_seconds={self.compile_seconds:.2f})"
        )


stats = Stats()


class Watch:
    """What a profile sets while it looks on."""

    launched: list[tuple[Program, Layout]] | None = None


watch = Watch()
_compiling = threading.RLock()


def compile_graph(
    layout: Layout,
    live: tuple[int, ...],
    donated: tuple[int, ...],
    device: Place,
    reason: str,
) -> Program:
    """Compile a graph whole, or take it from the disk cache.

    Args:
        layout: the graph.
        live: ordinals of the results to return.
        donated: ordinals of the leaves whose memory the program may reuse.
        device: where it will run.
        reason: why it is new, for the log.
    """
    n_leaves = len(layout.leaf_slots)

    def run(*args: Any) -> list[Any]:
        leaves, packs = args[:n_leaves], args[n_leaves:]
        env = layout.bind(leaves, packs)
        for step in layout.steps:
            try:
                outs = step.call.fn(*[env[s] for s in step.inputs])
            except Exception as error:
                name_step(error, step)
                raise
            for i, out in enumerate(outs):
                env[step.first_out + i] = out
        return _unaliased([env[layout.out_slots[k]] for k in live], args)

    structs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in layout.leaf_avals]
    for kind, dtype in _PACKS:
        if layout.packed[kind]:
            structs.append(jax.ShapeDtypeStruct((len(layout.packed[kind]),), dtype))
    start = time.perf_counter()
    with _compiling:
        key = disk.program_key(_signature(layout, live, donated), device)
        compiled = disk.load(key, device) if key else None
        hit = compiled is not None
        if compiled is None:
            with jax.enable_x64(True), device.scope():
                compiled = jax.jit(run, donate_argnums=donated).lower(*structs).compile()
            if key:
                disk.store(key, compiled)
    seconds = time.perf_counter() - start
    stats.programs += 1
    stats.from_disk += hit
    stats.compile_seconds += seconds
    line = (
        f"program {stats.programs}: {len(layout.steps)} operations, {len(live)} results, "
        f"{len(donated)} donated, {seconds:.2f} s{' from disk' if hit else ''}: {reason}"
    )
    stats.log.append(line)
    if "compile" in config.log:
        print(f"flambeau: {line}", file=sys.stderr)
    program = Program(compiled, live, donated)
    program.seconds = seconds
    return program


def name_step(error: Exception, step: State) -> None:
    """Tell in a late error which operation it was, and where the user asked for it."""
    error.add_note(f"The operation was {step.call.name}, recorded at {step.line}.")
    error._flambeau_step = step  # type: ignore[attr-defined]


def _unaliased(outs: list[Any], args: Sequence[Any]) -> list[Any]:
    """Copy results that are an input or one another, so that each Value owns its memory."""
    seen = {id(a) for a in args}
    result = []
    for out in outs:
        result.append(jnp.copy(out) if id(out) in seen else out)
        seen.add(id(out))
    return result


def _signature(layout: Layout, live: tuple[int, ...], donated: tuple[int, ...]) -> str | None:
    """The graph in words that mean the same in another process; None if it has no such words."""
    digest = hashlib.sha256()
    for step in layout.steps:
        words = step.call.signature
        if words is None:
            return None
        leaves = [(a.shape, a.dtype.name, a.kind) for a in step.leaves]
        digest.update(f"{words}|{step.inputs}|{leaves}\n".encode())
    digest.update(f"{live}|{donated}".encode())
    return digest.hexdigest()


def matching(
    leaf_avals: Sequence[Aval], out_avals: Sequence[Aval], leaves: Sequence[int]
) -> tuple[int, ...]:
    """Those of the leaves whose memory some result can take over: same shape and dtype."""
    room: dict[Any, int] = {}
    for a in out_avals:
        room[a] = room.get(a, 0) + 1
    taken = []
    for i in leaves:
        left = room.get(leaf_avals[i], 0)
        if left:
            room[leaf_avals[i]] = left - 1
            taken.append(i)
    return tuple(taken)
