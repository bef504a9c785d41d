"""TorchScript's names. Follows `torch.jit`.

Programs run as they are and are compiled by the engine, so the decorators give back what they
get; saving and loading TorchScript files is out of scope.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Final

from flambeau._scope import SCRIPT, namespace
from flambeau.errors import OutOfScopeError
from flambeau.nn.module import Module

__all__ = [
    "Attribute", "Final", "Future", "RecursiveScriptModule", "ScriptFunction", "ScriptModule",
    "TopLevelTracedModule", "TracedModule", "TracerWarning", "annotate", "enable_onednn_fusion",
    "export", "fork", "freeze", "fuser", "ignore", "interface", "is_scripting", "is_tracing",
    "isinstance", "last_executed_optimized_graph", "load", "onednn_fusion_enabled",
    "optimize_for_inference", "optimized_execution", "run_frozen_optimizations", "save", "script",
    "script_if_tracing", "script_method", "set_fusion_strategy", "set_module", "strict_fusion",
    "trace", "trace_module", "unused", "wait",
]  # fmt: skip

_isinstance = isinstance


class ScriptModule(Module):
    """A module, as any other: programs that subclass it run as they are.

    Follows ``torch.jit.ScriptModule``.
    """


class RecursiveScriptModule(ScriptModule):
    """A name to ask ``isinstance`` for. Follows ``torch.jit.RecursiveScriptModule``."""


class TracedModule(ScriptModule):
    """A name to ask ``isinstance`` for."""


class TopLevelTracedModule(TracedModule):
    """A name to ask ``isinstance`` for."""


class ScriptFunction:
    """A name to ask ``isinstance`` for. Follows ``torch.jit.ScriptFunction``."""


class TracerWarning(Warning):
    """A name for warning filters: nothing is traced. Follows ``torch.jit.TracerWarning``."""


def script(
    obj: Any,
    optimize: Any = None,
    _frames_up: int = 0,
    _rcb: Any = None,
    example_inputs: Any = None,
) -> Any:
    """The function, class or module itself: the engine compiles what it does.

    Example:
        >>> import flambeau as torch
        >>> @torch.jit.script
        ... def double(x):
        ...     return 2 * x
        >>> double(torch.ones(2))
        tensor([2., 2.])

    Follows ``torch.jit.script``.
    """
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function or module itself: its Python runs at each call, with any shapes.

    Follows ``torch.jit.trace``.
    """
    return func


def trace_module(mod: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
    """The module itself. Follows ``torch.jit.trace_module``."""
    return mod


def script_if_tracing(fn: Any) -> Any:
    """The function itself. Follows ``torch.jit.script_if_tracing``."""
    return fn


def script_method(fn: Any) -> Any:
    """The method itself. Follows ``torch.jit.script_method``."""
    return fn


def interface(obj: Any) -> Any:
    """The class itself. Follows ``torch.jit.interface``."""
    return obj


def export(fn: Any) -> Any:
    """The method itself. Follows ``torch.jit.export``."""
    return fn


def unused(fn: Any) -> Any:
    """The method itself. Follows ``torch.jit.unused``."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The method itself, or a decorator that gives it back. Follows ``torch.jit.ignore``."""
    return drop if callable(drop) else lambda fn: fn


def annotate(the_type: Any, the_value: Any) -> Any:
    """The value. Follows ``torch.jit.annotate``."""
    return the_value


def Attribute(value: Any, type: Any) -> Any:
    """The value. Follows ``torch.jit.Attribute``."""
    return value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether an object is of a type, which may be ``list[int]`` and the like.

    Follows ``torch.jit.isinstance``.
    """
    import types
    import typing

    if _isinstance(target_type, (tuple, list)):
        return any(isinstance(obj, t) for t in target_type)
    origin, args = typing.get_origin(target_type), typing.get_args(target_type)
    if origin is None:
        return _isinstance(obj, target_type)
    if origin in (typing.Union, types.UnionType):
        return any(isinstance(obj, a) for a in args)
    if not _isinstance(obj, origin):
        return False
    if origin is dict:
        return all(isinstance(k, args[0]) and isinstance(v, args[1]) for k, v in obj.items())
    if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        return len(obj) == len(args) and all(map(isinstance, obj, args))
    return all(isinstance(item, args[0]) for item in obj)


def is_scripting() -> bool:
    """False. Follows ``torch.jit.is_scripting``."""
    return False


def is_tracing() -> bool:
    """False. Follows ``torch.jit.is_tracing``."""
    return False


def freeze(mod: Any, preserved_attrs: Any = None, optimize_numerics: bool = True) -> Any:
    """The module itself. Follows ``torch.jit.freeze``."""
    return mod


def optimize_for_inference(mod: Any, other_methods: Any = None) -> Any:
    """The module itself. Follows ``torch.jit.optimize_for_inference``."""
    return mod


def run_frozen_optimizations(mod: Any, *args: Any, **kwargs: Any) -> None:
    """Accepted: XLA optimizes. Follows ``torch.jit.run_frozen_optimizations``."""


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
    """Call a function; its result waits in a future.

    It runs at once, in this thread: operations are recorded, not computed, so there is nothing
    to run beside. Follows ``torch.jit.fork``.
    """
    future: Future[Any] = Future()
    try:
        future.set_result(func(*args, **kwargs))
    except Exception as error:
        future.set_exception(error)
    return future


def wait(future: Future[Any]) -> Any:
    """The result of a future of :func:`fork`. Follows ``torch.jit.wait``."""
    return future.result()


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """Accepted: XLA optimizes. Follows ``torch.jit.optimized_execution``."""
    yield


@contextlib.contextmanager
def fuser(name: str) -> Iterator[None]:
    """Accepted: XLA fuses. Follows ``torch.jit.fuser``."""
    yield


class strict_fusion(contextlib.nullcontext):
    """Accepted: XLA fuses. Follows ``torch.jit.strict_fusion``."""


def set_fusion_strategy(strategy: Any) -> Any:
    """Accepted: XLA fuses; gives the strategy back. Follows ``torch.jit.set_fusion_strategy``."""
    return strategy


def enable_onednn_fusion(enabled: bool) -> None:
    """Accepted: XLA fuses. Follows ``torch.jit.enable_onednn_fusion``."""


def onednn_fusion_enabled() -> bool:
    """False: XLA fuses. Follows ``torch.jit.onednn_fusion_enabled``."""
    return False


def set_module(obj: Any, mod: str) -> None:
    """Set the module that an object says it is of. Follows ``torch.jit.set_module``."""
    obj.__module__ = mod


def _refuse(name: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise OutOfScopeError(
            f"`torch.jit.{name}` is not in flambeau on purpose: {SCRIPT}. Save the state dict "
            "with torch.save and build the model in Python"
        )

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raises OutOfScopeError: {SCRIPT}."
    return function


save = _refuse("save")
load = _refuse("load")
last_executed_optimized_graph = _refuse("last_executed_optimized_graph")

__getattr__ = namespace(__name__)
