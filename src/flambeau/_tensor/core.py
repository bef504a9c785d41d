"""What a tensor is made of: a storage, perhaps a chain of views, perhaps a history."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np

from flambeau._autograd import levels
from flambeau._autograd.backward import sum_call
from flambeau._autograd.tape import Sink, Tracked, apply
from flambeau._engine import recorder
from flambeau._engine.call import SUM, Call, interned
from flambeau._engine.changes import changes
from flambeau._engine.value import Value
from flambeau._ops.shape import OVERLAPPING, REINTERPRETING


class Storage:
    """The memory that tensors share: a Value, replaced at each write, and a version."""

    __slots__ = ("__weakref__", "value", "version")

    def __init__(self, value: Value):
        self.value = value
        self.version = 0


class TensorBase:
    """State and plumbing of a tensor; :class:`flambeau._tensor.tensor.Tensor` adds the API.

    Attributes:
        _storage: the memory, shared with views and with ``detach()``.
        _chain: for a view, the calls (or :class:`Bound` ones) that lead from the storage's
            value to this tensor's.
        _base: for a view that takes part in its base's history, the base.
        _seen: for a view, ``(value, version)`` as last derived.
        _edge: where gradients of this tensor go, ``(Node or Leaf, position)``; None when it
            needs none.
        _given: for a tensor of a state dict, when it was given out (:mod:`_tensor.aliases`).
        _leaf: holds ``.grad`` and hooks; made when first needed.

    The class attributes are the defaults: an instance carries only what differs.
    """

    _storage: Storage
    _chain: tuple[Any, ...] | None = None
    _base: TensorBase | None = None
    _seen: tuple[Value, int] | None = None
    _edge: Any = None
    _given: tuple[Any, int] | None = None
    _leaf: Leaf | None = None


class Leaf(Sink):
    """Where the gradient of a tensor gathers. It does not keep the tensor alive."""

    __slots__ = ("grad", "owner", "post_hooks")

    def __init__(self, owner: TensorBase):
        super().__init__()
        self.grad: Any = None
        self.owner = weakref.ref(owner)
        self.post_hooks: OrderedDict[int, Any] | None = None

    @property
    def variable(self) -> Any:
        """The tensor, if it is still alive."""
        return self.owner()

    def accumulate(self, grad: Tracked) -> None:
        """Add to ``.grad``: in place when nothing tracks it, as PyTorch does."""
        if recorder.layers is not None:
            owner = self.owner()
            if owner is not None:
                level = owner._storage.value
                grad = Tracked(*levels.settle(level, grad.value, grad.edge))
                with levels.at(levels.top(level)):
                    self._add(grad)
                return
        self._add(grad)

    def _add(self, grad: Tracked) -> None:
        old = self.grad
        if old is None:
            self.grad = wrap(grad.value, grad.edge)
            changes.count += 1
        else:
            call = interned(SUM, sum_call)
            value, edge = value_of(old), old._edge
            total = apply(call, [value, grad.value], [edge, grad.edge])[0]
            if total.edge is None and old._chain is None:
                old._storage.value = total.value
                old._storage.version += 1
            else:
                self.grad = wrap(total.value, total.edge)
        if self.post_hooks:
            owner = self.owner()
            if owner is not None:
                for hook in list(self.post_hooks.values()):
                    hook(owner)


def _overwrite_call() -> Call:
    return Call("fill", lambda old, new: new, signature="overwrite")


class _Class:
    """The class that results get; set once by :mod:`flambeau._tensor.tensor`."""

    tensor: Any = TensorBase


def set_tensor_class(cls: type[TensorBase]) -> None:
    """Tell the dispatcher which class results have."""
    _Class.tensor = cls


_new = object.__new__


def wrap(value: Value, edge: Any = None) -> Any:
    """A tensor with a storage of its own over a Value."""
    t = _new(_Class.tensor)
    t._storage = Storage(value)
    if edge is not None:
        t._edge = edge
    return t


def value_of(t: TensorBase) -> Value:
    """The current Value of a tensor; a view follows its base."""
    if t._chain is None:
        return t._storage.value
    seen = t._seen
    if seen is not None and seen[1] == t._storage.version:
        return seen[0]
    return refresh(t)


class Bound:
    """A step of a chain with a number of its own, an input of the program: ``x[i]`` for any i.

    The number is an int, or the Value of a zero-dimensional integer tensor.
    """

    __slots__ = ("call", "number")

    def __init__(self, call: Call, number: Any):
        self.call = call
        self.number = number


_INT64 = np.dtype(np.int64)


def split_steps(steps: tuple[Any, ...]) -> tuple[tuple[Call, ...], list[int]]:
    """The calls of a chain, and the numbers that they take besides their base."""
    calls, numbers = [], []
    for step in steps:
        if step.__class__ is Bound:
            calls.append(step.call)
            numbers.append(step.number)
        else:
            calls.append(step)
    return tuple(calls), numbers


def _derive(steps: tuple[Any, ...], value: Value, edge: Any) -> Tracked:
    calls, numbers = split_steps(steps)
    nothing = [None] * len(numbers)
    return apply(chain_call(calls), [value, *numbers], [edge, *nothing], _INT64)[0]


def _replace(steps: tuple[Any, ...], values: list[Value], edges: list[Any]) -> Tracked:
    calls, numbers = split_steps(steps)
    nothing = [None] * len(numbers)
    return apply(scatter_call(calls), [*values, *numbers], [*edges, *nothing], _INT64)[0]


def refresh(t: TensorBase) -> Value:
    """Derive a view again after its base was written to; its history follows too."""
    assert t._chain is not None
    if recorder.layers is not None:  # a view belongs to the transform that its memory is of
        with levels.at(levels.top(t._storage.value)):
            return _refresh(t)
    return _refresh(t)


def _refresh(t: TensorBase) -> Value:
    assert t._chain is not None
    base = t._base
    if base is None:
        value = _derive(t._chain, t._storage.value, None).value
    else:
        steps = t._chain[len(base._chain or ()) :]
        tracked = _derive(steps, value_of(base), base._edge)
        value = tracked.value
        if tracked.edge is not None or (t._edge is not None and not isinstance(t._edge[0], Sink)):
            t._edge = tracked.edge
    t._seen = (value, t._storage.version)
    return value


def _run_step(call: Call, base: Any, numbers: Iterator[Any]) -> tuple[Any, tuple[Any, ...]]:
    own = (next(numbers),) if _takes_number(call) else ()
    return call.fn(base, *own)[0], own


def _takes_number(call: Call) -> bool:
    return call.op is not None and sum(p.dynamic for p in call.op.parameters) > 1


def chain_call(steps: tuple[Call, ...]) -> Call:
    """Views applied one after the other, as one call of the base and the steps' numbers."""
    if len(steps) == 1:
        return steps[0]

    def make() -> Call:
        def fn(base: Any, *numbers: Any) -> Any:
            found = iter(numbers)
            for step in steps:
                base = _run_step(step, base, found)[0]
            return base

        return Call(steps[-1].name, fn, view=True, signature=_signature("chain", steps))

    return interned(("chain", steps), make)


