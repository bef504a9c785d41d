"""Levels: what an open ``grad``, ``vmap`` or ``jvp`` makes of the operations inside it.

A transform opens a level and calls the user's function. Values inside are the level's own: each
holds what it stands for below (:class:`Held`), another Value with another history. A call on such
values is recorded as what it comes to below: the same call (``grad``), ``jax.vmap`` of it, or
``jax.jvp`` of it. Below may be another level; at the bottom they are ordinary calls in the pending
graph. So transforms compose by nesting, and fusion, programs and their cache know nothing of them.

Each level has its own tape. An edge of a tensor belongs to the level of its Value; what comes from
outside enters a level with its history below (:func:`lift`), so a gradient taken inside does not
see it, and one taken outside does.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from flambeau._autograd import tape
from flambeau._autograd.derive import jvp_call
from flambeau._engine import recorder
from flambeau._engine.aval import Aval, aval_of
from flambeau._engine.call import Call, interned
from flambeau._engine.value import Layer, Value
from flambeau._ops._prng import advance
from flambeau.errors import TransformError

_serial = itertools.count(1)


class _State(threading.local):
    """The innermost level that is open in a thread."""

    def __init__(self) -> None:
        self.active: Level | None = None


state = _State()
_opened = 0
_lock = threading.Lock()


class Held:
    """What a level's Value stands for below the level.

    Attributes:
        value, edge: the Value below and its history there.
        batched: in ``vmap``, whether the first dimension is the batch.
        tangent: in ``jvp``, the derivative and its history, or None for zero.
    """

    __slots__ = ("batched", "edge", "tangent", "value")

    def __init__(
        self, value: Value, edge: Any, batched: bool = False, tangent: tape.Tracked | None = None
    ):
        self.value = value
        self.edge = edge
        self.batched = batched
        self.tangent = tangent


class Level(Layer):
    """An open transform.

    Attributes:
        serial: later levels lie above earlier ones.
        outer: the level that was innermost when this one opened.
        tracks: whether history was recorded outside; if not, none is recorded below.
        marks: whether all that is made inside belongs to the level, or only what depends on
            its inputs.
        open: how often it is open now; Values that outlive their level count as those below.
    """

    __slots__ = ("open", "outer", "serial", "tracks")

    marks = True
    name = "transform"

    def __init__(self) -> None:
        self.open = 0
        self.serial = 0
        self.outer: Level | None = None
        self.tracks = True

    def run(
        self, call: Call, inputs: list[Any], scalar_dtype: np.dtype | None, device: Any
    ) -> list[Held]:
        """Record below what a call of this level comes to; inputs are Held, numbers or None."""
        raise NotImplementedError

    def aval(self, held: Held) -> Aval:
        """What the level shows of a Value."""
        return held.value.aval

    def reveal(self, content: Any) -> Value:
        return content.value

    def value(self, held: Held) -> Value:
        """The level's Value for something below."""
        return Value(self.aval(held), None, (self, held))

    def admit(self, held: Held) -> tape.Tracked:
        """What is to be stored in a tensor from outside the level.

        Raises:
            RuntimeError: it cannot leave the level.
        """
        raise TransformError(
            "During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to "
            "call in-place operation that would mutate a captured Tensor. This is not supported; "
            "please rewrite the function being transformed to explicitly accept the mutated "
            "Tensor(s) as inputs."
        )

    def key(self, value: Value) -> Held:
        """How a random key from below is used inside."""
        return Held(value, None)

    @contextmanager
    def opened(self, grad: bool | None = None) -> Iterator[None]:
        """Inside, operations are the level's. A level may be opened again.

        Args:
            grad: the grad mode inside; None leaves it.
        """
        self.serial = next(_serial)
        self.outer = state.active
        before = tape.mode.grad
        self.tracks = before
        self.open += 1
        _count(1)
        if self.marks:
            state.active = self
        if grad is not None:
            tape.mode.grad = grad
        try:
            yield
        finally:
            tape.mode.grad = before
            if self.marks:
                state.active = self.outer
            self.open -= 1
            _count(-1)

    @contextmanager
    def below(self) -> Iterator[None]:
        """Inside, operations are those below the level."""
        active, grad = state.active, tape.mode.grad
        state.active = self.outer
        tape.mode.grad = grad and self.tracks
        try:
            yield
        finally:
            state.active, tape.mode.grad = active, grad


class Grad(Level):
    """``grad`` and ``vjp``: nothing but a tape of its own."""

    __slots__ = ()
    name = "grad"

    def run(
        self, call: Call, inputs: list[Any], scalar_dtype: np.dtype | None, device: Any
    ) -> list[Held]:
        return [Held(t.value, t.edge) for t in _apply(call, inputs, scalar_dtype, device)]


