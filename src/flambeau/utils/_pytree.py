"""Trees of containers: taking them apart and putting them together. Follows `torch.utils._pytree`.

A tree is a nest of lists, tuples, named tuples, dicts, ordered and default dicts, deques and
registered classes; everything else is a leaf. Dicts keep the order of their keys.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = [
    "Context", "FlattenFn", "GetAttrKey", "KeyEntry", "KeyPath", "LeafSpec", "MappingKey",
    "PyTree", "SequenceKey", "TreeSpec", "UnflattenFn", "arg_tree_leaves", "is_namedtuple",
    "is_namedtuple_class", "is_namedtuple_instance", "key_get", "keystr", "register_dataclass",
    "register_pytree_node", "tree_all", "tree_all_only", "tree_any", "tree_any_only",
    "tree_flatten", "tree_flatten_with_path", "tree_is_leaf", "tree_iter", "tree_leaves",
    "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only", "tree_map_only_",
    "tree_map_with_path", "tree_structure", "tree_unflatten", "treespec_pprint",
]  # fmt: skip

PyTree = Any
Context = Any
FlattenFn = Callable[[Any], tuple[list[Any], Any]]
UnflattenFn = Callable[[Iterable[Any], Any], Any]


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """A step into a sequence."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """What lies there."""
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """A step into a mapping."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """What lies there."""
        return mapping[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """A step to an attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        """What lies there."""
        return getattr(obj, self.name)


KeyEntry = SequenceKey | MappingKey | GetAttrKey
KeyPath = tuple[KeyEntry, ...]


@dataclasses.dataclass
class _Kind:
    """How a class of containers is taken apart and put together."""

    flatten: FlattenFn
    unflatten: UnflattenFn
    keys: Callable[[Any], list[Any]] | None = None


def _sequence_keys(x: Sequence[Any]) -> list[Any]:
    return [SequenceKey(i) for i in range(len(x))]


def _mapping_keys(x: Mapping[Any, Any]) -> list[Any]:
    return [MappingKey(k) for k in x]


def _named_keys(x: Any) -> list[Any]:
    return [GetAttrKey(name) for name in x._fields]


def _mapping(build: Callable[[Any, list[tuple[Any, Any]]], Any], extra: Any = None) -> _Kind:
    def flatten(x: Any) -> tuple[list[Any], Any]:
        return list(x.values()), (extra(x) if extra else None, list(x))

    def unflatten(values: Iterable[Any], context: Any) -> Any:
        return build(context[0], list(zip(context[1], values, strict=True)))

    return _Kind(flatten, unflatten, _mapping_keys)


_NAMED = _Kind(lambda x: (list(x), type(x)), lambda v, context: context(*v), _named_keys)
_KINDS: dict[type, _Kind] = {
    list: _Kind(lambda x: (list(x), None), lambda v, c: list(v), _sequence_keys),
    tuple: _Kind(lambda x: (list(x), None), lambda v, c: tuple(v), _sequence_keys),
    deque: _Kind(lambda x: (list(x), x.maxlen), lambda v, c: deque(v, maxlen=c), _sequence_keys),
    dict: _mapping(lambda _, items: dict(items)),
    OrderedDict: _mapping(lambda _, items: OrderedDict(items)),
    defaultdict: _mapping(defaultdict, lambda x: x.default_factory),
}


def is_namedtuple_class(cls: Any) -> bool:
    """Whether a class was made by ``namedtuple`` (or looks so)."""
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields")


def is_namedtuple_instance(obj: Any) -> bool:
    """Whether an object is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_namedtuple(obj: Any) -> bool:
    """Whether an object, or a class, is a named tuple."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def _kind(tree: Any) -> _Kind | None:
    found = _KINDS.get(type(tree))
    if found is None and is_namedtuple_instance(tree):
        return _NAMED
    return found


def register_pytree_node(
    cls: type,
    flatten_fn: FlattenFn,
    unflatten_fn: UnflattenFn,
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: Any = None,
    from_dumpable_context: Any = None,
    flatten_with_keys_fn: Any = None,
) -> None:
    """Let instances of a class be containers.

    Args:
        flatten_fn: object -> (children, context).
        unflatten_fn: (children, context) -> object.
        flatten_with_keys_fn: object -> ([(key, child), ...], context).
        serialized_type_name, to_dumpable_context, from_dumpable_context: accepted.

    Raises:
        ValueError: the class is registered already.
    """
    if cls in _KINDS:
        raise ValueError(f"{cls} is already registered as pytree node.")
    keys = None
    if flatten_with_keys_fn is not None:
        keys = lambda x: [key for key, _ in flatten_with_keys_fn(x)[0]]
    _KINDS[cls] = _Kind(lambda x: tuple(flatten_fn(x)), unflatten_fn, keys)  # type: ignore[arg-type,return-value]