def scatter_call(steps: tuple[Call, ...]) -> Call:
    """``(base, new, *numbers) -> base`` with what the views show replaced by ``new``."""

    def make() -> Call:
        def fn(base: Any, new: Any, *numbers: Any) -> Any:
            found = iter(numbers)
            parts = []
            shown = base
            for run in _runs(steps):
                owns = []
                start = shown
                for step in run:
                    before = shown
                    shown, own = _run_step(step, shown, found)
                    owns.append((step, before, own))
                parts.append((run, start, owns))
            for run, start, owns in reversed(parts):
                if any(step.name in OVERLAPPING for step in run):
                    new = _scatter_flat(owns, start, new)
                else:
                    for step, before, own in reversed(owns):
                        new = _scatter(step, before, new, own)
            return new

        return Call("copy_slices", fn, signature=_signature("scatter", steps))

    return interned(("scatter", steps), make)


def _runs(steps: tuple[Call, ...]) -> list[list[Call]]:
    """The steps in runs that move elements without changing them, others on their own."""
    runs: list[list[Call]] = []
    joins = False
    for step in steps:
        moves = step.name not in REINTERPRETING
        if moves and joins:
            runs[-1].append(step)
        else:
            runs.append([step])
        joins = moves
    return runs


def _signature(kind: str, steps: tuple[Call, ...]) -> str | None:
    words = [step.signature for step in steps]
    return None if None in words else f"{kind}({words})"


def _scatter(step: Call, base: Any, new: Any, numbers: tuple[Any, ...]) -> Any:
    if step.scatter is not None:
        return step.scatter(base, new, *numbers)[0]
    return _scatter_flat([(step, base, numbers)], base, new)


def _scatter_flat(owns: list[tuple[Call, Any, tuple[Any, ...]]], base: Any, new: Any) -> Any:
    """Write through views that may show an element twice: by the elements' flat places."""
    import jax.numpy as jnp

    places = jnp.arange(base.size).reshape(base.shape)
    for step, _, numbers in owns:
        places = step.fn(places, *numbers)[0]
    return base.ravel().at[places.ravel()].set(new.ravel()).reshape(base.shape)


def refuse_overlap(t: TensorBase) -> None:
    """Refuse to write to a view that shows an element twice.

    Raises:
        RuntimeError: it does.
    """
    if not any(step.__class__ is Call and step.name in OVERLAPPING for step in t._chain or ()):
        return
    from flambeau._tensor.strides import overlaps

    if overlaps(t):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )


def write(t: TensorBase, value: Value, edge: Any, tracking: bool) -> None:
    """Replace what a tensor shows, in place.

    Args:
        t: the tensor; when it is a view, its base is written through.
        value: the new content, of the tensor's shape and dtype.
        edge: where gradients of the new content go, or None.
        tracking: whether grad mode is on: the write is then part of the history.
    """
    storage = t._storage
    if recorder.layers is not None:
        value, edge = levels.settle(storage.value, value, edge)
    if t._chain is None:
        if tracking and edge is None and t._edge is not None:
            # Its history goes on, as in PyTorch: what was overwritten gets a gradient of zero.
            call = interned("overwrite", _overwrite_call)
            tracked = apply(call, [storage.value, value], [t._edge, None])[0]
            value, edge = tracked.value, tracked.edge
        storage.value = value
        storage.version += 1
        if tracking and (edge is not None or t._edge is not None):
            changed = t._edge is None or edge is None
            t._edge = edge
            if changed:
                changes.count += 1
        return
    refuse_overlap(t)
    base = t._base
    if base is None:
        storage.value = _replace(t._chain, [storage.value, value], [None, None]).value
        storage.version += 1
        if tracking and edge is not None:
            t._edge = edge
    else:
        steps = t._chain[len(base._chain or ()) :]
        edges = [base._edge, edge] if tracking else [None, None]
        whole = _replace(steps, [value_of(base), value], edges)
        write(base, whole.value, whole.edge, tracking)
        if tracking:
            t._seen = None
            return
    t._seen = (value, storage.version)
