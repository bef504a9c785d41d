"""Programs: a recorded graph compiled whole, for one set of live results and donated leaves."""

from __future__ import annotations

import hashlib
import operator
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from flambeau._config import config
from flambeau._engine import disk, memory, shapes, xla
from flambeau._engine.call import SUM, Call
from flambeau._engine.device import Place
from flambeau._engine.joint import Joint
from flambeau._engine.layout import PACKS, Layout
from flambeau._engine.products import suit_eigen
from flambeau._engine.recorder import State
from flambeau._ops.order import Turned
from flambeau._ops.pieces import Pieces
from flambeau._ops.target import formulating


class Program:
    """A compiled graph.

    Calling it with the leaves and the packed numbers gives the live results. NumPy's arrays may be
    among the leaves where 64-bit types are on in JAX (:func:`jax.enable_x64`). One with a
    :class:`Joint` takes and gives the joint array first, and no leaf or result that is in it.

    Attributes:
        device: where it runs.
        compiled: gives the results in the order of their memory (see :func:`_order`).
        live: ordinals of the results.
        donated: ordinals of the leaves whose memory it reuses.
        vessels: ordinals of results that get memory of their shape with each call.
        sorted: brings what `compiled` gives into the order of `live`; None where it is so.
        seconds: how long making it took.
        uses: how often it ran.
        used: when it ran last, in launches of the process.
    """

    __slots__ = (
        "compiled", "device", "donated", "held", "live", "seconds", "sorted", "used", "uses",
        "vessels",
    )  # fmt: skip

    def __init__(
        self,
        device: Place,
        compiled: Any,
        live: tuple[int, ...],
        pairs: dict[int, int],
        vessels: tuple[int, ...] = (),
        joint: Joint | None = None,
    ):
        self.device = device
        self.compiled = compiled
        self.live = live
        self.donated = tuple(sorted(pairs))
        self.vessels = vessels
        order = _order(live, pairs, vessels)
        at = {k: i for i, k in enumerate(order)}
        wanted = [at[k] for k in live]
        if joint is not None:
            wanted = [0, *[i + 1 for i in wanted]]
        self.sorted = None if order == live else operator.itemgetter(*wanted)
        self.held: tuple[list[bytes], list[Any]] = ([], [])
        self.uses = 0
        self.used = stats.launches
        self.seconds = 0.0

    def __call__(
        self, leaves: list[Any], layout: Layout, scalars: Any, vessels: Sequence[Any] = ()
    ) -> Sequence[Any]:
        self.uses += 1
        self.used = stats.launches
        if memory.disordered():
            memory.put_in_order()
        if watch.launched is not None:
            watch.launched.append((self, layout))
        if scalars[0] or scalars[1] or scalars[2]:
            packs = layout.pack(scalars)
            words = [p.tobytes() for p in packs]
            held = self.held
            if words == held[0]:  # the copies on the device serve again
                packs = held[1]
            else:
                with jax.enable_x64(True), self.device.scope():
                    packs = [jax.device_put(p) for p in packs]
                self.held = (words, packs)  # at once: another thread may run this program
            outs = self.compiled(*leaves, *packs, *vessels)
        else:
            outs = self.compiled(*leaves, *vessels)
        return outs if self.sorted is None else self.sorted(outs)


def _order(
    live: tuple[int, ...], pairs: dict[int, int], vessels: tuple[int, ...]
) -> tuple[int, ...]:
    """The results as the compiled program gives them.

    JAX lets each donated input, the first first, give its memory to the first result of its
    shape that has none: results that take an input's memory come first, in the inputs' order,
    of which vessels are the last.
    """
    first = [*[pairs[i] for i in sorted(pairs)], *vessels]
    taken = set(first)
    return (*first, *[k for k in live if k not in taken])


class Stats:
    """Counts of what the engine did in this process."""

    def __init__(self) -> None:
        self.programs = 0
        self.from_disk = 0
        self.launches = 0
        self.single_calls = 0
        self.compile_seconds = 0.0
        self.log: list[str] = []

    def next_program(self) -> int:
        """Count a program, when it is asked for; gives its number."""
        self.programs += 1
        return self.programs

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
_tracing = threading.RLock()