def register_dataclass(
    cls: Any,
    *,
    field_names: Sequence[str] | None = None,
    drop_field_names: Sequence[str] | None = None,
    serialized_type_name: str | None = None,
) -> None:
    """Let instances of a dataclass be containers of their fields."""
    names = list(field_names or [f.name for f in dataclasses.fields(cls) if f.init])
    names = [name for name in names if name not in (drop_field_names or ())]
    register_pytree_node(
        cls,
        lambda x: ([getattr(x, name) for name in names], None),
        lambda values, _: cls(**dict(zip(names, values, strict=True))),
        flatten_with_keys_fn=lambda x: ([(GetAttrKey(n), getattr(x, n)) for n in names], None),
    )


class TreeSpec:
    """The shape of a tree, without its leaves.

    Attributes:
        type: the class of the container, None for a leaf.
        context: what else is needed to make one.
        num_nodes, num_leaves, num_children: counts.
    """

    def __init__(self, type: Any, context: Any, children_specs: Sequence[TreeSpec] = ()) -> None:
        self.type = type
        self.context = context
        self.children_specs = list(children_specs)
        self.num_nodes = 1 + sum(c.num_nodes for c in children_specs)
        self.num_leaves = sum(c.num_leaves for c in children_specs) if type is not None else 1
        self.num_children = len(self.children_specs)

    def is_leaf(self) -> bool:
        """Whether it stands for a leaf."""
        return self.type is None

    def children(self) -> list[TreeSpec]:
        """The shapes of the parts."""
        return list(self.children_specs)

    def child(self, index: int) -> TreeSpec:
        """The shape of one part."""
        return self.children_specs[index]

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """The parts of another tree at the places of this one's leaves.

        Raises:
            ValueError: the other tree has another shape above them.
        """
        found: list[Any] = []
        _up_to(self, tree, found)
        return found

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree with these leaves."""
        return tree_unflatten(leaves, self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreeSpec) and (
            self.type is other.type
            and self.context == other.context
            and self.children_specs == other.children_specs
        )

    def __hash__(self) -> int:
        return hash((self.type, self.num_nodes, self.num_leaves))

    def __repr__(self) -> str:
        if self.type is None:
            return "*"
        parts = ", ".join(map(repr, self.children_specs))
        return f"TreeSpec({self.type.__name__}, {self.context}, [{parts}])"


class LeafSpec(TreeSpec):
    """The shape of a leaf."""

    def __init__(self) -> None:
        super().__init__(None, None)


_LEAF = LeafSpec()


def _up_to(spec: TreeSpec, tree: Any, found: list[Any]) -> None:
    if spec.is_leaf():
        found.append(tree)
        return
    kind = _kind(tree)
    if kind is None or type(tree) is not spec.type:
        raise ValueError(f"Type mismatch; expected {spec.type!r}, but got {type(tree)!r}.")
    children, context = kind.flatten(tree)
    if len(children) != spec.num_children or context != spec.context:
        raise ValueError(
            f"Node mismatch of {spec.type.__name__}; expected {spec.num_children} children and "
            f"context {spec.context!r}, but got {len(children)} and {context!r}."
        )
    for part, child in zip(spec.children_specs, children, strict=True):
        _up_to(part, child, found)


IsLeaf = Callable[[Any], bool] | None


def tree_is_leaf(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether a tree is a leaf."""
    return (is_leaf is not None and is_leaf(tree)) or _kind(tree) is None


def _walk(tree: Any, is_leaf: IsLeaf, path: KeyPath, out: list[tuple[KeyPath, Any]]) -> TreeSpec:
    kind = None if is_leaf is not None and is_leaf(tree) else _kind(tree)
    if kind is None:
        out.append((path, tree))
        return _LEAF
    children, context = kind.flatten(tree)
    keys = kind.keys(tree) if kind.keys is not None else _sequence_keys(list(children))
    return TreeSpec(
        type(tree),
        context,
        [_walk(c, is_leaf, (*path, k), out) for k, c in zip(keys, children, strict=True)],
    )


