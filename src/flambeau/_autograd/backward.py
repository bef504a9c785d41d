"""Going back through the tape."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flambeau._autograd.tape import Node, Sink, Tracked, apply, mode
from flambeau._engine.call import SUM, Call, interned
from flambeau._engine.recorder import read, record

Edge = tuple[Any, int]


class Watcher:
    """What a profile sets while it looks on: runs a node in place of ``node.run``."""

    run: Callable[[Node, list[Any], bool], list[Any]] | None = None


watcher = Watcher()


def run_backward(
    roots: Sequence[tuple[Edge, Tracked]],
    *,
    retain: bool,
    tracked: bool,
    capture: Sequence[Edge] | None = None,
    accumulate: bool = True,
    on_released: Callable[[Node, Node | None], BaseException],
) -> list[Tracked | None]:
    """Send gradients from the roots to the leaves.

    Args:
        roots: where to start, with the gradient there.
        retain: keep what the nodes saved, so that backward can be run again.
        tracked: record the backward pass on the tape too.
        capture: edges whose gradient to return; with them only what lies on the way is run.
        accumulate: hand gradients to the leaves that are reached.
        on_released: makes the error for a node whose saved values are gone; it gets the
            node and one that uses its result.

    Returns:
        The gradient at each captured edge, None where none arrived.
    """
    wanted = {_edge_key(e): i for i, e in enumerate(capture or ())}
    captured: list[Tracked | None] = [None] * len(capture or ())
    counts = _dependencies([edge[0] for edge, _ in roots])
    useful = None if capture is None or accumulate else _on_the_way(counts, capture)
    pending: dict[int, list[Any]] = {}
    totals: dict[int, tuple[Any, Tracked]] = {}
    users: dict[int, Node] = {}
    ready: list[tuple[int, int, Node]] = []

    def give(edge: Edge, grad: Tracked, user: Node | None) -> None:
        target, position = edge
        if isinstance(target, Sink):
            old = totals.get(id(target))
            totals[id(target)] = (target, grad if old is None else _add(old[1], grad, tracked))
            return
        slots = pending.get(id(target))
        if slots is None:
            slots = pending[id(target)] = [None] * len(target.outs)
        old = slots[position]
        slots[position] = grad if old is None else _add(old, grad, tracked)
        if user is not None:
            users[id(target)] = user

    started = set()
    for edge, grad in roots:
        give(edge, grad, None)
        target = edge[0]
        if isinstance(target, Node) and id(target) not in started:
            started.add(id(target))
            if counts[id(target)][1] == 0:
                heapq.heappush(ready, (-target.seq, id(target), target))
    done: list[Node] = []
    while ready:
        _, key, node = heapq.heappop(ready)
        grads = pending.pop(key, None)
        run = grads is not None and (useful is None or key in useful)
        if grads is not None:
            grads = _run_hooks(node, grads)
            for position in range(len(grads)):
                at = wanted.get((key, position))
                if at is not None and grads[position] is not None:
                    captured[at] = grads[position]
        if run and grads is not None:
            if node.released:
                raise on_released(node, users.get(key))
            back = _run_node(node, grads, tracked)
            if not retain:
                done.append(node)
        else:
            back = [None] * len(node.edges)
        for edge, grad in zip(node.edges, back, strict=True):
            if edge is None:
                continue
            if grad is not None:
                give(edge, grad, node)
            target = edge[0]
            if isinstance(target, Node):
                entry = counts[id(target)]
                entry[1] -= 1
                if entry[1] == 0:
                    heapq.heappush(ready, (-target.seq, id(target), target))
    for node in done:
        node.release()
    for sink, total in totals.values():
        if sink.hooks:
            for hook in list(sink.hooks.values()):
                total = hook(total) or total
        at = wanted.get((id(sink), 0))
        if at is not None:
            captured[at] = total
        if accumulate:
            sink.accumulate(total)
    return captured


def _edge_key(edge: Edge) -> tuple[int, int]:
    return id(edge[0]), edge[1]


def _dependencies(starts: Sequence[Any]) -> dict[int, list[Any]]:
    """Every node that can be reached, with how many edges lead to it."""
    counts: dict[int, list[Any]] = {}
    stack = []
    for s in starts:
        if id(s) not in counts:
            counts[id(s)] = [s, 0]
            stack.append(s)
    while stack:
        at = stack.pop()
        if isinstance(at, Sink):
            continue
        for edge in at.edges:
            if edge is None:
                continue
            target = edge[0]
            entry = counts.get(id(target))
            if entry is None:
                counts[id(target)] = [target, 1]
                stack.append(target)
            else:
                entry[1] += 1
    return counts


def _on_the_way(counts: dict[int, list[Any]], capture: Sequence[Edge]) -> set[int]:
    """The nodes from which a captured edge can be reached."""
    goals = {id(edge[0]) for edge in capture}
    users: dict[int, list[int]] = {}
    for key, (at, _) in counts.items():
        if isinstance(at, Node):
            for edge in at.edges:
                if edge is not None:
                    users.setdefault(id(edge[0]), []).append(key)
    useful: set[int] = set()
    stack = [key for key in goals if key in counts]
    while stack:
        for user in users.get(stack.pop(), ()):
            if user not in useful:
                useful.add(user)
                stack.append(user)
    return useful


def _run_hooks(node: Node, grads: list[Any]) -> list[Any]:
    if node.hooks is not None:
        for position, hooks in node.hooks.items():
            for hook in list(hooks.values()):
                if grads[position] is not None:
                    grads[position] = hook(grads[position]) or grads[position]
    if node.pre_hooks:
        for hook in list(node.pre_hooks.values()):
            grads = hook(grads) or grads
    return grads


def _run_node(node: Node, grads: list[Any], tracked: bool) -> list[Any]:
    if all(g is None for g in grads):
        return [None] * len(node.edges)
    back = node.run(grads, tracked) if watcher.run is None else watcher.run(node, grads, tracked)
    if mode.anomaly and mode.check_nan:
        _refuse_nan(node, back)
    if node.post_hooks:
        for hook in list(node.post_hooks.values()):
            back = hook(back, grads) or back
    return back


def _refuse_nan(node: Node, back: Sequence[Any]) -> None:
    """In anomaly mode: a gradient that became NaN is an error that names the forward's line."""
    for i, g in enumerate(back):
        if g is not None and np.isnan(np.asarray(read(g.value)).astype(np.complex128)).any():
            at = f" Its forward is at {node.line}." if node.line else ""
            raise RuntimeError(
                f"Function '{node.label}' returned nan values in its {i}th output.{at}"
            )


def sum_call() -> Call:
    """What adds a gradient to another."""
    return Call("add", lambda x, y: x + y, signature=SUM, order="pointwise")


def _add(a: Tracked, b: Tracked, tracked: bool) -> Tracked:
    call = interned(SUM, sum_call)
    if tracked:
        return apply(call, [a.value, b.value], [a.edge, b.edge])[0]
    return Tracked(record(call, [a.value, b.value])[0])


def ones(aval: Any) -> Tracked:
    """The gradient that a scalar root starts with."""
    key = ("ones", aval.shape, aval.dtype)

    def make() -> Call:
        import jax.numpy as jnp

        return Call(
            "ones",
            lambda: jnp.ones(aval.shape, aval.dtype),
            signature=f"ones{aval.shape}{aval.dtype}",
        )

    return Tracked(record(interned(key, make), (), device=aval.device)[0])
