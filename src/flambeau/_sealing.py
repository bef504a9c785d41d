"""Seals what users call: the errors of the whole package end their tracebacks in the user's line.

Functions are sealed in the public namespaces only, and methods on the public classes; the rows
of the registry made by :func:`flambeau._tensor.dispatch.public` bring a boundary of their own.
The facade calls :func:`seal` when everything is there; namespaces that are imported later are
sealed as they come.
"""

from __future__ import annotations

import inspect
import sys
from types import FunctionType, ModuleType
from typing import Any

from flambeau import _scope
from flambeau._tensor.arguments import not_a_tensor
from flambeau._tensor.core import TensorBase
from flambeau._traceback import is_sealed, sealed

_PLAIN = frozenset(
    {"__call__", "__class_getitem__", "__copy__", "__deepcopy__", "__del__", "__enter__",
     "__exit__", "__getattr__", "__hash__", "__init_subclass__", "__instancecheck__", "__new__",
     "__reduce__", "__reduce_ex__", "__setstate__", "__getstate__", "detach", "dim",
     "forward", "is_complex", "is_floating_point", "ndimension", "nelement", "numel"}
)  # fmt: skip
"""Methods that handle it themselves, raise nothing, or are called by other means only."""


_wrappers: dict[Any, Any] = {}  # by function: one wrapper, wherever it is found
_done: set[str] = set()


def seal() -> None:
    """Seal every public namespace that has been imported, and from now on every later one."""
    _seal_new("flambeau")
    _scope.told_of_namespaces.append(_seal_new)


def _seal_new(complete: str) -> None:
    """Seal the namespaces that were imported since the last call.

    Args:
        complete: a module that has all its names, though its import is not over.
    """
    found = {n: m for n, m in list(sys.modules.items()) if m is not None and n not in _done}
    new = [m for n, m in found.items() if _is_public(n) and (n == complete or _is_over(m))]
    classes: dict[type, None] = {}
    for module in sorted(new, key=lambda m: (m.__name__.count("."), m.__name__)):
        _done.add(module.__name__)
        names = _names(module)
        for name, found in list(vars(module).items()):
            if not _offers(names, name, found):
                continue
            if type(found) is FunctionType and _wants_it(found):
                if found not in _wrappers:
                    wrapper = _wrappers[found] = sealed(found, not_a_tensor)
                    # It is pickled by this name.
                    wrapper.__module__, wrapper.__qualname__ = module.__name__, name
            elif isinstance(found, type) and _is_ours(found):
                classes.update(dict.fromkeys(c for c in found.__mro__ if _is_ours(c)))
    for module in new:
        for name, found in list(vars(module).items()):
            if type(found) is FunctionType and found in _wrappers and not name.startswith("_"):
                setattr(module, name, _wrappers[found])
    for function in list(_wrappers):
        _seal_defaults(function)
    for cls in classes:
        if not issubclass(cls, (BaseException, tuple)):
            _seal_class(cls)


def _names(module: ModuleType) -> frozenset[str] | None:
    names = getattr(module, "__all__", None)
    return None if names is None else frozenset(names)


def _offers(names: frozenset[str] | None, name: str, found: Any) -> bool:
    """Whether a module offers a name to users: not what it imports from inside itself.

    Args:
        names: those that it says it offers, if it says so.
        name: the name.
        found: what it stands for.
    """
    if name.startswith("_"):
        return False
    if names is not None:
        return name in names
    home = getattr(found, "__module__", None)
    return isinstance(home, str) and _is_public(home)


def _is_public(name: str) -> bool:
    parts = name.split(".")
    return parts[0] == "flambeau" and "cli" not in parts and not any(p[0] == "_" for p in parts)


def _is_over(module: ModuleType) -> bool:
    """Whether a module's import is."""
    return not getattr(module.__spec__, "_initializing", False)


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "flambeau" or issubclass(cls, TensorBase)


def _wants_it(function: Any) -> bool:
    if is_sealed(function) or inspect.isgeneratorfunction(function):
        return False
    return function.__module__.partition(".")[0] == "flambeau"


def _seal_defaults(function: FunctionType) -> None:
    """A function that is a default value was taken before it was sealed."""
    if function.__defaults__ is not None:
        function.__defaults__ = tuple(
            _wrappers.get(d, d) if type(d) is FunctionType else d for d in function.__defaults__
        )


def _seal_class(cls: type) -> None:
    for name, found in list(vars(cls).items()):
        hidden = name.startswith("_") and not (name.startswith("__") and name.endswith("__"))
        if hidden or name in _PLAIN or name in getattr(cls, "_internal", ()):
            continue
        if type(found) is FunctionType and _wants_it(found):
            _seal_defaults(found)
            setattr(cls, name, sealed(found, not_a_tensor))
