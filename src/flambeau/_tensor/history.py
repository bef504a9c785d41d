"""Notices that graphs of earlier steps are kept, as ``losses.append(loss)`` does.

``backward()`` notes, weakly, the node it started from; a step of an optimizer counts how many
nodes of different steps are still there. In a sound loop those of the last step or two are.
"""

from __future__ import annotations

import gc
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from flambeau import _source
from flambeau._autograd.tape import Node
from flambeau._engine.recorder import capturing
from flambeau._tensor.core import TensorBase
from flambeau._warnings import warn

SEVERAL = 4
"""From how many steps' graphs on it is no chance that they are kept."""


class _Kept(threading.local):
    """What a thread's backward passes started from, with the number of the step."""

    def __init__(self) -> None:
        self.roots: list[tuple[weakref.ref[Node], int]] = []
        self.step = 0
        self.several = SEVERAL


_kept = _Kept()


class Held(NamedTuple):
    """What holds old graphs.

    Attributes:
        name: the user's variable, with the attribute or key where it is one.
        kind: ``"tensor"`` or the class of the container.
        tensors: how many tensors it holds that have such a graph.
        steps: of how many steps.
        nodes: how many operations the graphs hold.
        place: the line that keeps them.
    """

    name: str
    kind: str
    tensors: int
    steps: int
    nodes: int
    place: tuple[str, int]

    def text(self) -> str:
        """What the user is told."""
        what = "" if self.kind == "tensor" else f", a {self.kind},"
        holds = "the graphs" if self.kind == "tensor" else f"{self.tensors} tensors with the graphs"
        return (
            f"'{self.name}'{what} holds {holds} of {self.steps} steps, {self.nodes} nodes in all "
            f"(kept at {self.place[0]}:{self.place[1]}); keep loss.item() or loss.detach()"
        )


def note(node: Any) -> None:
    """A backward pass starts here."""
    if isinstance(node, Node):
        _kept.roots.append((weakref.ref(node), _kept.step))


def stepped() -> None:
    """A step of an optimizer has ended."""
    kept = _kept
    kept.step += 1
    roots = kept.roots
    if len(roots) <= kept.several:
        return
    alive = kept.roots = [root for root in roots if root[0]() is not None]
    if len(alive) > kept.several and len({step for _, step in alive}) > kept.several:
        _look(alive)


def _look(alive: list[tuple[weakref.ref[Node], int]]) -> None:
    kept = _kept
    if capturing() is not None:
        return
    gc.collect()  # a graph in a cycle is not kept by anybody
    kept.roots = alive = [root for root in alive if root[0]() is not None]
    if len({step for _, step in alive}) > kept.several:
        held = find(alive)
        if held is not None:
            warn("FB018", held.text(), place=held.place)
    # The search is dear: the next one needs many more.
    kept.several *= 8


def find(alive: list[tuple[weakref.ref[Node], int]]) -> Held | None:
    """Who keeps the graphs, among the variables of the functions that are running."""
    steps = {id(node): step for ref, step in alive if (node := ref()) is not None}
    best: Held | None = None
    for frame in _source.user_frames():
        for name, value in _variables(frame):
            tensors = list(_tensors(value))
            found, nodes = _graphs(tensors, steps)
            if len(found) < SEVERAL or (best is not None and len(found) <= best.steps):
                continue
            kind = "tensor" if isinstance(value, TensorBase) else type(value).__name__
            place = _source.keeping(
                frame.f_code.co_filename, _last(name), frame.f_code.co_firstlineno
            ) or (frame.f_code.co_filename, frame.f_lineno)
            best = Held(name, kind, len(tensors), len(found), nodes, place)
    return best


def _last(name: str) -> str:
    return name.partition("[")[0].rpartition(".")[2]


def _variables(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """Variables that a function sees, and the attributes of the objects among them."""
    scopes = [frame.f_locals]
    if frame.f_locals is not frame.f_globals:
        scopes.append(frame.f_globals)
    for scope in scopes:
        for name, value in list(scope.items()):
            if name.startswith("__"):
                continue
            yield name, value
            fields = getattr(value, "__dict__", None)
            module = getattr(type(value), "__module__", None)
            if isinstance(fields, dict) and not isinstance(value, type) and module != "builtins":
                for attribute, inner in list(fields.items()):
                    yield f"{name}.{attribute}", inner


def _tensors(value: Any, depth: int = 0) -> Iterator[Any]:
    """Tensors with a history in a variable: itself, or what its containers hold."""
    if isinstance(value, TensorBase):
        edge = value._edge
        if edge is not None and isinstance(edge[0], Node):
            yield value
    elif depth < 3 and isinstance(value, (list, tuple, set, deque, dict)):
        for item in list(value.values() if isinstance(value, dict) else value)[:10_000]:
            yield from _tensors(item, depth + 1)


def _graphs(tensors: list[Any], steps: dict[int, int]) -> tuple[set[int], int]:
    """The steps whose graphs the tensors hold, and how many nodes there are."""
    seen: set[int] = set()
    stack = [t._edge[0] for t in tensors]
    while stack:
        node = stack.pop()
        if id(node) in seen or not isinstance(node, Node):
            continue
        seen.add(id(node))
        stack += [edge[0] for edge in node.edges if edge is not None]
    return {steps[key] for key in seen if key in steps}, len(seen)


def afresh() -> None:
    """Forget what this thread's steps kept so far, and how dear the last search was."""
    _kept.roots = []
    _kept.several = SEVERAL