def tree_flatten_with_path(
    tree: Any, is_leaf: IsLeaf = None
) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """The leaves with the keys that lead to them, and the shape."""
    out: list[tuple[KeyPath, Any]] = []
    return out, _walk(tree, is_leaf, (), out)


def tree_flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves and the shape.

    Example:
        >>> from flambeau.utils._pytree import tree_flatten, tree_unflatten
        >>> leaves, spec = tree_flatten({"a": [1, 2], "b": (3,)})
        >>> leaves
        [1, 2, 3]
        >>> tree_unflatten([x * 10 for x in leaves], spec)
        {'a': [10, 20], 'b': (30,)}
    """
    found, spec = tree_flatten_with_path(tree, is_leaf)
    return [leaf for _, leaf in found], spec


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of a shape with these leaves.

    Raises:
        TypeError: the shape is none.
        ValueError: there are too many leaves or too few.
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"tree_unflatten(leaves, treespec): Expected `treespec` to be instance of TreeSpec "
            f"but got item of type {type(treespec)}."
        )
    given = list(leaves)
    if len(given) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(given)} but the spec "
            f"refers to a pytree that holds {treespec.num_leaves} items ({treespec})."
        )
    rest = iter(given)

    def build(spec: TreeSpec) -> Any:
        if spec.is_leaf():
            return next(rest)
        kind = _KINDS.get(spec.type, _NAMED)
        return kind.unflatten([build(c) for c in spec.children_specs], spec.context)

    return build(treespec)


def tree_iter(tree: Any, is_leaf: IsLeaf = None) -> Iterator[Any]:
    """The leaves, one after the other."""
    yield from tree_flatten(tree, is_leaf)[0]


def tree_leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves."""
    return tree_flatten(tree, is_leaf)[0]


def tree_leaves_with_path(tree: Any, is_leaf: IsLeaf = None) -> list[tuple[KeyPath, Any]]:
    """The leaves with the keys that lead to them."""
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: IsLeaf = None) -> TreeSpec:
    """The shape."""
    return tree_flatten(tree, is_leaf)[1]


def arg_tree_leaves(*args: Any, **kwargs: Any) -> list[Any]:
    """The leaves of arguments."""
    return tree_leaves((args, kwargs))


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """The tree with a function applied to its leaves (and those of others of its shape)."""
    leaves, spec = tree_flatten(tree, is_leaf)
    return tree_unflatten(map(func, leaves, *(spec.flatten_up_to(r) for r in rests)), spec)


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None) -> Any:
    """Call a function on the leaves; gives the tree back."""
    leaves, spec = tree_flatten(tree, is_leaf)
    deque(map(func, leaves, *(spec.flatten_up_to(r) for r in rests)), maxlen=0)
    return tree


def tree_map_with_path(
    func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf = None
) -> Any:
    """:func:`tree_map` of a function that gets the keys to the leaf first."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    others = [spec.flatten_up_to(r) for r in rests]
    made = [func(path, leaf, *(o[i] for o in others)) for i, (path, leaf) in enumerate(found)]
    return tree_unflatten(made, spec)


def _only(types: Any, func: Callable[[Any], Any]) -> Callable[[Any], Any]:
    kinds: Any = types
    asks: Any = types if callable(types) and not isinstance(types, type) else None

    def call(x: Any) -> Any:
        return func(x) if (asks(x) if asks else isinstance(x, kinds)) else x

    return call


def tree_map_only(types: Any, func: Any, tree: Any, is_leaf: IsLeaf = None) -> Any:
    """:func:`tree_map` over the leaves of some types (or that a function accepts)."""
    return tree_map(_only(types, func), tree, is_leaf=is_leaf)


def tree_map_only_(types: Any, func: Any, tree: Any, is_leaf: IsLeaf = None) -> Any:
    """:func:`tree_map_` over the leaves of some types."""
    return tree_map_(_only(types, func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether all leaves fulfil something."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether some leaf fulfils something."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(types: Any, pred: Any, tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether all leaves of some types fulfil something."""
    return all(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, types))


def tree_any_only(types: Any, pred: Any, tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether some leaf of some types fulfils something."""
    return any(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, types))


def keystr(kp: KeyPath) -> str:
    """The keys as text."""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What keys lead to."""
    for key in kp:
        obj = key.get(obj)
    return obj


def treespec_pprint(treespec: TreeSpec) -> str:
    """The shape as text."""
    return repr(tree_unflatten(["*"] * treespec.num_leaves, treespec)).replace("'*'", "*")
