"""The recorder: each thread's pending graph, and the trie that knows graphs it has seen.

Recording an operation walks one edge of a trie whose nodes (:class:`State`) stand for all
graphs with the same past. In a loop every edge exists after the first round, so recording
costs a dictionary look-up: no shape inference and no hashing of a graph at execution, since
the trie state and the set of live results already are the program's key.
"""

from __future__ import annotations

import itertools
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flambeau._config import config
from flambeau._engine.aval import Aval, aval_of
from flambeau._engine.call import Call
from flambeau._engine.changes import changes
from flambeau._engine.device import CPU, META, Place
from flambeau._engine.value import Layer, Value
from flambeau._engine.xla import Choices, target_of
from flambeau._ops.target import Target

MAX_STATES = 500_000


class State:
    """A node of the trie: everything recorded so far, as a chain of parents.

    Attributes:
        call: the operation recorded last, None at the root.
        inputs: the slot of each of its inputs, -1 where an optional one is absent.
        leaves: the avals of the leaves that this operation brought in, in slot order.
        outs: the avals of its results; their slots follow the new leaves' slots.
        n: how many slots there are now, leaves and results together.
        depth: how many operations.
        entries: what has been compiled for graphs that end here, by live results.
        layout: where everything is, once a graph that ends here has been executed.
        where: the user's code and position in it that recorded the operation first.
        ends: what is known of recordings that go on from here, by whoever knows it.
    """

    __slots__ = (
        "__weakref__", "call", "depth", "ends", "entries", "first_out", "inputs", "layout",
        "leaves", "n", "next", "outs", "parent", "where",
    )  # fmt: skip

    def __init__(
        self,
        parent: State | None,
        call: Any,
        inputs: tuple[int, ...],
        leaves: tuple[Aval, ...],
        outs: tuple[Aval, ...],
    ):
        self.parent = parent
        self.call: Call = call
        self.inputs = inputs
        self.leaves = leaves
        self.outs = outs
        base = parent.n if parent is not None else 0
        self.first_out = base + len(leaves)
        self.n = self.first_out + len(outs)
        self.depth = parent.depth + 1 if parent is not None else 0
        self.next: dict[Any, State] = {}
        self.entries: dict[tuple[int, ...], Any] = {}
        self.layout: Any = None
        self.where: Any = None
        self.ends: dict[Any, Any] | None = None

    @property
    def line(self) -> str:
        """``file:line`` of the user's code that recorded the operation, the first time."""
        if self.where is None:
            return "<unknown>"
        code, at = self.where
        found = itertools.islice(code.co_positions(), at // 2, None)
        return f"{code.co_filename}:{next(found, (code.co_firstlineno,))[0]}"

    def path(self) -> list[State]:
        """The recorded operations, first to last."""
        steps: list[State] = []
        state: State | None = self
        while state is not None and state.parent is not None:
            steps.append(state)
            state = state.parent
        steps.reverse()
        return steps


class Root(State):
    """Where graphs for one device begin.

    Attributes:
        target: what they are formulated for.
    """

    __slots__ = ("target",)

    def __init__(self, target: Target):
        super().__init__(None, None, (), (), ())
        self.target = target


class Epoch:
    """One filling of a graph; slots are valid within it only.

    Attributes:
        tape: a weak reference to a tape node recorded here, or None.
    """

    __slots__ = ("graph", "tape")

    def __init__(self, graph: Graph):
        self.graph = graph
        self.tape: Any = None

    def bring(self, slot: int) -> None:
        """Have the array of the Value in a slot computed, and with it all others here."""
        self.graph.execute()  # or its thread has just had that done in the background


class Graph:
    """The operations that one thread has recorded for one device and not yet executed."""

    __slots__ = (
        "device", "epoch", "leaf_arrays", "leaf_refs", "lock", "novelty", "outs",
        "root", "scalars", "sources", "state",
    )  # fmt: skip

    def __init__(self, device: Place):
        self.device = device
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget everything recorded."""
        self.root = _root(self.device)
        if _trie.states > MAX_STATES:
            _trie.states = 0
            self.root.next = {}
        self.epoch = Epoch(self)
        self.state: State = self.root
        self.leaf_refs: list[Any] = []
        self.leaf_arrays: list[Any] = []
        self.scalars: tuple[list[float], list[int], list[complex]] = ([], [], [])
        self.outs: list[weakref.ref[Value]] = []
        self.novelty: str | None = None
        self.sources: list[str] = []

    def execute(self, aside: bool = False) -> None:
        """Run what is pending; afterwards every live Value has its array.

        Args:
            aside: nobody waits for the results: what has to be compiled first is compiled, and
                run, in the background.
        """
        with self.lock:
            if self.state is not self.root:
                _executor(self, aside)


class _Trie:
    """How large the trie is; beyond its bound it starts afresh (programs compile again)."""

    states = 0


_trie = _Trie()
_ROOTS: dict[tuple[Place, Target], Root] = {}
_KIND = {float: 0, int: 1, bool: 1, complex: 2}
_KINDS = "fic"
_executor: Any = None

layers: Any = None
"""While a transform is open in some thread: gets each call first, gives its results or None."""


def _root(device: Place) -> Root:
    target = target_of(device)
    found = _ROOTS.get((device, target))
    return found or _ROOTS.setdefault((device, target), Root(target))


def set_layers(record_in_layers: Any) -> None:
    """Tell the recorder whom calls go to first (:mod:`flambeau._autograd.levels` does)."""
    global layers
    layers = record_in_layers


def set_executor(execute: Any) -> None:
    """Tell the recorder how a graph is executed (:mod:`flambeau._engine.executor` does)."""
    global _executor
    _executor = execute


class Capture:
    """What ``compile`` sets while it runs a function: reading is an error there.

    Attributes:
        holds: nothing is executed until the function ends.
        hypers: per fused update, where its hyper-parameters come from and the positions of
            their numbers in the graph.
    """

    def __init__(self, holds: bool) -> None:
        self.holds = holds
        self.hypers: list[tuple[Any, int, tuple[str, ...]]] = []

    def refuse_read(self) -> None:
        raise RuntimeError(
            f"a value is read inside a compiled function, at {user_line()}: print(), .item(), "
            ".numpy(), `if tensor:` and results whose shape depends on data cannot be replayed. "
            "Return the tensor and read it outside, or leave this function uncompiled"
        )


class _Thread(threading.local):
    """A thread's pending graphs by device, its capture if it is under one, its checks."""

    def __init__(self) -> None:
        self.graphs: dict[Place, Graph] = {}
        self.capture: Capture | None = None
        self.checks: deque[tuple[Value, Callable[[], Exception]]] = deque()


_thread = _Thread()


def graph_for(device: Place) -> Graph:
    """The pending graph of the calling thread for a device."""
    graph = _thread.graphs.get(device)
    if graph is None:
        graph = _thread.graphs[device] = Graph(device)
    return graph


def record(
    call: Call,
    inputs: Sequence[Any],
    scalar_dtype: np.dtype | None = None,
    device: Place | None = None,
) -> tuple[Value, ...]:
    """Append an operation to this thread's pending graph.

    Args:
        call: what to do.
        inputs: Values, Python numbers (inputs of the program, as ``scalar_dtype``), or None
            where an optional input is absent.
        scalar_dtype: the dtype that Python numbers take.
        device: where to run; by default where the inputs are.

    Returns:
        One pending Value per result.
    """
    if layers is not None:
        outs = layers(call, inputs, scalar_dtype, device)
        if outs is not None:
            return outs
    if device is None:
        device = _device_of(inputs)
    if device is META:
        return _record_shapes(call, inputs, scalar_dtype)
    graph = _thread.graphs.get(device)
    if graph is None:
        graph = graph_for(device)
    with graph.lock:
        epoch = graph.epoch
        state = graph.state
        n = state.n
        slots = []
        fresh: list[Aval] | None = None
        for v in inputs:
            if v.__class__ is Value:
                place = v.place
                if place is not None and place[0] is epoch:
                    slots.append(place[1])
                    continue
                if v.array is None:
                    if place is not None and isinstance(place[0], Layer):
                        _forget_leaves(graph, tuple(fresh or ()), n)
                        return record(call, [_revealed(x) for x in inputs], scalar_dtype, device)
                    _materialize_elsewhere(v)
                    if graph.epoch is not epoch:  # the other graph's run executed ours
                        return record(call, inputs, scalar_dtype, device)
                array = v.array
                if array.__class__ is np.ndarray and place is not None:
                    array = v.array = _upload(array, device)  # used again: convert it once  # pyright: ignore[reportArgumentType]
                v.place = (epoch, n)
                graph.leaf_refs.append(v if v.pinned else weakref.ref(v))
                graph.leaf_arrays.append(array)
                aval = v.aval
            elif v is None:
                slots.append(-1)
                continue
            else:
                kind = _KIND.get(v.__class__)
                if kind is None:
                    v, kind = _plain_number(v)
                if kind == 1 and not -(1 << 63) <= v < 1 << 63:
                    _forget_leaves(graph, tuple(fresh or ()), n)
                    raise RuntimeError(
                        f"{call.name}: the number {v} does not fit int64, the widest integer type"
                    )
                graph.scalars[kind].append(v)
                aval = _scalar_aval(kind, scalar_dtype)
            slots.append(n)
            n += 1
            if fresh is None:
                fresh = [aval]
            else:
                fresh.append(aval)
        key = (call, tuple(slots)) if fresh is None else (call, tuple(slots), tuple(fresh))
        found = state.next.get(key)
        if found is None:
            found = _extend(graph, state, call, key, n)
        graph.state = found
        outs = []
        slot = found.first_out
        refs = graph.outs
        for aval in found.outs:
            v = Value(aval, None, (epoch, slot))
            refs.append(weakref.ref(v))
            outs.append(v)
            slot += 1
        if config._mode != "lazy" or found.depth >= config.max_pending:
            _leave_lazily(graph)
        return tuple(outs)


def _record_shapes(
    call: Call, inputs: Sequence[Any], scalar_dtype: np.dtype | None
) -> tuple[Value, ...]:
    """On ``meta`` nothing is recorded: results have shapes and no data."""
    avals = []
    for v in inputs:
        if v is not None and v.__class__ is not Value:
            v, kind = _plain_number(v)
            avals.append(_plain(_scalar_aval(kind, scalar_dtype)))
        else:
            avals.append(v and v.aval)
    return tuple(Value(aval) for aval in call.infer(tuple(avals), META))


def _device_of(inputs: Sequence[Any]) -> Place:
    for v in inputs:
        if v.__class__ is Value:
            return v.aval.device
    return CPU


_SCALAR_AVALS: dict[tuple[int, Any], Aval] = {}


def _scalar_aval(kind: int, dtype: np.dtype | None) -> Aval:
    found = _SCALAR_AVALS.get((kind, dtype))
    if found is None:
        want = dtype or np.dtype((np.float64, np.int64, np.complex128)[kind])
        found = _SCALAR_AVALS[kind, dtype] = aval_of((), want, None, _KINDS[kind])
    return found


def _plain_number(value: Any) -> tuple[Any, int]:
    """A NumPy scalar or the like as a Python number, and its kind."""
    value = value.item() if hasattr(value, "item") else value
    for kind, types in ((1, int), (0, float), (2, complex)):
        if isinstance(value, types):
            return types(value), kind  # pyright: ignore[reportArgumentType]
    raise TypeError(f"an operation got {value!r}, which is neither a tensor nor a number")


def _upload(array: np.ndarray, device: Place) -> Any:
    import jax

    with jax.enable_x64(True):
        return jax.device_put(array, device.jax_device())


def _revealed(value: Any) -> Any:
    """A Value without the layers of transforms that have ended; others stay as they are."""
    while value.__class__ is Value and value.array is None:
        place = value.place
        if place is None or not isinstance(place[0], Layer):
            break
        value = place[0].reveal(place[1])
    return value


def _materialize_elsewhere(value: Value) -> None:
    """Execute the graph, of another thread or device, that will produce a value."""
    place = None
    while value.array is None:
        before, place = place, value.place
        if place is None or place is before:
            if value.array is not None:  # another thread has just executed it
                return
            raise RuntimeError(
                f"{value!r} lost its graph: the program that would have produced it failed, "
                "see the first error"
            )
        place[0].bring(place[1])


def _extend(graph: Graph, state: State, call: Call, key: Any, n: int) -> State:
    """Add an edge to the trie: infer shapes and note why the graph is new."""
    slots = key[1]
    fresh = key[2] if len(key) == 3 else ()
    try:
        avals = _avals_of(state, slots, fresh)
        outs = call.infer(avals, graph.device)
    except BaseException:
        _forget_leaves(graph, fresh, n)
        raise
    if graph.novelty is None:
        graph.novelty = _why_new(state, call, key)
    found = State(state, call, slots, fresh, outs)
    found.where = _user_code()
    _trie.states += 1
    return state.next.setdefault(key, found)


def _avals_of(
    state: State, slots: tuple[int, ...], fresh: tuple[Aval, ...]
) -> tuple[Aval | None, ...]:
    """The aval behind each slot."""
    wanted = {s for s in slots if s >= 0}
    found: dict[int, Aval] = {}
    for i, aval in enumerate(fresh):
        found[state.n + i] = _plain(aval)
    at: State | None = state
    while len(found) < len(wanted) and at is not None and at.parent is not None:
        base = at.parent.n
        for i, aval in enumerate((*at.leaves, *at.outs)):
            if base + i in wanted:
                found[base + i] = _plain(aval)
        at = at.parent
    return tuple(found.get(s) for s in slots)


def _plain(aval: Aval) -> Aval:
    return aval if aval.kind is None else aval_of((), aval.dtype, None)


def _forget_leaves(graph: Graph, fresh: tuple[Aval, ...], n: int) -> None:
    """Take back the leaves of an operation that was refused."""
    for aval in reversed(fresh):
        if aval.kind is not None:
            graph.scalars[_KINDS.index(aval.kind)].pop()
        else:
            graph.leaf_arrays.pop()
            ref = graph.leaf_refs.pop()
            value = ref if ref.__class__ is Value else ref()
            if value is not None:
                value.place = None


def _why_new(state: State, call: Call, key: Any) -> str:
    """Say in words what made a graph differ from those that came before."""
    fresh = key[2] if len(key) == 3 else ()
    where = f"operation {state.depth + 1}"
    for other in reversed(state.next.values()):  # the latest first
        if other.call is call and other.inputs == key[1]:
            for i, (new, old) in enumerate(zip(fresh, other.leaves, strict=False)):
                if new is not old:
                    return f"{where} ({call.name}): input {i} is {new}, was {old}"
    for other in reversed(state.next.values()):
        if other.call.name == call.name:
            if other.call is not call:
                was, now = other.call.static, call.static
                return f"{where} ({call.name}): static arguments {now}, were {was}"
            return f"{where} ({call.name}): other inputs"
    if state.next:
        names = ", ".join(sorted({o.call.name for o in state.next.values()})[:4])
        return f"{where} is {call.name}, was {names}"
    return f"{where} ({call.name}) is new here"


def capturing() -> Capture | None:
    """The capture that this thread is under."""
    return _thread.capture


def set_capture(capture: Capture | None) -> None:
    """Start or end a capture in this thread."""
    _thread.capture = capture


def _leave_lazily(graph: Graph) -> None:
    if _thread.capture is not None and _thread.capture.holds:
        return
    if config._mode == "debug":
        graph.sources.append(user_line())
    graph.execute()


def user_line() -> str:
    """``file:line`` of the innermost frame outside flambeau."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not (name == "flambeau" or name.startswith("flambeau.")):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "<unknown>"


def _user_code() -> Any:
    """Code object and position of the innermost frame outside flambeau."""
    frame: Any = sys._getframe(3)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not (name.startswith("flambeau.") or name == "flambeau"):
            return frame.f_code, frame.f_lasti
        frame = frame.f_back
    return None


def flush(aside: bool = False) -> None:
    """Execute all that this thread has recorded, without waiting for the results.

    Args:
        aside: without waiting for a compiler either.
    """
    if _thread.capture is not None and _thread.capture.holds:
        return
    for graph in tuple(_thread.graphs.values()):
        if graph.state is not graph.root:
            graph.execute(aside)


def choose(**choices: Any) -> None:
    """Set :class:`flambeau._engine.xla.Choices`, for what this thread records from now on."""
    if all(getattr(Choices, name) == value for name, value in choices.items()):
        return
    flush()
    for name, value in choices.items():
        setattr(Choices, name, value)
    changes.count += 1
    for graph in _thread.graphs.values():
        if graph.state is graph.root:
            graph.reset()


def read(value: Value) -> Any:
    """The array of a value; executes everything that is pending in this thread.

    Also what the value does not need: a read ends a round of a loop, and rounds that end alike
    make the same programs. But where the value is known already, what has to be compiled for the
    rest is compiled in the background.

    Raises:
        RuntimeError: the value has no data (``meta``).
    """
    if _thread.capture is not None:
        _thread.capture.refuse_read()
    shown = value
    value = _revealed(shown)
    flush(aside=value.array is not None)
    if _thread.checks:
        _look_at_checks(wait=True)
    if value.array is None:
        if value.aval.device.is_meta:
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        _materialize_elsewhere(value)
    array = value.array
    if array.__class__ is np.ndarray:
        array = value.array = _upload(array, value.aval.device)  # pyright: ignore[reportArgumentType]
    if shown is not value and not shown.place[0].open:
        shown.array, shown.place = array, None
    return array


def in_a_step(device: Place) -> bool:
    """Whether what is pending will be differentiated: reading now would cut a program in two."""
    tape = graph_for(device).epoch.tape
    return tape is not None and tape() is not None


def expect(holds: Value, complaint: Callable[[], Exception]) -> None:
    """Have a pending boolean looked at when it is known, without executing anything for it.

    It becomes one more result of the program that will run anyway. The first read after that
    raises what ``complaint`` makes if the boolean is False; so does the next call of this
    function that finds it computed.
    """
    if _thread.checks:
        _look_at_checks(wait=False)
    _thread.checks.append((holds, complaint))


def _look_at_checks(wait: bool) -> None:
    checks = _thread.checks
    while checks:
        holds, complaint = checks[0]
        array = holds.array
        if array is None:
            if not wait or holds.place is not None:  # pending, or on its way
                return
            checks.popleft()  # the program that would have computed it failed
            continue
        if not wait and not array.is_ready():
            return
        checks.popleft()
        if not np.asarray(array):
            checks.clear()  # what follows from bad values is bad as well: say it once
            raise complaint()