class Vmap(Level):
    """``vmap``: Values whose first dimension below is the batch, or that are the same for all.

    Attributes:
        size: of the batch.
        randomness: ``"error"``, ``"different"`` or ``"same"``.
    """

    __slots__ = ("randomness", "size")
    name = "vmap"

    def __init__(self, size: int, randomness: str = "error"):
        super().__init__()
        self.size = size
        self.randomness = randomness

    def run(
        self, call: Call, inputs: list[Any], scalar_dtype: np.dtype | None, device: Any
    ) -> list[Held]:
        axes = tuple(0 if x.__class__ is Held and x.batched else None for x in inputs)
        batched = 0 in axes
        if batched:
            call = _vmapped(call, axes)
        found = _apply(call, inputs, scalar_dtype, device)
        return [Held(t.value, t.edge, batched) for t in found]

    def aval(self, held: Held) -> Aval:
        below = held.value.aval
        return aval_of(below.shape[1:], below.dtype, below.device) if held.batched else below

    def reveal(self, content: Any) -> Value:
        if content.batched:
            raise TransformError(
                "vmap: It looks like you're calling .item() on a Tensor, or reading it otherwise "
                "(.numpy(), .tolist(), `if tensor:`, a result whose shape depends on data). We "
                "don't support vmap over calling .item() on a Tensor or data-dependent control "
                "flow: each element of the batch would have a value of its own. Write it with "
                "tensor operations, such as torch.where"
            )
        return content.value

    def admit(self, held: Held) -> tape.Tracked:
        if held.batched:
            raise TransformError(
                "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists "
                "a Tensor `other` in extra_args that has more elements than `self`: `other` is "
                "vmapped over and `self` is not. Use the operation that is not in-place, or make "
                "`self` inside the function, as other.new_zeros(...)"
            )
        return tape.Tracked(held.value, held.edge)

    def key(self, value: Value) -> Held:
        if self.randomness == "error":
            raise TransformError(
                "vmap: called random operation while in randomness error mode. Please either use "
                "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                "operation out of vmap"
            )
        if self.randomness == "same":
            return Held(value, None)
        n = self.size
        split = interned(("split_key", n), lambda: _split_call(n))
        return Held(recorder.record(split, [value])[0], None, True)


class Forward(Level):
    """``jvp``: Values with a tangent."""

    __slots__ = ()
    name = "jvp"

    def run(
        self, call: Call, inputs: list[Any], scalar_dtype: np.dtype | None, device: Any
    ) -> list[Held]:
        given = tuple(
            i for i, x in enumerate(inputs) if x.__class__ is Held and x.tangent is not None
        )
        if not given or not _differentiable(call) or call.name == "detach":
            found = _apply(call, inputs, scalar_dtype, device)
            return [Held(t.value, t.edge) for t in found]
        tangents = [inputs[i].tangent for i in given]
        both = jvp_call(call, len(inputs), given)
        found = _apply(
            both, [*inputs, *[Held(t.value, t.edge) for t in tangents]], scalar_dtype, device
        )
        n = len(found) // 2
        return [
            Held(t.value, t.edge, tangent=d if t.value.aval.inexact else None)
            for t, d in zip(found[:n], found[n:], strict=True)
        ]


class Dual(Forward):
    """``forward_ad.dual_level``: only what depends on a dual tensor has tangents.

    Other tensors stay as they are, and history is recorded at both sides: through the dual
    tensors, so that gradients have tangents, and through the tangents themselves.
    """

    __slots__ = ()
    marks = False
    name = "forward_ad"

    def admit(self, held: Held) -> tape.Tracked:
        raise AssertionError("dual values may be stored anywhere")


def _apply(
    call: Call, inputs: Sequence[Any], scalar_dtype: np.dtype | None, device: Any
) -> list[tape.Tracked]:
    """Record a call below a level, with the history that its inputs have there."""
    values = [x.value if x.__class__ is Held else x for x in inputs]
    if tape.mode.grad and _differentiable(call):
        edges = [x.edge if x.__class__ is Held else None for x in inputs]
        if any(e is not None for e in edges):
            return tape.apply(call, values, edges, scalar_dtype, device)
    return [tape.Tracked(v) for v in recorder.record(call, values, scalar_dtype, device)]


def _differentiable(call: Call) -> bool:
    return call.op is None or call.op.differentiable


def _vmapped(call: Call, axes: tuple[int | None, ...]) -> Call:
    """``jax.vmap`` of a call over the first dimension of some inputs, and of all results."""

    def make() -> Call:
        return Call(
            call.name,
            jax.vmap(call.fn, in_axes=axes),
            op=call.op,
            static=call.static,
            residuals=call.residuals,
            signature=call.signature and f"vmap({call.signature}){axes}",
        )

    return interned(("vmap", call, axes), make)