def compile_graph(
    layout: Layout,
    live: tuple[int, ...],
    pairs: dict[int, int],
    device: Place,
    reason: str,
    number: int | None = None,
    vessels: tuple[int, ...] = (),
    joint: Joint | None = None,
) -> Program:
    """Compile a graph whole, or take it from the disk cache.

    Args:
        layout: the graph.
        live: ordinals of the results to return.
        pairs: which leaf gives its memory to which result, as ordinals.
        device: where it will run.
        reason: why it is new, for the log.
        number: its number, if it was counted before.
        vessels: ordinals of results for which each call brings memory of their shape, of which
            the program reads nothing.
        joint: leaves and results that are one array, none of them in ``live`` and ``pairs``.
    """
    number = number or stats.next_program()
    apart = [i for i in range(len(layout.leaf_slots)) if joint is None or i not in joint.leaves]
    program = Program(device, None, live, pairs, vessels, joint)
    order, first = _order(live, pairs, vessels), int(joint is not None)
    n_leaves = first + len(apart)
    n_read = n_leaves + sum(map(bool, layout.packed.values()))

    def run(*args: Any) -> list[Any]:
        leaves, packs = args[first:n_leaves], args[n_leaves:n_read]
        if joint is not None:
            # A barrier: what is inside is fused as it is without a joint, to the same bits.
            parts = jax.lax.optimization_barrier(joint.split(args[0]))
            given = dict(zip(joint.leaves, parts, strict=False)) | dict(
                zip(apart, leaves, strict=True)
            )
            leaves = [given[i] for i in range(len(given))]
        env = layout.bind(leaves, packs)
        images, pieces = Turned() if layout.target.on_cpu else None, Pieces()
        for step in layout.steps:
            try:
                inputs = [env[s] for s in step.inputs]
                if images is None:
                    outs = step.call.fn(*inputs)
                else:
                    outs = images.run(step.call.order, step.call.fn, inputs)
            except Exception as error:
                name_step(error, step)
                raise
            for i, out in enumerate(_pieced(pieces, step.call, inputs, outs)):
                env[step.first_out + i] = out
        outs = _unaliased([env[layout.out_slots[k]] for k in order], args)
        if joint is not None:
            parts = [env[layout.out_slots[k]] for k in joint.results]
            outs.insert(0, joint.join(jax.lax.optimization_barrier(parts)))
        return outs

    avals = [layout.leaf_avals[i] for i in apart]
    structs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
    if joint is not None:
        structs.insert(0, jax.ShapeDtypeStruct((joint.size,), joint.avals[0].dtype))
    for kind, dtype in PACKS:
        if layout.packed[kind]:
            structs.append(jax.ShapeDtypeStruct((len(layout.packed[kind]),), dtype))
    structs += [
        jax.ShapeDtypeStruct(layout.out_avals[k].shape, layout.out_avals[k].dtype) for k in vessels
    ]
    at = {leaf: first + i for i, leaf in enumerate(apart)}
    donated = [at[i] for i in program.donated]
    given = (*range(first), *donated, *range(n_read, n_read + len(vessels)))
    start = time.perf_counter()
    kind = "small" if joint is not None else ""
    if not kind and layout.target.on_cpu and suit_eigen(layout):
        kind = "eigen"
    key = disk.program_key(_signature(layout, order, given, joint), device, kind)
    compiled = disk.load(key, device) if key else None
    hit = compiled is not None
    if compiled is None:
        with jax.enable_x64(True), device.scope():
            with _tracing, formulating(layout.target):
                # What is not read is an argument all the same where it brings memory.
                kept = bool(vessels)
                jitted = jax.jit(run, donate_argnums=given, keep_unused=kept)
                lowered = xla.without_places(jitted.lower(*structs))
            compiled = xla.attempt(device, lambda o: lowered.compile(compiler_options=o), kind)
        if key:
            disk.store(key, compiled)
            shapes.keep()
    seconds = time.perf_counter() - start
    stats.from_disk += hit
    stats.compile_seconds += seconds
    line = (
        f"program {number}: {len(layout.steps)} operations, {len(live) + first} results, "
        f"{len(donated) + first} donated, {seconds:.2f} s{' from disk' if hit else ''}: {reason}"
    )
    stats.log.append(line)
    if "compile" in config.log:
        print(f"flambeau: {line}", file=sys.stderr)
    program.compiled = compiled
    program.seconds = seconds
    return program


def name_step(error: Exception, step: State) -> None:
    """Tell in a late error which operation it was, and where the user asked for it."""
    error.add_note(f"The operation was {step.call.name}, recorded at {step.line}.")
    error._flambeau_step = step


def _pieced(
    pieces: Pieces, call: Call, inputs: Sequence[Any], outs: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """The results, gradients of parts joined (see :mod:`flambeau._ops.pieces`)."""
    forward = call.derives
    if forward is not None and forward.op is not None:
        pieces.part(forward.name, forward.static, inputs, outs)
    elif call.signature == SUM:
        return (pieces.sum(inputs, outs[0]),)
    return outs


def _unaliased(outs: list[Any], args: Sequence[Any]) -> list[Any]:
    """Copy results that are an input or one another, so that each Value owns its memory."""
    seen = {id(a) for a in args}
    result = []
    for out in outs:
        result.append(jnp.copy(out) if id(out) in seen else out)
        seen.add(id(out))
    return result


def _signature(
    layout: Layout, order: tuple[int, ...], donated: tuple[int, ...], joint: Joint | None
) -> str | None:
    """The graph in words that mean the same in another process; None if it has no such words."""
    digest = hashlib.sha256()
    for step in layout.steps:
        words = step.call.signature
        if words is None:
            return None
        leaves = [(a.shape, a.dtype.name, a.kind) for a in step.leaves]
        digest.update(f"{words}|{step.inputs}|{leaves}\n".encode())
    digest.update(f"{order}|{donated}|{layout.target}".encode())
    if joint is not None:
        digest.update(f"|joint {joint.leaves}{joint.results}".encode())
    return digest.hexdigest()
