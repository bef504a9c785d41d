"""Backward passes that came before: what they record follows from the graph and the tape's form.

Going back through a tape that was recorded whole in the pending graph records the same operations
whenever graph and form are the same. The second time a form comes, where its pass ends is noted
with the graph's state; from the third time on, the graph goes there at once, and leaves get their
gradients. Whatever could make a pass differ (hooks, gradients that are there already, transforms,
anomaly mode, a tape from before the last execution) has it gone through as always.
"""

from __future__ import annotations

import weakref
from typing import Any

from flambeau._autograd.backward import watcher
from flambeau._autograd.tape import Node, mode
from flambeau._config import config
from flambeau._engine import recorder
from flambeau._engine.call import SUM
from flambeau._engine.changes import changes
from flambeau._engine.recorder import Epoch, Graph, State
from flambeau._engine.value import Value
from flambeau._tensor.core import Leaf, TensorBase, wrap

_MOST_FORMS = 64
"""Of so many forms a state notes the end; beyond them it starts afresh."""

_NUMBERS = {float: 0, int: 1, bool: 1, complex: 2}


class _Gone:
    __slots__ = ("__weakref__",)


_GONE: Any = weakref.ref(_Gone())
"""Stands for a result that nobody holds."""


class Form:
    """A tape as a backward pass sees it, in the order in which it is found from its root.

    Attributes:
        words: the states that recorded the nodes and where their edges lead: equal for tapes that
            are gone through alike.
        nodes, leaves: what the words stand for.
    """

    __slots__ = ("graph", "leaves", "nodes", "words")

    def __init__(self, graph: Graph, words: Any, nodes: list[Node], leaves: list[Leaf]):
        self.graph = graph
        self.words = words
        self.nodes = nodes
        self.leaves = leaves


class _End:
    """Where a pass ends.

    Attributes:
        state: the graph's state then.
        count: how many results were recorded on the way.
        grads: for each leaf, which of them its gradient is, with slot and aval.
        numbers: the inputs of nodes that are inputs of the program once more: kind, node, input.
    """

    __slots__ = ("count", "grads", "numbers", "state")

    def __init__(
        self,
        state: State,
        count: int,
        grads: list[tuple[int, int, Any]],
        numbers: list[tuple[int, int, int]],
    ):
        self.state = state
        self.count = count
        self.grads = grads
        self.numbers = numbers


def form_of(tensor: TensorBase) -> Form | None:
    """The form of a scalar's tape; None where its backward has to be gone through."""
    edge = tensor._edge
    if edge is None or tensor._chain is not None or edge[0].__class__ is not Node:
        return None
    if recorder.layers is not None or mode.anomaly or watcher.run is not None:
        return None
    root: Node = edge[0]
    epoch = root.epoch
    if epoch is None or config._mode != "lazy" or recorder.capturing() is not None:
        return None
    graph = epoch.graph
    aval = tensor._storage.value.aval
    here = recorder.graph_for(aval.device) is graph and graph.epoch is epoch
    if not here or aval.size != 1 or aval.dtype.kind == "c":
        return None
    return _form_from(root, edge[1], epoch)


def _form_from(root: Node, position: int, epoch: Epoch) -> Form | None:
    nodes = [root]
    leaves: list[Leaf] = []
    places = {id(root): 0}
    words: list[Any] = [position]
    add = words.append
    for node in nodes:
        if node.epoch is not epoch or node.hooks or node.pre_hooks or node.post_hooks:
            return None
        add(node.state)
        for edge in node.edges:
            if edge is None:
                add(None)
                continue
            target, at = edge
            place = places.get(id(target))
            if place is None:
                place = places[id(target)] = len(places)
                if target.__class__ is Leaf:
                    if target.grad is not None or target.hooks or target.post_hooks:
                        return None
                    leaves.append(target)
                elif target.__class__ is Node:
                    nodes.append(target)
                else:
                    return None
            add(place)
            add(at)
    return Form(epoch.graph, tuple(words), nodes, leaves)