def _advance_call() -> Call:
    return Call("advance", lambda key: advance(key)[0], signature="advance")


def _split_call(n: int) -> Call:
    def split(key: Any) -> Any:
        return jax.vmap(lambda i: advance(key ^ i)[1])(
            jnp.stack([jnp.arange(n, dtype=jnp.uint32), jnp.full(n, 0x5BD1E995, jnp.uint32)], 1)
        )

    return Call("split_key", split, signature=f"split_key{n}")


def _count(change: int) -> None:
    global _opened
    with _lock:
        _opened += change
        recorder.set_layers(_record if _opened else None)


def top(value: Any) -> Level | None:
    """The level that a Value belongs to; None for an ordinary one."""
    place = value.place
    if place is not None and value.array is None and isinstance(place[0], Level):
        return place[0]
    return None


def _current(value: Any) -> Any:
    """A Value without levels that have ended."""
    while value.__class__ is Value and (level := top(value)) is not None and not level.open:
        value = level.reveal(value.place[1])
    return value


def highest(values: Sequence[Any]) -> Level | None:
    """The level at which these Values meet, the innermost open one at least."""
    level = state.active
    for v in values:
        if v.__class__ is Value:
            found = top(v)
            if found is not None and (level is None or found.serial > level.serial):
                level = found
    return level


def _record(
    call: Call, inputs: Sequence[Any], scalar_dtype: np.dtype | None, device: Any
) -> tuple[Value, ...] | None:
    """What the recorder asks first: the results of a call inside a level."""
    inputs = [_current(v) for v in inputs]
    level = highest(inputs)
    if level is None:
        return None
    held: list[Any] = []
    for v in inputs:
        if v.__class__ is Value:
            held.append(v.place[1] if top(v) is level else Held(v, None))
        else:
            held.append(v)
    with level.below():
        results = level.run(call, held, scalar_dtype, device)
    return tuple([level.value(h) for h in results])


def lift(inputs: Sequence[Any], edges: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Bring the inputs of a call to the level it happens at; history from below stays below."""
    inputs = [_current(v) for v in inputs]
    level = highest(inputs)
    if level is None:
        return inputs, list(edges)
    lifted, kept = [], []
    for v, e in zip(inputs, edges, strict=True):
        if v.__class__ is Value and top(v) is not level:
            lifted.append(level.value(Held(v, e)))
            kept.append(None if level.marks else e)
        else:
            lifted.append(v)
            kept.append(e)
    return lifted, kept


tape.set_lift(lift)


def settle(old: Value, value: Value, edge: Any) -> tuple[Value, Any]:
    """What to store where ``old`` was: brought to its level.

    Raises:
        RuntimeError: the new content cannot leave the transform that it was made in.
    """
    target = top(_current(old))
    if target is not None and (found := top(value)) is not target:
        if found is None or found.serial < target.serial:
            return target.value(Held(value, edge)), None if target.marks else edge
    while (found := top(value)) is not target and found is not None and found.marks:
        out = found.admit(value.place[1])
        value, edge = out.value, out.edge
    return value, edge


def born(value: Value) -> Value:
    """A constant as one that is made inside the innermost level, if one is open."""
    level = state.active
    return value if level is None else level.value(Held(value, None))


@contextmanager
def at(level: Level | None) -> Iterator[None]:
    """Inside, operations happen at this level (None: outside all)."""
    while level is not None and not (level.open and level.marks):
        level = level.outer
    active, state.active = state.active, level
    try:
        yield
    finally:
        state.active = active


def has_history(value: Value) -> bool:
    """Whether a Value has a history or a tangent below its level."""
    while top(value) is not None:
        held = value.place[1]
        if held.edge is not None or held.tangent is not None:
            return True
        value = held.value
    return False


def over(value: Value, change: Callable[[Value], Value]) -> Value:
    """Change the ordinary Value at the bottom, where nothing in between has a history."""
    level = top(value)
    if level is None:
        return change(value)
    held = value.place[1]
    if held.edge is not None or held.tangent is not None:
        raise TransformError(
            f"a tensor with a history outside {level.name} is moved to another device inside it; "
            "move it outside the transformed function"
        )
    return level.value(Held(over(held.value, change), None, held.batched))


def bottom(value: Value) -> Value:
    """The ordinary Value below all levels."""
    while (level := top(value)) is not None:
        value = level.reveal(value.place[1])
    return value


def draw(stream: Any) -> Value:
    """A key for a random operation inside the open levels; the stream goes on."""
    chain = []
    level = state.active
    while level is not None:
        chain.append(level)
        level = level.outer
    key = stream.key
    with at(None):
        after = recorder.record(interned("advance", _advance_call), [key])[0]
    for level in reversed(chain):
        with level.below():
            held = level.key(key)
        key = level.value(held)
    stream.key = after
    return key
