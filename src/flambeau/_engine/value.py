"""Values: what a handle outside the graph holds of one result."""

from __future__ import annotations

from typing import Any

from flambeau._engine.aval import Aval


class Layer:
    """A transform, such as ``vmap``, that holds Values of its own over those of the engine.

    A Value whose place is ``(layer, content)`` never has an array: the recorder hands calls on
    it to :attr:`flambeau._engine.recorder.layers`, which records what they come to below.
    """

    __slots__ = ()

    open: int
    """Whether the transform goes on; Values that outlive it count as those below."""

    def reveal(self, content: Any) -> Value:
        """The Value below that has the same elements.

        Raises:
            RuntimeError: there is none, as inside ``vmap``.
        """
        raise NotImplementedError


class Value:
    """A claim on one result: an array, or one that a pending graph will produce.

    A Value is alive exactly while something outside the graph can still read it: live ones
    are a program's outputs, everything else stays inside the program. A Value is immutable;
    modifying a tensor gives its storage another Value.

    Attributes:
        aval: shape, dtype and device.
        array: the array, or None while it is pending.
        place: ``(epoch, slot)`` in the graph that holds it now, or whatever else with a
            ``bring(slot)`` that gives it its array; ``(layer, content)`` while a transform
            holds it (see :class:`Layer`); or None.
        pinned: somebody outside holds the array: never donate it.
    """

    __slots__ = ("__weakref__", "array", "aval", "pinned", "place")

    def __init__(self, aval: Aval, array: Any = None, place: Any = None):
        self.aval = aval
        self.array = array
        self.place = place
        self.pinned = False

    def __repr__(self) -> str:
        return f"<Value {self.aval} {'pending' if self.array is None else 'ready'}>"
