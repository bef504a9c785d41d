"""What a tensor is made of: a storage, perhaps a chain of views, perhaps a history."""

from __future__ import annotations

import weakref
from typing import Any

from flambeau._autograd.tape import Sink, Tracked, apply
from flambeau._engine.call import Call, interned
from flambeau._engine.value import Value


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
        _chain: for a view, the calls that lead from the storage's value to this tensor's.
        _base: for a view that takes part in its base's history, the base.
        _seen: for a view, ``(value, version)`` as last derived.
        _edge: where gradients of this tensor go, ``(Node or Leaf, position)``; None when it
            needs none.
        _leaf: holds ``.grad`` and hooks; made when first needed.

    The class attributes are the defaults: an instance carries only what differs.
    """

    _storage: Storage
    _chain: tuple[Call, ...] | None = None
    _base: TensorBase | None = None
    _seen: tuple[Value, int] | None = None
    _edge: Any = None
    _leaf: Leaf | None = None


class Leaf(Sink):
    """Where the gradient of a tensor gathers. It does not keep the tensor alive."""

    __slots__ = ("grad", "owner", "post_hooks")

    def __init__(self, owner: TensorBase):
        super().__init__()
        self.grad: Any = None
        self.owner = weakref.ref(owner)
        self.post_hooks: dict[int, Any] | None = None

    @property
    def variable(self) -> Any:
        """The tensor, if it is still alive."""
        return self.owner()

    def accumulate(self, grad: Tracked) -> None:
        """Add to ``.grad``: in place when nothing tracks it, as PyTorch does."""
        old = self.grad
        if old is None:
            self.grad = wrap(grad.value, grad.edge)
        else:
            call = interned("accumulate", _sum_call)
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


def _sum_call() -> Call:
    return Call("add", lambda x, y: x + y, signature="accumulate")


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


def refresh(t: TensorBase) -> Value:
    """Derive a view again after its base was written to; its history follows too."""
    assert t._chain is not None
    base = t._base
    if base is None:
        value = apply(chain_call(t._chain), [t._storage.value], [None])[0].value
    else:
        steps = t._chain[len(base._chain or ()) :]
        tracked = apply(chain_call(steps), [value_of(base)], [base._edge])[0]
        value = tracked.value
        if tracked.edge is not None or (t._edge is not None and not isinstance(t._edge[0], Sink)):
            t._edge = tracked.edge
    t._seen = (value, t._storage.version)
    return value


def chain_call(steps: tuple[Call, ...]) -> Call:
    """Views applied one after the other, as one call."""
    if len(steps) == 1:
        return steps[0]

    def make() -> Call:
        def fn(base: Any) -> Any:
            for step in steps:
                (base,) = step.fn(base)
            return base

        return Call(steps[-1].name, fn, view=True, signature=_signature("chain", steps))

    return interned(("chain", steps), make)


def scatter_call(steps: tuple[Call, ...]) -> Call:
    """``(base, new) -> base`` with what the views show replaced by ``new``."""

    def make() -> Call:
        def fn(base: Any, new: Any) -> Any:
            seen = [base]
            for step in steps[:-1]:
                seen.append(step.fn(seen[-1])[0])
            for step, x in zip(reversed(steps), reversed(seen), strict=True):
                new = _scatter(step, x, new)
            return new

        return Call("copy_slices", fn, signature=_signature("scatter", steps))

    return interned(("scatter", steps), make)


def _signature(kind: str, steps: tuple[Call, ...]) -> str | None:
    words = [step.signature for step in steps]
    return None if None in words else f"{kind}({words})"


def _scatter(step: Call, base: Any, new: Any) -> Any:
    import jax.numpy as jnp

    if step.scatter is not None:
        return step.scatter(base, new)[0]
    places = step.fn(jnp.arange(base.size).reshape(base.shape))[0].ravel()
    return base.ravel().at[places].set(new.ravel()).reshape(base.shape)


def write(t: TensorBase, value: Value, edge: Any, tracking: bool) -> None:
    """Replace what a tensor shows, in place.

    Args:
        t: the tensor; when it is a view, its base is written through.
        value: the new content, of the tensor's shape and dtype.
        edge: where gradients of the new content go, or None.
        tracking: whether grad mode is on: the write is then part of the history.
    """
    storage = t._storage
    if t._chain is None:
        storage.value = value
        storage.version += 1
        if tracking and (edge is not None or t._edge is not None):
            t._edge = edge
        return
    base = t._base
    if base is None:
        call = scatter_call(t._chain)
        storage.value = apply(call, [storage.value, value], [None, None])[0].value
        storage.version += 1
        if tracking and edge is not None:
            t._edge = edge
    else:
        call = scatter_call(t._chain[len(base._chain or ()) :])
        edges = [base._edge, edge] if tracking else [None, None]
        whole = apply(call, [value_of(base), value], edges)[0]
        write(base, whole.value, whole.edge, tracking)
        if tracking:
            t._seen = None
            return
    t._seen = (value, storage.version)
