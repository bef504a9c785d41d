"""Compiled functions: warm up, record, replay."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import jax

from flambeau._autograd import levels
from flambeau._autograd.tape import Node, mode
from flambeau._compile.cells import GradCell, ItemCell, Snapshot, StorageCell, holders
from flambeau._compile.plan import Plan
from flambeau._compile.reads import noting
from flambeau._compile.replay import REFUSED, Replay
from flambeau._compile.wiring import Wiring
from flambeau._config import config
from flambeau._engine import recorder
from flambeau._engine.value import Value
from flambeau._tensor import dtypes
from flambeau._tensor.core import TensorBase, value_of
from flambeau.amp.autocast_mode import autocast_state
from flambeau.nn._module import hooks as module_hooks
from flambeau.nn.module import Module

MAX_REPLAYS = 16
"""So many recordings of one argument structure; beyond them the function runs as it is."""


class Compiled:
    """A function that is recorded once per kind of call and then replayed.

    The first call of a kind runs the function as it is (lazily created state comes to be),
    the second records it, later ones replay.

    Attributes:
        replays: how many calls ran without the function's Python.
        recordings: how many programs were recorded.
        reasons: why some kind of call cannot be replayed.
        observers: how many want to see what functions do; while there are any, functions run as
            they are.
    """

    observers = 0

    def __init__(self, fn: Callable[..., Any]):
        self.fn = fn
        self.replays = 0
        self.recordings = 0
        self.reasons: list[str] = []
        self._kinds: dict[Any, _Kind] = {}
        functools.update_wrapper(self, fn, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (
            Compiled.observers
            or config._mode != "lazy"
            or (recorder.layers is not None and levels.state.active)
            or recorder.capturing() is not None
            or (switches := mode.__dict__)["anomaly"]  # one look for this thread's, not three
        ):
            return self.fn(*args, **kwargs)
        flat, key = _describe(args, kwargs, switches)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(flat)
        for replay in kind.replays:
            result = replay.attempt(flat)
            if result is not REFUSED:
                self.replays += 1
                return result
        kind.replays = [r for r in kind.replays if not r.plan.wiring.gone]
        if kind.refused or len(kind.replays) >= MAX_REPLAYS:
            return self.fn(*args, **kwargs)
        if not kind.warm:
            kind.warm = True
            return _warm_up(self.fn, args, kwargs)
        kind.warm = False
        return self._record(kind, flat, args, kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def _record(self, kind: _Kind, flat: list[Any], args: Any, kwargs: Any) -> Any:
        recording = _Recording(kind, flat)
        result = recording.run(self.fn, args, kwargs)
        replay = recording.finish(result)
        if replay is not None:
            kind.replays.insert(0, replay)
            self.recordings += 1
        elif recording.reason is not None:
            kind.refused = True
            self.reasons.append(recording.reason)
            if "compile" in config.log:
                name = getattr(self.fn, "__name__", "function")
                print(f"flambeau: {name} runs as it is: {recording.reason}", file=sys.stderr)
        else:
            kind.warm = True  # it keeps tensors in places that are known now: record once more
        return result


class _Kind:
    """Calls with arguments of the same structure, shapes and dtypes."""

    __slots__ = ("items", "keep", "refused", "replays", "warm")

    def __init__(self, flat: list[Any]):
        self.replays: list[Replay] = []
        self.items: list[ItemCell] = []
        self.refused = False
        self.warm = False
        # Objects in the key are compared by identity: keep them alive.
        self.keep = [a for a in flat if not isinstance(a, TensorBase)]


def _is_tensor(x: Any) -> bool:
    return isinstance(x, TensorBase)


def _describe(
    args: tuple[Any, ...], kwargs: dict[str, Any], switches: dict[str, Any]
) -> tuple[list[Any], Any]:
    """The leaves of the arguments, and a key that tells kinds of calls apart."""
    if kwargs or not all(map(_is_tensor, args)):
        flat, tree = jax.tree_util.tree_flatten((args, kwargs), is_leaf=_is_tensor)
    else:
        flat, tree = list(args), len(args)
    grad, inference = switches["grad"], switches["inference"]
    modes = tree, grad, inference, dtypes.get_default_dtype(), autocast_state()
    if not flat:
        return flat, modes
    parts: list[Any] = []
    for a in flat:
        if isinstance(a, TensorBase):
            parts.append((value_of(a).aval, a._edge is not None))
        elif isinstance(a, (bool, int, float, complex, str, bytes, type(None))):
            parts.append((type(a), a))
        else:
            parts.append(id(a))
    return flat, (*modes, *parts)


def _warm_up(fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    recorder.set_capture(recorder.Capture(holds=False))
    try:
        return fn(*args, **kwargs)
    finally:
        recorder.set_capture(None)


class _Recording:
    """One run of the function with everything it touches traced to where it came from."""

    def __init__(self, kind: _Kind, flat: list[Any]):
        self.kind = kind
        self.flat = flat
        self.reason: str | None = None
        self.capture = recorder.Capture(holds=True)
        self.modules: dict[int, Module] = {}

    def run(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        recorder.flush()
        self.arguments = {id(value_of(a)): i for i, a in enumerate(self.flat) if _is_tensor(a)}
        self.item_values = [(c, c.get()) for c in self.kind.items]
        self.snapshot = Snapshot()
        self.grad_mode = mode.grad

        def note(module: Module, _: Any) -> None:
            self.modules[id(module)] = module

        handle = module_hooks.register_module_forward_pre_hook(note)
        recorder.set_capture(self.capture)
        try:
            with noting() as self.reads:
                return fn(*args, **kwargs)
        finally:
            recorder.set_capture(None)
            handle.remove()

    def finish(self, result: Any) -> Replay | None:
        """Execute what was recorded, and make a replay of it unless there is a reason not to."""
        graphs = [g for g in recorder._thread.graphs.values() if g.state is not g.root]
        if len(graphs) != 1:
            recorder.flush()
            self.reason = f"it records for {len(graphs)} devices at once"
            return None
        graph = graphs[0]
        plan = self._plan(graph, result)
        state, floats = graph.state, tuple(list(s) for s in graph.scalars)
        del self.snapshot, self.item_values
        recorder.flush()
        if plan is None:
            return None
        return Replay(plan, state, floats, graph.device)

    def _plan(self, graph: Any, result: Any) -> Plan | None:
        snapshot = self.snapshot
        plan = Plan()
        ordinals = {id(v): k for k, ref in enumerate(graph.outs) if (v := ref()) is not None}
        covered: set[int] = set()
        items = {id(v): c for c, v in self.item_values if v is not None}

        for ref, array in zip(graph.leaf_refs, graph.leaf_arrays, strict=True):
            v = ref if ref.__class__ is Value else ref()
            if v is not None and id(v) in self.arguments:
                plan.sources.append(("argument", self.arguments[id(v)]))
            elif v is not None and id(v) in items:
                plan.sources.append(("cell", items[id(v)]))
            elif v is not None and id(v) in snapshot.cells:
                plan.sources.append(("cell", snapshot.cells[id(v)]))
            else:
                plan.sources.append(("constant", array))

        grad_storages = {
            id(grad._storage): GradCell(leaf)
            for leaf, grad in snapshot.grads.values()
            if grad is not None and grad._chain is None
        }
        for cell, value in snapshot.written():
            if isinstance(cell, StorageCell):
                cell = grad_storages.get(id(cell.storage), cell)
            if not self._cover(plan.writes, cell, value, ordinals, covered):
                return None
        for cell, value in snapshot.grads_now():
            had = self.snapshot.grads[id(cell.leaf)][1] is not None
            if had is not (value is not None):
                plan.moves_grads = True
            if value is None:
                plan.clears.append(cell)
            elif not self._cover(plan.writes, cell, value, ordinals, covered):
                return None
        if not self._plan_result(plan, result, ordinals, covered):
            return None
        if not self._plan_escaped(plan, graph, ordinals, covered):
            return None
        plan.live = tuple(sorted(covered))
        return plan if self._plan_guards(plan, graph) else None

    def _cover(self, into: Any, cell: Any, value: Value, ordinals: Any, covered: Any) -> bool:
        k = ordinals.get(id(value))
        if k is None:
            self.reason = "it puts tensors that existed before into other places"
            return False
        covered.add(k)
        into.append((cell, k))
        return True

    def _plan_result(self, plan: Plan, result: Any, ordinals: Any, covered: set[int]) -> bool:
        leaves, plan.tree = jax.tree_util.tree_flatten(result, is_leaf=_is_tensor)
        for x in leaves:
            if not _is_tensor(x) or id(x) in self.snapshot.tensors:
                plan.results.append(("same", x, None))
                continue
            v = value_of(x)
            edge = x._edge
            if edge is not None and not (isinstance(edge[0], Node) and edge[0].released):
                self.reason = (
                    "its result can still be differentiated; a compiled function must run its "
                    "own backward, or run under no_grad"
                )
                return False
            k = ordinals.get(id(v))
            if k is None:
                plan.results.append(("value", v, edge))
            else:
                covered.add(k)
                plan.results.append(("output", k, edge))
        return True

    def _plan_escaped(self, plan: Plan, graph: Any, ordinals: Any, covered: set[int]) -> bool:
        """Tensors that the function leaves in dictionaries and lists."""
        escaped = [
            v for ref in graph.outs if (v := ref()) is not None and ordinals[id(v)] not in covered
        ]
        if not escaped:
            return True
        places = holders(escaped)
        known = {(id(c.container), c.key): c for c in self.kind.items}
        new = []
        for v in escaped:
            cells = places.get(id(v), [])
            if not cells:
                continue  # held by something that ends with the call, such as the tape
            for cell in cells:
                if (id(cell.container), cell.key) in known:
                    covered.add(ordinals[id(v)])
                    plan.writes.append((cell, ordinals[id(v)]))
                else:
                    new.append(cell)
        self.kind.items.extend(new)
        return not new

    def _plan_guards(self, plan: Plan, graph: Any) -> bool:
        storages = {
            id(s.storage) for k, s in plan.sources if k == "cell" and isinstance(s, StorageCell)
        }
        tensors = []
        for t in self.snapshot.tensors.values():
            if id(t._storage) in storages and t._chain is None:
                leaf = t._leaf
                old = self.snapshot.grads.get(id(leaf)) if leaf is not None else None
                had_grad = old is not None and old[1] is not None
                tensors.append((t, t._storage, t._edge is not None, had_grad))
        for kind, source in plan.sources:
            if kind == "cell":
                plan.avals.append((source, source.get().aval if source.get() else None))
        written = {(id(c.container), c.key) for c, _ in plan.writes if isinstance(c, ItemCell)}
        plan.wiring = Wiring(
            graph.device,
            graph.root.target,
            self.modules.values(),
            tensors,
            self.reads.kept(),
            written,
        )
        for source, start, names in self.capture.hypers:
            if source is None:
                continue
            function, group = source
            optimizer = function.__self__
            values = function(group)
            now = [float(values[n]) for n in names]
            if now != [float(x) for x in graph.scalars[0][start : start + len(names)]]:
                self.reason = (
                    "it changes an optimizer's hyper-parameters; step the scheduler outside"
                )
                return False
            plan.hypers.append((function, group, start, names))
            plan.groups.append(
                (
                    optimizer,
                    group,
                    optimizer._static(group),
                    len(group["params"]),
                    len(optimizer.param_groups),
                    *_advancing(optimizer, group),
                )
            )
        return True


def _advancing(optimizer: Any, group: Any) -> tuple[int, Any]:
    """A group's place, and the list of parameters that its state is arranged for now."""
    index = next(i for i, g in enumerate(optimizer.param_groups) if g is group)
    return index, optimizer._advanced.get(index)
