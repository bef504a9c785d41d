"""Mistakes around registration, noticed when they are made.

What is looked at is looked at once: containers at a module's first forward, tensors when they
are assigned, parameters when they are replaced. A step in which nothing is wrong pays for two
look-ups (whether this module has been looked at, whether a parameter was ever replaced).
"""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from flambeau import _source
from flambeau._autograd.tape import Node, Sink
from flambeau._warnings import Noted, user_place, warn
from flambeau.nn._module.state import FIELDS, ModuleState
from flambeau.nn.parameter import Parameter


class _Calls(threading.local):
    """How many module calls are under way in this thread."""

    depth = 0


calls = _Calls()
examined = Noted()
"""Modules whose containers have been looked at."""
examined_ids = examined.ids()
"""Their ids, for the one look-up at each call."""
plain = Noted()
"""Modules with plain tensors assigned while they were built: ``{name: tensor}``, weakly."""


class _Lost(Noted):
    """With a count of what was ever noted, so that a step looks again only at news."""

    version = 0


lost = _Lost()
"""Parameters that were replaced: ``(module, name, place)`` of where they were and what line
replaced them, the module weakly."""
lost_ids = lost.ids()

_SIMPLE = (str, int, float, bool, type(None))
_KINDS = (list, tuple, dict, set, frozenset)
_MOST = 10_000
_DEEPEST = 4


class Loose(NamedTuple):
    """Modules or parameters that an attribute's container holds and nobody registered.

    Attributes:
        owner: the module that has the attribute.
        path: the owner's path below the root.
        attribute: the attribute's name.
        container: what it is, such as a list.
        items: what it holds that is not registered, with the keys or indices that lead there.
    """

    owner: Any
    path: str
    attribute: str
    container: Any
    items: list[tuple[tuple[Any, ...], Any]]

    def elements(self) -> int:
        """How many numbers there are to learn."""
        seen = {}
        for _, item in self.items:
            for p in item.parameters() if isinstance(item, ModuleState) else (item,):
                seen[id(p)] = p.numel()
        return sum(seen.values())

    def trainable(self) -> bool:
        """Whether there is anything to learn; a frozen teacher may be hidden on purpose."""
        return any(
            p.requires_grad
            for _, item in self.items
            for p in (item.parameters() if isinstance(item, ModuleState) else (item,))
        )

    def remedy(self) -> str:
        """What to use instead."""
        what = "Module" if isinstance(self.items[0][1], ModuleState) else "Parameter"
        return f"nn.{what}{'Dict' if isinstance(self.container, dict) else 'List'}"

    def text(self, root: Any) -> str:
        """What the user is told."""
        kinds = Counter(type(item).__name__ for _, item in self.items)
        many = " and ".join(f"{n} {name}" for name, n in kinds.items())
        direct = all(len(keys) == 1 for keys, _ in self.items)
        kind = type(self.container).__name__
        whole = direct and len(self.items) == len(self.container)
        holds = "of" if whole else "that holds"
        return (
            f"{named(root, self.path, self.attribute)} is a {kind} {holds} {many} "
            f"({self.elements()} parameters) that are not registered; use {self.remedy()}"
        )


def named(root: Any, path: str, attribute: str) -> str:
    """``Net.encoder.layers``."""
    return ".".join(filter(None, (type(root).__name__, path, attribute)))


