"""From PyTorch's functions and values to flambeau's, and back."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from typing import Any

import numpy as np

import flambeau
from tests.oracle import torch


class Missing(Exception):
    """PyTorch documents a name that flambeau does not have."""


NAMESPACES = (
    "",
    "nn.functional",
    "linalg",
    "fft",
    "special",
    "signal.windows",
    "masked",
    "Tensor",
)


def _walk(root: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        root = getattr(root, part)
    return root


@functools.cache
def documented() -> dict[int, str]:
    """Where PyTorch's callables live, by identity."""
    import torch.signal.windows

    found: dict[int, str] = {}
    for space in NAMESPACES:
        home = _walk(torch, space)
        for name in dir(home):
            value = getattr(home, name)
            if name.startswith("_") and not name.startswith("__"):
                continue
            if callable(value) and not isinstance(value, types.ModuleType):
                found.setdefault(id(value), f"{space}.{name}".lstrip("."))
    return found


def lookup(path: str) -> Any:
    """flambeau's object at a path under ``torch``.

    Raises:
        Missing: there is none.
    """
    here: Any = flambeau
    for part in path.split("."):
        try:
            here = getattr(here, part)
        except (AttributeError, ImportError):
            raise Missing(f"torch.{path}") from None
    return here


def _seeded(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """Call with a fixed seed: what the database's ``wrapper_set_seed`` does."""
    flambeau.manual_seed(42)
    return fn(*args, **kwargs)


_OURS = {"no_dispatch": contextlib.nullcontext, "wrapper_set_seed": _seeded}
"""Helpers of PyTorch's own tests that have a meaning here."""


class _Mirror:
    """flambeau in the place of the module ``torch`` (or one under it) in a rebound function."""

    def __init__(self, path: str):
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name in _OURS:
            return _OURS[name]
        path = f"{self._path}.{name}".lstrip(".")
        original = _walk(torch, path)
        if isinstance(original, types.ModuleType):
            return _Mirror(path)
        if isinstance(original, torch.dtype):
            return lookup(str(original).removeprefix("torch."))
        return lookup(path)


def function(fn: Any) -> Any:
    """The same function made of flambeau's parts.

    A documented callable is looked up by name; a Python function (the database has many
    lambdas) is rebuilt with flambeau in the place of torch.
    """
    known = documented().get(id(fn))
    if known is not None:
        return lookup(known)
    if isinstance(fn, functools.partial):
        return functools.partial(function(fn.func), *fn.args, **fn.keywords)
    if isinstance(fn, types.FunctionType):
        return _rebuild(fn, {})
    name = getattr(fn, "__name__", repr(fn))
    if isinstance(fn, (types.BuiltinFunctionType, types.MethodDescriptorType)) and hasattr(
        torch.Tensor, name
    ):
        return lookup(f"Tensor.{name}")
    raise Missing(f"{name} is not a documented function")


def _names(code: types.CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _rebuild(fn: types.FunctionType, memo: dict[int, Any]) -> Any:
    if id(fn) in memo:
        return memo[id(fn)]
    scope = dict(fn.__globals__)
    made = types.FunctionType(
        fn.__code__, scope, fn.__name__, fn.__defaults__, _cells(fn.__closure__, memo)
    )
    made.__kwdefaults__ = fn.__kwdefaults__
    memo[id(fn)] = made
    for name in _names(fn.__code__):
        if name in scope:
            scope[name] = _part(scope[name], memo)
    return made


def _cells(closure: Any, memo: dict[int, Any]) -> Any:
    if closure is None:
        return None
    cells = []
    for cell in closure:
        try:
            cells.append(types.CellType(_part(cell.cell_contents, memo)))
        except ValueError:
            cells.append(types.CellType())
    return tuple(cells)


def _part(part: Any, memo: dict[int, Any]) -> Any:
    if getattr(part, "__name__", None) in _OURS:
        return _OURS[part.__name__]
    if isinstance(part, types.ModuleType) and part.__name__.split(".")[0] == "torch":
        return _Mirror(part.__name__.removeprefix("torch").lstrip("."))
    known = documented().get(id(part))
    if known is not None:
        return lookup(known)
    if isinstance(part, types.FunctionType) and (part.__module__ or "").startswith("torch"):
        return _rebuild(part, memo)
    if inspect.isclass(part) and part is torch.Tensor:
        return flambeau.Tensor
    return part


# Values ------------------------------------------------------------------------------


def to_flambeau(value: Any, memo: dict[int, Any] | None = None, *, strided: bool = False) -> Any:
    """Arguments of a sample, with tensors, dtypes and devices of flambeau.

    The same tensor twice stays the same tensor; ``memo`` maps ids of torch's to flambeau's.
    With ``strided`` every tensor is a view of a wider one, and not contiguous.
    """
    memo = {} if memo is None else memo
    if isinstance(value, torch.Tensor):
        if id(value) not in memo:
            made = tensor(value)
            memo[id(value)] = flambeau.stack([made, made], -1)[..., 1] if strided else made
        return memo[id(value)]
    if isinstance(value, torch.dtype):
        return lookup(str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return flambeau.device(str(value))
    if isinstance(value, torch.memory_format):
        return lookup(str(value).removeprefix("torch."))
    if isinstance(value, torch.layout):
        return lookup(str(value).removeprefix("torch."))
    if isinstance(value, torch.Size):
        return flambeau.Size(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[to_flambeau(v, memo, strided=strided) for v in value])
    if isinstance(value, (list, tuple)):
        return type(value)(to_flambeau(v, memo, strided=strided) for v in value)
    if isinstance(value, dict):
        return {k: to_flambeau(v, memo, strided=strided) for k, v in value.items()}
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        return slice(*[to_flambeau(p, memo) for p in parts])
    if isinstance(value, torch.Generator):
        raise NotImplementedError("samples with a generator are not compared")
    if isinstance(value, torch.nn.Module):
        return lookup(f"nn.{type(value).__name__}")()
    if callable(value) and not inspect.isclass(value):
        return function(value)
    return value


def tensor(value: Any) -> Any:
    """A flambeau tensor with the content, dtype and ``requires_grad`` of torch's."""
    if value.layout != torch.strided:
        raise NotImplementedError(f"samples of layout {value.layout} are out of scope")
    plain = value.detach()
    if value.dtype == torch.bfloat16:
        made = flambeau.from_numpy(np.array(plain.float().numpy(force=True))).to(flambeau.bfloat16)
    else:
        made = flambeau.from_numpy(np.array(plain.numpy(force=True)))
    if value.requires_grad:
        made.requires_grad_(True)
    return made


def to_torch(value: Any) -> Any:
    """A result of flambeau's as torch's objects, for comparison."""
    if isinstance(value, flambeau.Tensor):
        plain = value.detach()
        dtype = getattr(torch, str(value.dtype).removeprefix("torch."))
        if plain.dtype is flambeau.bfloat16:
            plain = plain.to(flambeau.float32)
        return torch.from_numpy(np.array(plain.numpy())).to(dtype)
    if isinstance(value, flambeau.Size):
        return torch.Size(value)
    if isinstance(value, flambeau.dtype):
        return getattr(torch, str(value).removeprefix("torch."))
    if isinstance(value, (list, tuple)):
        return [to_torch(v) for v in value]
    return value


def tensors(value: Any) -> list[Any]:
    """All tensors in a nest of lists, tuples and dicts, of either library, in order."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors(v)]
    return []
