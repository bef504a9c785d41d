"""The recorded history, from outside. Follows ``torch.autograd.graph``."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from flambeau._autograd.tape import Node
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.hooks import RemovableHandle

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor goes: a node, and which of its results."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """Where the gradient of a tensor goes.

    Raises:
        RuntimeError: it requires none.

    Follows ``torch.autograd.graph.get_gradient_edge``.
    """
    value_of(tensor)
    if tensor._edge is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    node, position = tensor._edge
    return GradientEdge(node, position)


def increment_version(tensor: Any) -> None:
    """Count a write to a tensor, or to several, that was made outside flambeau's sight.

    Follows ``torch.autograd.graph.increment_version``.
    """
    for t in (tensor,) if isinstance(tensor, TensorBase) else tensor:
        if t._chain is not None:
            value_of(t)
            t._storage.version += 1
            t._seen = None
        else:
            t._storage.version += 1


class saved_tensors_hooks:
    """Not there: nodes keep the operation's inputs, which mostly never leave the program.

    Raises:
        NotImplementedError: always; :func:`flambeau.utils.checkpoint.checkpoint` saves memory.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"{type(self).__name__}: what a backward needs is kept as values of the recorded "
            "program, most of which are never stored, so it cannot be packed one by one. To hold "
            "less memory use torch.utils.checkpoint.checkpoint"
        )


class save_on_cpu(saved_tensors_hooks):
    """Not there; see :class:`saved_tensors_hooks`."""


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Accepted: there are no such hooks to disable.

    Follows ``torch.autograd.graph.disable_saved_tensors_hooks``.
    """
    yield


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """What always holds here: values are immutable, so writing to a saved tensor is harmless.

    Follows ``torch.autograd.graph.allow_mutation_on_saved_tensors``.
    """
    yield


class _Handle:
    """Removes the hooks of several tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]):
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Remove them."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Any], fn: Callable[..., None], *, mode: str = "all"
) -> Any:
    """Call a function when the gradients of several tensors are known.

    Args:
        tensors: tensors that require grad.
        fn: with ``"all"`` it gets a list of the gradients of one backward, None where there was
            none yet when the last one arrived; with ``"any"`` the first gradient.
        mode: ``"all"`` or ``"any"``.

    Returns:
        A handle whose ``remove()`` takes the hooks away.

    Follows ``torch.autograd.graph.register_multi_grad_hook``.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    lock = threading.Lock()
    n = len(tensors)
    state: dict[str, Any] = {"count": 0, "grads": [None] * n}

    def note(grad: Any, i: int) -> None:
        with lock:
            if state["count"] == 0:
                state["grads"] = [None] * n
            state["grads"][i] = grad
            state["count"] += 1
            done = state["count"] == n
            first = state["count"] == 1
            if done:
                state["count"] = 0
        if mode == "all" and done:
            fn(state["grads"])
        elif mode == "any" and first:
            fn(grad)

    return _Handle([t.register_hook(functools.partial(note, i=i)) for i, t in enumerate(tensors)])
