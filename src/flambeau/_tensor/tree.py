"""Trees: tensors in tuples, lists and dictionaries, as PyTorch's transforms take and give them.

Unlike JAX's, dictionaries keep their order and None is a leaf.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any


class Spec:
    """The structure of a tree.

    Attributes:
        kind: the container's type, None for a leaf.
        keys: a dictionary's keys, a default dictionary's factory before them.
        children: the structures inside.
        size: how many leaves.
    """

    __slots__ = ("children", "keys", "kind", "size")

    def __init__(self, kind: Any, keys: tuple[Any, ...], children: tuple[Spec, ...]):
        self.kind = kind
        self.keys = keys
        self.children = children
        self.size = 1 if kind is None else sum(c.size for c in children)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Spec)
            and self.kind is other.kind
            and self.keys == other.keys
            and self.children == other.children
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.size))

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        inner = ", ".join(map(repr, self.children))
        if self.keys:
            inner = ", ".join(
                f"{k!r}: {c!r}"
                for k, c in zip(self.keys[-len(self.children) :], self.children, strict=True)
            )
        if self.kind is tuple:
            return f"({inner},)" if len(self.children) == 1 else f"({inner})"
        return f"[{inner}]" if self.kind is list else f"{self.kind.__name__}({inner})"


LEAF = Spec(None, (), ())
_DICTS = (dict, OrderedDict, defaultdict)


def _is_named(x: Any) -> bool:
    return isinstance(x, tuple) and hasattr(x, "_fields")


def _kind(x: Any) -> Any:
    kind = type(x)
    if kind in (tuple, list) or kind in _DICTS or _is_named(x):
        return kind
    return tuple if isinstance(x, tuple) and kind.__module__ == "torch.return_types" else None


def flatten(tree: Any) -> tuple[list[Any], Spec]:
    """The leaves of a tree, in order, and its structure."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Spec:
    kind = _kind(tree)
    if kind is None:
        leaves.append(tree)
        return LEAF
    if kind in _DICTS:
        keys = tuple(tree)
        children = tuple(_flatten(tree[k], leaves) for k in keys)
        return Spec(kind, (tree.default_factory, *keys) if kind is defaultdict else keys, children)
    return Spec(kind, (), tuple(_flatten(x, leaves) for x in tree))


def unflatten(leaves: Any, spec: Spec) -> Any:
    """The tree of these leaves."""
    rest = iter(leaves)
    return _unflatten(rest, spec)


def _unflatten(rest: Any, spec: Spec) -> Any:
    if spec.kind is None:
        return next(rest)
    inner = [_unflatten(rest, c) for c in spec.children]
    if spec.kind is defaultdict:
        return defaultdict(spec.keys[0], dict(zip(spec.keys[1:], inner, strict=True)))
    if spec.kind is dict or spec.kind is OrderedDict:
        return spec.kind(zip(spec.keys, inner, strict=True))
    if spec.kind in (tuple, list):
        return spec.kind(inner)
    return spec.kind(*inner)


def mapped(fn: Callable[[Any], Any], tree: Any) -> Any:
    """A tree with a function applied to every leaf."""
    leaves, spec = flatten(tree)
    return unflatten([fn(x) for x in leaves], spec)


def broadcast(prefix: Any, spec: Spec) -> list[Any] | None:
    """The leaves of a tree that may stop above the leaves of another; None if it does not fit."""
    kind = _kind(prefix)
    if kind is None:
        return [prefix] * spec.size
    if spec.kind is None or len(prefix) != len(spec.children):
        return None
    if kind in _DICTS:
        if spec.kind not in _DICTS or set(prefix) != set(spec.keys[-len(prefix) :]):
            return None
        parts = [prefix[k] for k in spec.keys[-len(prefix) :]]
    else:
        if spec.kind is not kind:
            return None
        parts = list(prefix)
    found: list[Any] = []
    for part, child in zip(parts, spec.children, strict=True):
        inner = broadcast(part, child)
        if inner is None:
            return None
        found.extend(inner)
    return found
