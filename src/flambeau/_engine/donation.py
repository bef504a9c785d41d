"""Which inputs of a program give their memory to which results.

An input that nobody else holds can be overwritten by a result of its shape and dtype. Which one
matters: a new parameter belongs into the old parameter's memory, since whatever else would be
written there has to wait until the parameter was read for the last time, or XLA copies it first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from flambeau._engine.aval import Aval
from flambeau._engine.call import Call
from flambeau._engine.layout import Layout
from flambeau._engine.recorder import State

STEADY = {"cuda"}
"""Where replaced gradients, too, give their memory to the new ones: a GPU's graph of kernels is
made anew, or launched kernel by kernel, where an address has changed."""

REACH = 16
"""So many operations between a result and the input it comes from are looked through."""


def pair(
    layout: Layout,
    live: Sequence[int],
    free: Iterable[int],
    places: Mapping[int, int] = MappingProxyType({}),
) -> dict[int, int]:
    """Pairs of leaves and results, at most one for each.

    A result takes the memory of the leaf that it is the next state of: the one in whose place it
    will be, where that is known, the one its operation says it replaces, or else the nearest of
    its shape among what it was computed from. Where several come from one leaf the last has it:
    an update comes after the gradient; several results of one operation take theirs in order. A
    derivative is the next state of nothing and comes after all others. What is left over is
    paired in order.

    Args:
        layout: the graph.
        live: ordinals of the results.
        free: ordinals of the leaves that may be overwritten.
        places: the leaves among them in whose places results will be, by the result.

    Returns:
        The result's ordinal by the leaf's.
    """
    loose = {layout.leaf_slots[i]: i for i in free}
    if not loose:
        return {}
    makers = {s: step for step in layout.steps for s in range(step.first_out, step.n)}
    pairs: dict[int, int] = {}
    for k, i in places.items():
        if layout.leaf_avals[i] is layout.out_avals[k]:
            pairs[loose.pop(layout.leaf_slots[i])] = k
    rest, paired = [], set(pairs.values())
    by = {k: makers[layout.out_slots[k]] for k in live if k not in paired}
    for k in sorted(by, key=lambda k: (-_rank(by[k].call), -by[k].first_out, k)):
        slot = _origin(layout.out_slots[k], layout.out_avals[k], makers, loose, layout)
        if slot is None:
            rest.append(k)
        else:
            pairs[loose.pop(slot)] = k
    left: dict[Aval, deque[int]] = {}
    for i in sorted(loose.values()):
        left.setdefault(layout.leaf_avals[i], deque()).append(i)
    for k in reversed(rest):
        candidates = left.get(layout.out_avals[k])
        if candidates:
            pairs[candidates.popleft()] = k
    return pairs


def _rank(call: Call) -> int:
    """How much more than others the results of an operation are likely to be a next state."""
    return 2 if call.replaces is not None else int(call.derives is None)


def _origin(
    slot: int, aval: Aval, makers: dict[int, State], loose: dict[int, int], layout: Layout
) -> int | None:
    """The slot of the loose leaf of this shape that a result comes from, nearest first."""
    waiting, seen = deque([slot]), {slot}
    for _ in range(REACH):
        if not waiting:
            return None
        step = makers.get(slot := waiting.popleft())
        if step is None:
            continue
        replaced = step.call.replaces
        inputs = step.inputs
        if replaced is not None:
            inputs = (inputs[replaced[slot - step.first_out]],)
        for s in inputs:
            if s in seen or s < 0:
                continue
            seen.add(s)
            if s in loose:
                if layout.leaf_avals[loose[s]] is aval:
                    return s
            elif s in makers and makers[s].outs[s - makers[s].first_out] is aval:
                waiting.append(s)
    return None
