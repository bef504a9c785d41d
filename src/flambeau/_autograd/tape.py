"""The tape: what was done to values that need a gradient, and how to go back through it.

A :class:`Node` keeps the call, the Values it read and an edge per input to whoever made it.
Values are immutable, so modifying a tensor later cannot spoil what a node saved.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flambeau._autograd.derive import saving, vjp_call
from flambeau._autograd.names import backward_name
from flambeau._engine import recorder
from flambeau._engine.aval import Aval
from flambeau._engine.call import Call
from flambeau._engine.recorder import record, user_line
from flambeau._engine.value import Layer, Value

_sequence = itertools.count()


class _Mode(threading.local):
    """What a thread records: ``grad`` for ``no_grad`` and ``enable_grad``, ``inference``."""

    def __init__(self) -> None:
        self.grad = True
        self.inference = False
        self.anomaly = False
        self.check_nan = True


mode = _Mode()


class Sink:
    """Where gradients end: a leaf. The tensor layer subclasses it.

    ``accumulate`` gets the total gradient that reached the leaf in one backward pass.
    """

    __slots__ = ("__weakref__", "hooks")

    label = "AccumulateGrad"
    next_functions: tuple[tuple[Any, int], ...] = ()

    def __init__(self) -> None:
        self.hooks: OrderedDict[int, Callable[[Tracked], Tracked | None]] | None = None

    def name(self) -> str:
        """The name, as a method, as PyTorch has it."""
        return self.label

    def accumulate(self, grad: Tracked) -> None:
        raise NotImplementedError


class Node:
    """One recorded operation, seen from its results.

    Attributes:
        call: the forward.
        inputs: what it read: Values, numbers, None.
        edges: for each input, ``(Node or Sink, position)`` when a gradient flows there.
        outs: avals of the results.
        hooks: by position of a result, functions of its gradient, in order of registration.
        pre_hooks, post_hooks: functions of all gradients, before and after the rule.
        seq: when it was recorded; backward goes from the latest to the earliest.
        state, epoch: where in which filling of a graph it was recorded; `epoch` is None once
            it was released.
    """

    __slots__ = (
        "__weakref__", "_line", "call", "edges", "epoch", "hooks", "inputs", "metadata", "outs",
        "post_hooks", "pre_hooks", "released", "residuals", "saved", "scalar_dtype", "seq",
        "state",
    )  # fmt: skip

    _internal = frozenset({"__init__", "release", "run"})
    """Methods that users do not call."""

    def __init__(
        self,
        call: Call,
        inputs: Sequence[Any],
        edges: Sequence[Any],
        outs: tuple[Aval, ...],
        scalar_dtype: np.dtype | None = None,
    ):
        self.call = call
        self.inputs: Any = inputs
        self.edges = edges
        self.outs = outs
        self.scalar_dtype = scalar_dtype
        self.seq = next(_sequence)
        self.hooks: Any = None
        self.pre_hooks: Any = None
        self.post_hooks: Any = None
        self.saved: Any = None
        self.residuals: Any = None
        self.released = False
        self._line: str | None = user_line() if mode.anomaly else None
        self.state: Any = None
        self.epoch: Any = None
        self.metadata: Any = None

    @property
    def line(self) -> str | None:
        """``file:line`` of the user's code that recorded it, where it is known.

        In anomaly mode it is exact; otherwise it is where the same graph was recorded first.
        """
        if self._line is None and self.state is not None:
            return self.state.line
        return self._line

    @property
    def label(self) -> str:
        """PyTorch's name for it, such as ``AddBackward0``."""
        return backward_name(self.call.name, self.call.static, self.inputs, self.outs)

    def name(self) -> str:
        """The name, as a method, as PyTorch has it."""
        return self.label

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Where gradients go from here: ``(node, position)`` per input."""
        return tuple(e if e is not None else (None, 0) for e in self.edges)

    def __repr__(self) -> str:
        return f"<{self.label} object at {id(self):#x}>"

    def register_hook(self, hook: Callable[[Any, Any], Any]) -> Any:
        """Call ``hook(grad_inputs, grad_outputs)`` after the node ran; it may replace the first.

        Follows ``torch.autograd.graph.Node.register_hook``.
        """

        def call(back: list[Any], grads: list[Any]) -> list[Any] | None:
            return bridge.untensored(hook(bridge.tensored(back), bridge.tensored(grads)))

        if self.post_hooks is None:
            self.post_hooks = OrderedDict()
        return bridge.handle(self.post_hooks, call)

    def register_prehook(self, hook: Callable[[Any], Any]) -> Any:
        """Call ``hook(grad_outputs)`` before the node runs; it may replace them.

        Follows ``torch.autograd.graph.Node.register_prehook``.
        """

        def call(grads: list[Any]) -> list[Any] | None:
            return bridge.untensored(hook(bridge.tensored(grads)))

        if self.pre_hooks is None:
            self.pre_hooks = OrderedDict()
        return bridge.handle(self.pre_hooks, call)

    def release(self) -> None:
        """Drop what backward needed; a second backward through here is an error."""
        self.released = True
        self.epoch = None
        self.inputs = None
        self.residuals = None

    def run(self, grads: list[Any], tracked: bool) -> list[Any]:
        """Gradients of the inputs, one per edge, from those of the results.

        Args:
            grads: a :class:`Tracked` or None per result.
            tracked: whether the backward is itself recorded (``create_graph``).
        """
        needs = tuple(i for i, e in enumerate(self.edges) if e is not None)
        given = tuple(i for i, g in enumerate(grads) if g is not None)
        cts = [grads[i] for i in given]
        if self.residuals is not None and not tracked:
            back = self.saved.backward(self.outs, given)
            values = record(back, [*self.residuals, *[g.value for g in cts]])
            results = [Tracked(v) for v in values]
        else:
            back = vjp_call(self.call, len(self.inputs), needs, given, tracked)
            if tracked:
                results = apply(
                    back,
                    [*self.inputs, *[g.value for g in cts]],
                    [*self.edges, *[g.edge for g in cts]],
                    self.scalar_dtype,
                )
            else:
                values = record(back, [*self.inputs, *[g.value for g in cts]], self.scalar_dtype)
                results = [Tracked(v) for v in values]
        out: list[Any] = [None] * len(self.edges)
        for i, r in zip(needs, results, strict=True):
            out[i] = r
        return out


class Tracked:
    """A Value and the edge that gradients of it follow, or None."""

    __slots__ = ("edge", "value")

    def __init__(self, value: Value, edge: Any = None):
        self.value = value
        self.edge = edge


class _Bridge:
    """What hooks on nodes need of the tensor layer, which fills it in.

    Attributes:
        tensored: tensors (or None) of a list of :class:`Tracked` (or None).
        untensored: the way back; None stays None.
        handle: registers a hook in a table and gives the handle that removes it.
    """

    tensored: Callable[[Sequence[Any]], tuple[Any, ...]]
    untensored: Callable[[Any], list[Any] | None]
    handle: Callable[[dict[int, Any], Any], Any]


bridge = _Bridge()


_lift: Any = None


def set_lift(lift: Any) -> None:
    """Tell the tape how inputs enter an open transform (:mod:`flambeau._autograd.levels` does)."""
    global _lift
    _lift = lift


def apply(
    call: Call,
    inputs: Sequence[Any],
    edges: Sequence[Any],
    scalar_dtype: np.dtype | None = None,
    device: Any = None,
) -> list[Tracked]:
    """Record a call and, where a gradient flows, put it on the tape."""
    edges = [
        e if e is not None and v.aval.inexact else None for v, e in zip(inputs, edges, strict=True)
    ]
    if not any(e is not None for e in edges):
        return [Tracked(v) for v in record(call, inputs, scalar_dtype, device)]
    values, node = record_on_tape(call, inputs, edges, scalar_dtype, device)
    if node is None:
        return [Tracked(v) for v in values]
    return [Tracked(v, (node, i) if v.aval.inexact else None) for i, v in enumerate(values)]


def record_on_tape(
    call: Call,
    inputs: Sequence[Any],
    edges: Sequence[Any],
    scalar_dtype: np.dtype | None,
    device: Any = None,
) -> tuple[Sequence[Value], Node | None]:
    """Record a call whose gradient is wanted by some input, with its residuals if it saves them.

    Returns:
        The results and their node: None inside a transform, where the history is outside it.
    """
    if recorder.layers is not None:
        inputs, edges = _lift(inputs, edges)
        if not any(e is not None for e in edges):
            return record(call, inputs, scalar_dtype, device), None
    if call.residuals:
        needs = tuple(i for i, e in enumerate(edges) if e is not None)
        avals = tuple(v.aval if v.__class__ is Value else v.__class__ for v in inputs)
        forward = saving(call, len(inputs), needs, avals)
        values = record(forward.call, inputs, scalar_dtype, device)
        outs, residuals = values[: forward.n_outs], values[forward.n_outs :]
        if call.single is None:
            call.single = forward.n_outs == 1
        node = Node(call, inputs, edges, tuple(v.aval for v in outs), scalar_dtype)
        node.saved = forward
        node.residuals = residuals
    else:
        outs = record(call, inputs, scalar_dtype, device)
        node = Node(call, inputs, edges, tuple([v.aval for v in outs]), scalar_dtype)
    place = outs[0].place
    while place is not None and isinstance(place[0], Layer):
        place = place[1].value.place
    if place is not None:
        epoch = node.epoch = place[0]
        node.state = epoch.graph.state
        if epoch.tape is None or epoch.tape() is None:
            epoch.tape = weakref.ref(node)
    elif node._line is None:
        node._line = user_line()  # it has been executed at once: in eager mode
    return outs, node
