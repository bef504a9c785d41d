"""Execution of a pending graph: as one program, or operation by operation.

A graph that ends in a known trie state with known live results runs the program that was
compiled for it. A new one is compiled whole, unless keys have stopped repeating: then its
operations run one by one, each compiled alone. When such a graph comes again it does so once
more, while its program is compiled in the background; the time after, the program is used. It is
waited for then, so that which one runs does not depend on how long compiling takes.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

import jax
import numpy as np

from flambeau._config import config
from flambeau._engine import background, memory, singles
from flambeau._engine.device import CPU, Place
from flambeau._engine.donation import pair
from flambeau._engine.layout import Layout
from flambeau._engine.program import Program, compile_graph, name_step, stats
from flambeau._engine.recorder import Graph, State, flush, set_executor
from flambeau._engine.value import Value

STORM = 6
"""So many new keys without a known one between them, and graphs run operation by operation."""

PATIENCE = 2
"""A graph that ran operation by operation gets its program when it comes for this time."""


class Entry:
    """What is known of a trie state with one set of live results."""

    __slots__ = ("coming", "programs", "seen", "useful")

    def __init__(self, useful: tuple[int, ...]):
        self.useful = useful
        self.coming: dict[tuple[int, ...], Future[Program | None]] = {}
        self.programs: dict[tuple[int, ...], Program] = {}
        self.seen: dict[tuple[int, ...], int] = {}


class _Weather:
    """Whether keys repeat. Shared by all threads; a lost update costs one decision."""

    def __init__(self) -> None:
        self.misses = 0


_weather = _Weather()
_dropping = threading.Lock()


def begin() -> None:
    """Execute what is pending, and forget how many new graphs came before.

    Where training begins or goes on: its first steps are compiled whole whatever the process
    did until then, so that a resumed run gives the bits of the one that was not interrupted.
    """
    flush()
    _weather.misses = 0


_resident: dict[tuple[Entry, tuple[int, ...]], Program] = {}
"""The programs in memory by where they are."""


def _make_room() -> None:
    """Drop the quarter of the programs that was not used for the longest time.

    Each holds memory and some of the mappings of which an operating system gives a process a
    limited number; a loop over ever new shapes would run out of them.
    """
    with _dropping:
        oldest = sorted(_resident, key=lambda at: _resident[at].used)
        keep = min(len(oldest), config.max_programs) * 3 // 4
        for entry, donate in oldest[: len(oldest) - keep]:
            del _resident[entry, donate]
            entry.programs.pop(donate, None)


def layout_of(state: State) -> Layout:
    """The layout of a state; kept with it."""
    if state.layout is None:
        state.layout = Layout(state)
    return state.layout


def execute(graph: Graph, aside: bool = False) -> None:
    """Run a graph and give every live Value its array; then the graph is empty.

    Args:
        graph: what to run.
        aside: compile and run in the background what has no program yet.
    """
    state = graph.state
    values: list[Value] = []
    live_list: list[int] = []
    for k, ref in enumerate(graph.outs):
        value = ref()
        if value is not None:
            live_list.append(k)
            values.append(value)
    live = tuple(live_list)
    if not live:
        graph.reset()
        return
    stats.launches += 1
    if graph.device is CPU and memory.undecided():
        avals = [value.aval for value in values]
        memory.keep(sum(a.size * a.dtype.itemsize for a in avals))
    if _under_way:
        _wait_for_arrays(graph)
    if aside and config._mode == "lazy" and _set_aside(graph, state, live, values):
        graph.reset()
        return
    try:
        with jax.enable_x64(True), graph.device.scope():
            if config._mode == "debug":
                arrays = _run_singly(graph, layout_of(state), live)
                _check_numbers(graph, layout_of(state), live, arrays)
            elif config._mode == "eager":
                arrays = _run_singly(graph, layout_of(state), live)
            else:
                arrays = _run_whole(graph, state, live)
    except BaseException as error:
        if isinstance(error, Exception):
            _explain(error, state)
        for value in values:
            value.place = None
        graph.reset()
        raise
    for value, array in zip(values, arrays, strict=True):
        value.array = array
        value.place = None
    graph.reset()


class _Aside:
    """A graph on its way: its program is being compiled and run in the background.

    Values whose place it is get their arrays when it has run; who needs one before waits.

    Attributes:
        arrays: the identities of the arrays that it reads.
        ran: when it has.
    """

    __slots__ = ("arrays", "ran")

    def __init__(self, arrays: frozenset[int]) -> None:
        self.arrays = arrays
        self.ran: Future[None] | None = None

    def bring(self, slot: int) -> None:
        """Wait for it.

        Raises:
            Exception: what it raised.
        """
        if self.ran is not None:
            self.ran.result()


_under_way: list[_Aside] = []


def _wait_for_arrays(graph: Graph) -> None:
    """Wait for graphs on their way that read what this one might overwrite.

    Until they have run they hold it, and whether it can be overwritten would be a matter of time.
    """
    leaves = zip(graph.leaf_arrays, graph.leaf_refs, strict=True)
    free = {id(array) for array, ref in leaves if ref.__class__ is not Value and ref() is None}
    for there in list(_under_way):
        assert there.ran is not None
        if not free.isdisjoint(there.arrays):
            concurrent.futures.wait([there.ran])
        if there.ran.done():
            with contextlib.suppress(ValueError):  # another thread saw it too
                _under_way.remove(there)


def _set_aside(graph: Graph, state: State, live: tuple[int, ...], values: list[Value]) -> bool:
    """Have a graph without a program compiled and run in the background; False if it has one."""
    entry, donate = _entry_of(graph, state, live)
    if donate in entry.programs:
        return False
    pending = _Pending(graph.device, graph.leaf_arrays, graph.scalars, graph.novelty)
    coming: Future[Program | None] | None = None
    way: Callable[[], Any] | None = None
    if donate not in entry.coming:
        way = _way(pending, state, entry, live, donate)
        coming = Future()
        coming.set_running_or_notify_cancel()  # who meets the same graph waits for the program
        entry.coming.setdefault(donate, coming)
    there = _Aside(frozenset(map(id, pending.leaf_arrays)))
    refs = [weakref.ref(value) for value in values]

    def run() -> Any:
        program = entry.programs.get(donate)
        if program is not None:
            return program(pending.leaf_arrays, layout_of(state), pending.scalars)
        return (way or _way(pending, state, entry, live, donate))()

    def job() -> None:
        try:
            with jax.enable_x64(True), pending.device.scope():
                arrays = run()
        except Exception as error:
            _explain(error, state)
            raise
        finally:
            pending.leaf_arrays.clear()
            if coming is not None:
                coming.set_result(entry.programs.get(donate))
                if entry.coming.get(donate) is coming:
                    del entry.coming[donate]
        for ref, array in zip(refs, arrays, strict=True):
            value = ref()
            if value is not None:
                value.array = array
                value.place = None

    there.ran = background.start(job)
    _under_way.append(there)
    for k, value in enumerate(values):
        if value.array is None:
            value.place = (there, k)
    return True


def _explain(error: Exception, state: State) -> None:
    """An error comes when a graph is executed: say where the graph was recorded.

    Of a compiled program XLA does not tell which operation failed. When a function of the
    user's own is in it that is the first suspect.
    """
    if hasattr(error, "_flambeau_step"):
        return
    steps = state.path()
    suspects = [s for s in steps if s.call.signature is None] if "allback" in str(error) else []
    lines: dict[str, list[str]] = {}
    for step in suspects or steps:
        lines.setdefault(step.line, []).append(step.call.name)
    where = [f"{line} ({', '.join(names[:4])})" for line, names in lines.items()]
    if len(where) > 6:
        where = [*where[:3], f"{len(where) - 6} lines more", *where[-3:]]
    error.add_note(
        f"It was raised by a program of {len(steps)} operations that had been recorded before, "
        "at\n  " + "\n  ".join(where) + "\nWith FLAMBEAU_MODE=debug every operation runs at "
        "its own line."
    )


class _Pending(NamedTuple):
    """What running a graph takes of it."""

    device: Place
    leaf_arrays: list[Any]
    scalars: Any
    novelty: str | None


def _run_whole(graph: Graph, state: State, live: tuple[int, ...]) -> Any:
    entry, donate = _entry_of(graph, state, live)
    program = entry.programs.get(donate)
    if program is None:
        program = _arrived(entry, donate)
    if program is None:
        pending = _Pending(graph.device, graph.leaf_arrays, graph.scalars, graph.novelty)
        return _way(pending, state, entry, live, donate)()
    _weather.misses = 0
    return program(graph.leaf_arrays, layout_of(state), graph.scalars)


def _entry_of(graph: Graph, state: State, live: tuple[int, ...]) -> tuple[Entry, tuple[int, ...]]:
    """What is known of a graph with these live results, and the leaves that may be overwritten."""
    entry = state.entries.get(live)
    if entry is None:
        entry = _new_entry(state, live)
    return entry, _free_leaves(graph, entry.useful) if entry.useful else ()


def _new_entry(state: State, live: tuple[int, ...]) -> Entry:
    layout = layout_of(state)
    wanted = {layout.out_avals[k] for k in live}
    useful = tuple(i for i, a in enumerate(layout.leaf_avals) if a in wanted)
    return state.entries.setdefault(live, Entry(useful))


def _free_leaves(graph: Graph, useful: tuple[int, ...]) -> tuple[int, ...]:
    """The leaves whose Value is dead and whose array nobody else holds."""
    refs = graph.leaf_refs
    arrays = graph.leaf_arrays
    count = sys.getrefcount
    return tuple(
        i
        for i in useful
        if (ref := refs[i]).__class__ is not Value and ref() is None and count(arrays[i]) == 2
    )


def _way(
    graph: _Pending, state: State, entry: Entry, live: tuple[int, ...], donate: tuple[int, ...]
) -> Callable[[], Any]:
    """How to run what has no program of its own: by one that does more, compiled, one by one.

    Decided, and counted, when it is asked for; the function that comes back does it.
    """
    layout = layout_of(state)
    times = entry.seen[donate] = entry.seen.get(donate, 0) + 1
    if times < PATIENCE:
        broader = _broader(state, live, donate)
        if broader is not None:
            position = {k: i for i, k in enumerate(broader.live)}

            def by_broader() -> Any:
                outs = broader(graph.leaf_arrays, layout, graph.scalars)
                return [outs[position[k]] for k in live]

            return by_broader
        if _weather.misses >= STORM:
            return lambda: _run_singly(graph, layout, live)
    reason = graph.novelty or _why(state, live, donate)
    pairs = pair(layout, live, donate)
    device, number = graph.device, stats.next_program()

    def make() -> Program:
        made = compile_graph(layout, live, pairs, device, reason, number)
        _install(entry, donate, made)
        return made

    if times == PATIENCE and singles.know(layout, graph.device):
        reason += ", in the background"

        def make_beside() -> Program:
            made = make()
            entry.coming.pop(donate, None)
            return made

        entry.coming[donate] = background.start(make_beside)
        if donate in entry.programs:  # made before it was noted
            entry.coming.pop(donate, None)
        return lambda: _run_singly(graph, layout, live)
    _weather.misses += 1
    return lambda: make()(graph.leaf_arrays, layout, graph.scalars)


def _arrived(entry: Entry, donate: tuple[int, ...]) -> Program | None:
    """The program that was asked for in the background; None if it has to be compiled now."""
    coming = entry.coming.pop(donate, None)
    if coming is None:
        return entry.programs.get(donate)  # it may just have come
    if coming.cancel():  # others stand before it
        stats.programs -= 1
        return None
    return coming.result()


def _install(entry: Entry, donate: tuple[int, ...], program: Program) -> None:
    entry.programs[donate] = program
    _resident[entry, donate] = program
    n = len(_resident)
    if n > config.max_programs or (n % 32 == 0 and memory.mappings_are_scarce()):
        _make_room()


def _broader(state: State, live: tuple[int, ...], donate: tuple[int, ...]) -> Program | None:
    """A compiled program that returns at least these results and donates at most these leaves."""
    wanted, free = set(live), set(donate)
    best: Program | None = None
    for entry in list(state.entries.values()):
        for program in list(entry.programs.values()):
            fits = wanted.issubset(program.live) and free.issuperset(program.donated)
            if fits and (best is None or len(program.live) < len(best.live)):
                best = program
    return best


def _why(state: State, live: tuple[int, ...], donate: tuple[int, ...]) -> str:
    others = [k for k in state.entries if k != live]
    if others:
        layout = layout_of(state)
        names = [step.call.name for step in layout.steps for _ in step.outs]
        gained = [names[k] for k in live if k not in others[-1]]
        lost = [names[k] for k in others[-1] if k not in live]
        return (
            f"the same operations, other results are kept (now {gained or 'none'} more, "
            f"{lost or 'none'} fewer)"
        )
    return f"the same operations and results, other inputs can be reused (now {len(donate)})"


def _run_singly(graph: Graph | _Pending, layout: Layout, live: tuple[int, ...]) -> list[Any]:
    """Run operations one by one, dropping what is no longer needed."""
    last: dict[int, int] = {}
    for i, step in enumerate(layout.steps):
        for s in step.inputs:
            last[s] = i
    keep = {layout.out_slots[k] for k in live}
    env: dict[int, Any] = {-1: None}
    env.update(zip(layout.leaf_slots, graph.leaf_arrays, strict=True))
    for values, kind in zip(graph.scalars, "fic", strict=True):
        for value, (slot, dtype) in zip(values, layout.packed[kind], strict=True):
            env[slot] = np.asarray(value).astype(dtype)
    for i, step in enumerate(layout.steps):
        try:
            run = singles.compiled(step.call, layout.inputs[i], graph.device, layout.target)
            outs = run(*[env[s] for s in step.inputs])
        except Exception as error:
            name_step(error, step)
            raise
        stats.single_calls += 1
        for j, out in enumerate(outs):
            env[step.first_out + j] = out
        for s in {*step.inputs, *range(step.first_out, step.n)}:
            if s >= 0 and last.get(s, i) <= i and s not in keep:
                env.pop(s, None)
    return [env[layout.out_slots[k]] for k in live]


def _check_numbers(graph: Graph, layout: Layout, live: tuple[int, ...], arrays: list[Any]) -> None:
    """In debug mode: the IR is sound, and no operation made a NaN out of numbers."""
    verify(layout)
    step = layout.steps[-1]
    for array in arrays:
        a = np.asarray(array)
        if a.dtype.kind not in "fcV" or not np.isnan(a.astype(np.complex128)).any():
            continue
        clean = all(
            not np.isnan(np.asarray(x).astype(np.complex128)).any()
            for x in graph.leaf_arrays
            if np.asarray(x).dtype.kind in "fcV"
        )
        if clean:
            raise FloatingPointError(
                f"{step.call.name} at {graph.sources[-1] if graph.sources else '<unknown>'} "
                "made NaN from inputs without NaN"
            )


def verify(layout: Layout) -> None:
    """Check a recorded graph: every input is defined before its use and shapes are as inferred.

    Raises:
        AssertionError: the recorder is wrong.
    """
    defined = {-1, *layout.leaf_slots}
    for pairs in layout.packed.values():
        defined.update(slot for slot, _ in pairs)
    for step in layout.steps:
        missing = [s for s in step.inputs if s not in defined]
        if missing:
            raise AssertionError(f"{step.call.name} reads slots {missing} before they are made")
        fresh = range(step.first_out, step.n)
        if any(s in defined for s in fresh):
            raise AssertionError(f"{step.call.name} writes a slot twice")
        defined.update(fresh)


set_executor(execute)
