"""One update rule, written once for one parameter, recorded as one operation for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from flambeau._autograd.tape import record_on_tape
from flambeau._engine.call import Call, interned
from flambeau._engine.device import Place
from flambeau._engine.recorder import capturing, graph_for, record
from flambeau._tensor.aliases import updates
from flambeau._tensor.core import TensorBase, value_of, write
from flambeau._tensor.dispatch import check_writable, transfer

State = dict[str, jax.Array]
Rule = Callable[..., tuple[jax.Array, State]]

_FLOAT64 = np.dtype(np.float64)


def update(
    rule: Rule,
    params: Sequence[Any],
    grads: Sequence[Any],
    states: Sequence[dict[str, Any]],
    hyper: dict[str, Any],
    source: Any = None,
    tracked: tuple[str, ...] | None = None,
    **static: Any,
) -> None:
    """Apply a rule to parameters and their state, in place, without history.

    Args:
        rule: ``(param, grad, state, hyper, **static) -> (param, state)``, a pure function of
            JAX arrays at module level; ``state`` keeps its keys, ``hyper`` holds
            zero-dimensional float64 arrays.
        params: tensors to update.
        grads: their gradients.
        states: per parameter, its state tensors by name; all have the same names. A
            zero-dimensional one may be shared by several parameters: it is read and written
            once.
        hyper: numbers (inputs of the program: a new value makes no new program) or tensors.
        source: how to get ``hyper`` anew, ``(function, argument)``; a replay of the step
            (``flambeau.compile``) calls it each time.
        tracked: record the history of the update after all, that of these states excepted.
        static: flags of the rule, hashable.
    """
    if not params:
        return
    values = [value_of(p) for p in params]
    device = values[0].aval.device
    for v in values:
        if v.aval.device is not device:
            more = {"tracked": tracked, **static}
            _by_device(rule, params, grads, states, hyper, source, more)
            return
    updates.count += 1
    targets: list[Any] = list(params)
    inputs: list[Any] = values
    inputs.extend([value_of(g) for g in grads])
    names = tuple(states[0]) if states else ()
    columns = []
    for name in names:
        column = [s[name] for s in states]
        first = column[0]
        if value_of(first).aval.ndim == 0 and len(column) > 1:
            positions: dict[int, int] = {}
            unique = []
            where = []
            for t in column:
                at = positions.get(id(t))
                if at is None:
                    at = positions[id(t)] = len(unique)
                    unique.append(t)
                where.append(at)
            columns.append(len(unique) if len(unique) in (1, len(column)) else tuple(where))
            column = unique
        else:
            columns.append(len(column))
        targets.extend(column)
        inputs.extend([value_of(t) for t in column])
    inputs.extend([_hyper(h, device) for h in hyper.values()])
    key = (
        "fused", rule, tuple(static.items()), names, tuple(columns), len(params), tuple(hyper)
    )  # fmt: skip
    call = interned(key, lambda: _make(rule, static, names, columns, len(params), tuple(hyper)))
    capture = capturing()
    if capture is not None:
        numbers = tuple(k for k, h in hyper.items() if not isinstance(h, TensorBase))
        capture.hypers.append((source, len(graph_for(device).scalars[0]), numbers))
    if tracked is not None:
        sources = [*params, *grads, *targets[len(params) :], *hyper.values()]
        apart = [t for name in tracked if name in names for t in (s[name] for s in states)]
        _record_tracked(call, inputs, sources, targets, {id(t) for t in apart}, device)
        return
    outs = record(call, inputs, _FLOAT64, device)
    for t, v in zip(targets, outs, strict=True):
        if t._chain is None:
            t._storage.value = v
            t._storage.version += 1
        else:
            write(t, v, None, False)


def _record_tracked(
    call: Call,
    inputs: list[Any],
    sources: list[Any],
    targets: list[Any],
    apart: set[int],
    device: Place,
) -> None:
    """Record an update as part of the history, for derivatives through it."""
    for t in targets:
        check_writable(t)
    edges = [s._edge if isinstance(s, TensorBase) else None for s in sources]
    node = None
    if any(e is not None for e in edges):
        outs, node = record_on_tape(call, inputs, edges, _FLOAT64, device)
    else:
        outs = record(call, inputs, _FLOAT64, device)
    for i, (t, v) in enumerate(zip(targets, outs, strict=True)):
        edge = None if node is None or id(t) in apart else (node, i)
        write(t, v, edge, True)


def _hyper(h: Any, device: Place) -> Any:
    if isinstance(h, TensorBase):
        return transfer(value_of(h), device)
    return float(h)


def _by_device(
    rule: Rule, params: Any, grads: Any, states: Any, hyper: Any, source: Any, static: Any
) -> None:
    groups: dict[Place, list[int]] = {}
    for i, p in enumerate(params):
        groups.setdefault(value_of(p).aval.device, []).append(i)
    for rows in groups.values():
        update(
            rule,
            [params[i] for i in rows],
            [grads[i] for i in rows],
            [states[i] for i in rows] if states else states,
            hyper,
            source,
            **static,
        )


def _make(
    rule: Rule,
    static: dict[str, Any],
    names: tuple[str, ...],
    columns: list[Any],
    n: int,
    hyper_names: tuple[str, ...],
) -> Call:
    def fn(*flat: Any) -> tuple[jax.Array, ...]:
        params, grads = flat[:n], flat[n : 2 * n]
        at = 2 * n
        held: dict[str, tuple[Any, Any]] = {}
        for name, column in zip(names, columns, strict=True):
            if isinstance(column, tuple):
                where, size = column, max(column) + 1
            else:
                size = column
                where = (0,) * n if size == 1 else tuple(range(n))
            held[name] = (flat[at : at + size], where)
            at += size
        hyper = {
            k: h.astype(np.float64).reshape(()) for k, h in zip(hyper_names, flat[at:], strict=True)
        }
        new_params = []
        new_states: dict[str, dict[int, Any]] = {name: {} for name in names}
        for i in range(n):
            state = {name: arrays[where[i]] for name, (arrays, where) in held.items()}
            p, s = rule(params[i], grads[i], state, hyper, **static)
            new_params.append(p.astype(params[i].dtype))
            for name, (arrays, where) in held.items():
                new_states[name].setdefault(where[i], s[name].astype(arrays[where[i]].dtype))
        outs = list(new_params)
        for name, (arrays, _) in held.items():
            outs.extend(new_states[name][k] for k in range(len(arrays)))
        return tuple(outs)

    flags = sorted(static.items())
    words = f"fused {rule.__module__}.{rule.__qualname__}{flags!r}{names}{columns}{n}{hyper_names}"
    sizes = [max(c) + 1 if isinstance(c, tuple) else c for c in columns]
    replaces = (*range(n), *range(2 * n, 2 * n + sum(sizes)))
    return Call(rule.__name__, fn, signature=words, replaces=replaces)