def _held(value: Any, depth: int = 1) -> Iterator[tuple[tuple[Any, ...], Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in islice(pairs, _MOST):
        if isinstance(item, (ModuleState, Parameter)):
            yield (key,), item
        elif depth < _DEEPEST and isinstance(item, _KINDS):
            for keys, inner in _held(item, depth + 1):
                yield (key, *keys), inner


def loose(root: Any) -> Iterator[Loose]:
    """The containers of a module and of those below it that hold what is not registered."""
    known: set[int] | None = None
    for path, module in root.named_modules():
        for attribute, value in list(vars(module).items()):
            if isinstance(value, _SIMPLE) or attribute in FIELDS or not isinstance(value, _KINDS):
                continue
            items = list(_held(value))
            if not items:
                continue
            if known is None:
                known = {id(m) for m in root.modules()} | {id(p) for p in root.parameters()}
            items = [
                (keys, item)
                for keys, item in items
                if id(item) not in known and _has_parameters(item) and not _contains(item, module)
            ]
            if items:
                yield Loose(module, path, attribute, value, items)


def _has_parameters(item: Any) -> bool:
    return not isinstance(item, ModuleState) or next(item.parameters(), None) is not None


def _contains(item: Any, module: Any) -> bool:
    return isinstance(item, ModuleState) and any(m is module for m in item.modules())


def examine(root: Any) -> None:
    """At a module's first forward: warn of containers that hide parameters."""
    examined.add(root)
    for found in loose(root):
        if found.trainable():
            warn(
                "FB001",
                found.text(root),
                owner=found.owner,
                place=_source.assignment(type(found.owner), found.attribute),
            )


# ---- plain tensors


def assigned(module: Any, name: str, tensor: Any) -> None:
    """A tensor that is neither parameter nor buffer became an attribute, outside forward."""
    if not _while_built(module):
        return
    edge = tensor._edge
    if edge is not None and not isinstance(edge[0], Sink):
        made = lost_parameter(module, edge[0])
        if made is not None:
            warn(
                "FB003",
                f"{type(module).__name__}.{name} is a plain tensor and will not be trained: "
                f"nn.Parameter(x){made} computes a new tensor that is no parameter; write "
                f"nn.Parameter(x{made})",
                owner=module,
            )
        return
    known = plain.get(module)
    if known is None:
        plain.add(module, known := {})
    known[name] = weakref.ref(tensor)


def lost_parameter(module: Any, node: Node) -> str | None:
    """What was done to a parameter that nothing else holds, as code; None if it is no such."""
    done: list[str] = []
    at: Any = node
    for _ in range(4):
        done.append(_as_code(at))
        edges = [e for e in at.edges if e is not None]
        if len(edges) != 1:
            return None
        at = edges[0][0]
        if isinstance(at, Sink):
            break
    else:
        return None
    owner = getattr(at, "variable", None)
    if owner is None:
        return "".join(reversed(done))
    kept = isinstance(owner, Parameter) and len(done) == 1 and done[0].startswith(".to(")
    if kept and not any(p is owner for p in module.parameters()):
        return done[0]
    return None


def _as_code(node: Any) -> str:
    if node.label == "ToCopyBackward0":
        call = node.call
        if call is None:
            return f".to('{node.outs[0].device}')"
        return f".to(torch.{node.outs[0].dtype})"
    word = node.label.partition("Backward")[0].lower()
    symbol = {"mul": " * ...", "div": " / ...", "add": " + ...", "sub": " - ..."}.get(word)
    return symbol or f".{word}(...)"


def _while_built(module: Any) -> bool:
    """Whether this happens in the module's ``__init__`` or outside its methods altogether.

    What other methods assign (a state that is reset, a cache) belongs to a run, and what flambeau
    assigns (a weight that is computed from others) is its own business.
    """
    inside = False
    frame: Any = sys._getframe(2)
    while frame.f_code.co_name in ("__setattr__", "wrapper"):  # the latter shortens tracebacks
        frame = frame.f_back
    if _source.is_ours(frame.f_globals.get("__name__")):
        return False
    for _ in range(12):
        if frame is None:
            break
        if frame.f_code.co_argcount and not _source.is_ours(frame.f_globals.get("__name__")):
            first = frame.f_code.co_varnames[0]
            if frame.f_locals.get(first) is module:
                if frame.f_code.co_name == "__init__":
                    return True
                inside = True
        frame = frame.f_back
    return not inside


def plain_tensors(module: Any) -> Iterator[tuple[str, Any]]:
    """Names and tensors of a module that were assigned while it was built and are still there."""
    fields = vars(module)
    for name, ref in (plain.get(module) or {}).items():
        tensor = ref()
        if tensor is not None and fields.get(name) is tensor:
            yield name, tensor


def _left_out(who: str, name: str, tensor: Any, owner: Any) -> None:
    wanted = "nn.Parameter" if tensor.requires_grad else f"self.register_buffer('{name}', ...)"
    warn(
        "FB002",
        f"{who} is a plain tensor, neither parameter nor buffer: .to() does not move it and "
        f"state_dict() does not save it; use {wanted}",
        owner=owner,
        place=_source.assignment(type(owner), name),
    )


def moved(module: Any, fn: Any) -> None:
    """The module's own tensors were converted by ``fn``: name those that stayed behind."""
    for name, tensor in plain_tensors(module):
        if _differs(tensor, fn):
            root, path = root_of(module)
            _left_out(named(root, path, name), name, tensor, module)


def _differs(tensor: Any, fn: Any) -> bool:
    probe = tensor.detach()
    converted = fn(probe)
    return converted.dtype is not tensor.dtype or converted.device != tensor.device


def saved(root: Any) -> None:
    """A state dict was made of the whole: name the tensors that are not in it."""
    for path, module in root.named_modules():
        if module in plain:
            for name, tensor in plain_tensors(module):
                _left_out(named(root, path, name), name, tensor, module)


# ---- parameters that were replaced


def replaced(module: Any, name: str, old: Any) -> None:
    """Note the parameters that an attribute no longer gives; a step may still hold them."""
    if isinstance(old, Parameter):
        lost.add(old, (weakref.ref(module), name, user_place()))
    else:
        for path, param in old.named_parameters(prefix=name):
            lost.add(param, (weakref.ref(module), path, user_place()))
    lost.version += 1


def successor(param: Any) -> tuple[Any, str, Any] | None:
    """Root, path and parameter that took the place of one that no module has any more."""
    reference, name, _ = lost.get(param, (None, "", None))
    module = None if reference is None else reference()
    if module is None:
        return None
    current: Any = module
    for part in name.split("."):
        current = getattr(current, part, None)
    if not isinstance(current, Parameter) or current is param or owners(param):
        return None
    root, path = root_of(module)
    return root, ".".join(filter(None, (path, name))), current


def replaced_at(param: Any) -> tuple[str, int] | None:
    """File and line of the replacement."""
    noted = lost.get(param)
    return None if noted is None else noted[2]


def owners(param: Any) -> list[Any]:
    """The modules that have registered a parameter. Slow: asks the garbage collector."""
    return [
        owner
        for table in gc.get_referrers(param)
        if isinstance(table, dict)
        for owner in _of_field(table, "_parameters")
    ]


def root_of(module: Any) -> tuple[Any, str]:
    """The outermost module that holds this one, and the path. Slow, as above."""
    path: list[str] = []
    seen = {id(module)}
    while True:
        parent = name = None
        for table in gc.get_referrers(module):
            if isinstance(table, dict):
                for owner in _of_field(table, "_modules"):
                    if id(owner) not in seen:
                        parent = owner
                        name = next((k for k, v in table.items() if v is module), None)
        if parent is None or name is None:
            return module, ".".join(reversed(path))
        path.append(name)
        seen.add(id(parent))
        module = parent


def _of_field(table: dict[Any, Any], field: str) -> Iterator[Any]:
    """The modules whose ``field`` is this table."""
    for holder in gc.get_referrers(table):
        if isinstance(holder, ModuleState):
            if vars(holder).get(field) is table:
                yield holder
        elif isinstance(holder, dict) and holder.get(field) is table:
            for owner in gc.get_referrers(holder):
                if isinstance(owner, ModuleState) and vars(owner) is holder:
                    yield owner
