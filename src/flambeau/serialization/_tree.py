"""A walk over what was read: how deep, how large, and where the stubs are."""

from __future__ import annotations

from typing import Any

from flambeau.errors import CheckpointLimitError

from ._limits import Limits
from ._records import Stub
from ._report import RefusedObject

__all__ = ["describe_key", "survey"]

_LEAVES = frozenset({int, float, str, bytes, bool, type(None), complex})


def describe_key(key: Any) -> str:
    """A key as it stands in a path: ``.name`` or ``[3]``."""
    if type(key) is str and len(key) <= 200:
        return f"[{key!r}]"
    text = repr(key) if type(key) in (int, float, bool, type(None), bytes) else type(key).__name__
    return f"[{text[:80]}]"


def _children(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        found = []
        for name, item in value.items():
            if type(name) is Stub:
                found.append((" key", name))
            if type(item) not in _LEAVES:
                found.append((describe_key(name), item))
        return found
    if isinstance(value, (list, tuple)):
        return [(f"[{i}]", item) for i, item in enumerate(value) if type(item) not in _LEAVES]
    if isinstance(value, (set, frozenset)):
        return [("{}", item) for item in value if type(item) not in _LEAVES]
    if type(value) is Stub:
        found: list[tuple[str, Any]] = [(".args", value.args)] if value.args else []
        for part, item in (
            (".state", value.state),
            (".items", value.items),
            (".entries", value.entries),
            (".kwargs", value.kwargs),
        ):
            if item is not None:
                found.append((part, item))
        return found
    return []


def survey(root: Any, limits: Limits) -> list[RefusedObject]:
    """The stubs in a value, each at the first place where it stands.

    Raises:
        CheckpointLimitError: containers nest deeper than ``max_depth``, or sharing makes
            the whole larger than ``max_nodes`` values (a bomb for whoever walks it).
    """
    refused: list[RefusedObject] = []
    height: dict[int, int] = {}
    nodes: dict[int, int] = {}
    # (value, path, children, next child, height so far, nodes so far)
    stack: list[list[Any]] = [[root, "", _children(root), 0, 0, _size(root)]]
    open_ids = {id(root)}
    if type(root) is Stub:
        refused.append(RefusedObject("the object itself", root.module, root.name))
    while stack:
        frame = stack[-1]
        value, path, children, at = frame[:4]
        if at < len(children):
            frame[3] += 1
            part, child = children[at]
            done = height.get(id(child))
            if done is not None:
                frame[4] = max(frame[4], done)
                frame[5] += nodes[id(child)]
            elif id(child) not in open_ids:
                below = _children(child)
                if type(child) is Stub:
                    refused.append(RefusedObject(path + part, child.module, child.name))
                if len(stack) >= limits.max_depth and (below or _size(child) > 1):
                    raise _too_deep(limits)
                if below:
                    open_ids.add(id(child))
                    stack.append([child, path + part, below, 0, 0, _size(child)])
                else:
                    height[id(child)] = 1
                    nodes[id(child)] = _size(child)
                    frame[4] = max(frame[4], 1)
                    frame[5] += nodes[id(child)]
            if frame[5] > limits.max_nodes:
                raise CheckpointLimitError(
                    f"the object has more than max_nodes={limits.max_nodes} values when shared "
                    "ones are counted at each place; if the file is trusted, pass "
                    "limits=Limits(max_nodes=...)"
                )
            continue
        stack.pop()
        open_ids.discard(id(value))
        height[id(value)] = frame[4] + 1
        nodes[id(value)] = frame[5]
        if frame[4] + 1 > limits.max_depth:
            raise _too_deep(limits)
        if stack:
            stack[-1][4] = max(stack[-1][4], frame[4] + 1)
            stack[-1][5] += frame[5]
            if stack[-1][5] > limits.max_nodes:
                raise CheckpointLimitError(
                    f"the object has more than max_nodes={limits.max_nodes} values when shared "
                    "ones are counted at each place; if the file is trusted, pass "
                    "limits=Limits(max_nodes=...)"
                )
    return refused


def _size(value: Any) -> int:
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return 1 + len(value)
    return 1


def _too_deep(limits: Limits) -> CheckpointLimitError:
    return CheckpointLimitError(
        f"the object nests containers deeper than max_depth={limits.max_depth}; if the file is "
        "trusted, pass limits=Limits(max_depth=...)"
    )