def run(form: Form) -> bool:
    """Let the graph go where the pass ends, if that is known, and give leaves their gradients."""
    graph = form.graph
    with graph.lock:
        state = graph.state
        ends = state.ends
        end = None if ends is None else ends.get(form.words)
        if end.__class__ is not _End or end.state.depth >= config.max_pending:
            return False
        nodes = form.nodes
        numbers = []
        for kind, k, i in end.numbers:
            number = nodes[k].inputs[i]
            if _NUMBERS.get(number.__class__) != kind:
                return False
            numbers.append(number)
        for (kind, _, _), number in zip(end.numbers, numbers, strict=True):
            graph.scalars[kind].append(number)
        graph.state = end.state
        epoch = graph.epoch
        refs = graph.outs
        first = len(refs)
        refs += [_GONE] * end.count
        for leaf, (k, slot, aval) in zip(form.leaves, end.grads, strict=True):
            value = Value(aval, None, (epoch, slot))
            refs[first + k] = weakref.ref(value)
            leaf.grad = wrap(value)
        changes.count += 1
    for node in nodes:
        node.release()
    return True


class Note:
    """What a pass is compared with when it has been gone through; None of it if not wanted."""

    __slots__ = ("epoch", "form", "leaves", "numbers", "outs", "state")

    def __init__(self, form: Form):
        graph = form.graph
        self.form = form
        self.state = graph.state
        self.epoch = graph.epoch
        self.outs = len(graph.outs)
        self.leaves = len(graph.leaf_arrays)
        self.numbers = {
            id(node): (k, [i for i, v in enumerate(node.inputs) if v.__class__ in _NUMBERS])
            for k, node in enumerate(form.nodes)
        }


def before(form: Form) -> Note | None:
    """Look at the graph before a pass is gone through; from the second time on."""
    state = form.graph.state
    if state.ends is None:
        state.ends = {}
    elif form.words in state.ends:
        return Note(form) if state.ends[form.words] == 1 else None
    elif len(state.ends) >= _MOST_FORMS:
        state.ends.clear()
    state.ends[form.words] = 1
    return None


def after(note: Note) -> None:
    """Note where a pass ended, if it recorded nothing that the next one might not."""
    form, graph = note.form, note.form.graph
    ends = note.state.ends
    assert ends is not None
    end = _end_of(note) if graph.epoch is note.epoch else None
    ends[form.words] = 0 if end is None else end


def _end_of(note: Note) -> _End | None:
    form, graph = note.form, note.form.graph
    if len(graph.leaf_arrays) != note.leaves:
        return None
    path = []
    state: State | None = graph.state
    while state is not note.state:
        if state is None:
            return None
        path.append(state)
        state = state.parent
    # The seed, one operation for each node from the latest to the earliest, and sums.
    passed = [s for s in reversed(path) if s.call.op is None and s.inputs]
    passed = [s for s in passed if s.call.signature != SUM]
    nodes = sorted(form.nodes, key=lambda node: -node.seq)
    if len(passed) != len(nodes):
        return None
    numbers = []
    for s, node in zip(passed, nodes, strict=True):
        kinds = ["fic".index(a.kind) for a in s.leaves if a.kind is not None]
        k, at = note.numbers[id(node)]
        if kinds:
            if len(kinds) != len(at):
                return None
            numbers += [(kind, k, i) for kind, i in zip(kinds, at, strict=True)]
    if sum(a.kind is not None for s in path for a in s.leaves) != len(numbers):
        return None
    at = {id(v): k for k, ref in enumerate(graph.outs[note.outs :]) if (v := ref()) is not None}
    grads = []
    for leaf in form.leaves:
        value = None if leaf.grad is None else leaf.grad._storage.value
        k = at.pop(id(value), None)
        if value is None or k is None or leaf.grad._chain is not None:
            return None
        grads.append((k, value.place[1], value.aval))
    return _End(graph.state, len(graph.outs) - note.outs, grads, numbers)
