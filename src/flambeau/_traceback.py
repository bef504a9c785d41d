"""Tracebacks that end in the user's line.

A public function catches what passes through it, takes flambeau's own frames (and those of the
libraries below it) out of the traceback, and raises on; a bare ``raise`` adds no frame, so the
caller's line is the last one. ``FLAMBEAU_TRACEBACK=full`` keeps every frame. Nothing here runs
unless an error is raised, but for the call of a :func:`sealed` function's wrapper.
"""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any

from flambeau._config import config

_BELOW = ("jax", "jaxlib", "numpy", "ml_dtypes")
_RAISE = dis.opmap["RAISE_VARARGS"]
_BUGS = (AssertionError, AttributeError, KeyError, NameError)
"""What no user is meant to see: where it comes from is in flambeau, so its frames are kept."""

_BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor",
    "lshift", "rshift",
)  # fmt: skip
_OPERATORS = frozenset(f"__{side}{name}__" for name in _BINARY for side in ("", "r")) | {
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__getitem__",
}  # fmt: skip


def hide(error: BaseException) -> None:
    """Take the frames that are not the user's out of an error's traceback, as far as it goes."""
    if config.traceback == "full":
        return
    entries: list[TracebackType] = []
    at = error.__traceback__
    while at is not None:
        entries.append(at)
        at = at.tb_next
    if not entries or (_is_ours(entries[-1]) and _is_bug(error, entries[-1])):
        return
    context = error.__context__
    if error.__cause__ is None and context is not None and _is_all_ours(context):
        error.__suppress_context__ = True
    shown: TracebackType | None = None
    for i in range(len(entries) - 1, -1, -1):
        entry = entries[i]
        if _is_ours(entry) or (_is_below(entry) and any(map(_is_ours, entries[:i]))):
            continue
        if entry.tb_next is not shown:
            entry.tb_next = shown
        shown = entry
    error.__traceback__ = shown


def _is_bug(error: BaseException, last: TracebackType) -> bool:
    if not isinstance(error, _BUGS):
        return False
    return last.tb_frame.f_code.co_code[last.tb_lasti] != _RAISE


def _is_all_ours(error: BaseException) -> bool:
    """Whether an error was raised and caught without the user seeing it."""
    at = error.__traceback__
    while at is not None:
        if not (_is_ours(at) or _is_below(at)):
            return False
        at = at.tb_next
    return True


def _module(entry: TracebackType) -> str:
    return entry.tb_frame.f_globals.get("__name__") or ""


def _is_ours(entry: TracebackType) -> bool:
    return _module(entry).partition(".")[0] == "flambeau"


def _is_below(entry: TracebackType) -> bool:
    return _module(entry).partition(".")[0] in _BELOW


Explain = Callable[
    [AttributeError, Callable[..., Any], tuple[Any, ...], dict[str, Any]], "Exception | None"
]


def sealed(function: Callable[..., Any], explain: Explain | None = None) -> Callable[..., Any]:
    """The function, hiding its frames from the tracebacks of what it raises.

    Args:
        function: what to wrap.
        explain: given an AttributeError, the function and what it was called with, a better
            error to raise in its place, or None.
    """
    code = getattr(function, "__code__", None)
    plain = code is not None and not code.co_flags & 0x0C and not function.__defaults__
    if plain and code.co_argcount == 2 and function.__name__ in _OPERATORS:

        def operator(self: Any, other: Any) -> Any:
            try:
                return function(self, other)
            except Exception as error:
                hide(error)
                raise

        wrapper = operator
    else:

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                try:
                    return function(*args, **kwargs)
                except AttributeError as error:
                    better = explain and explain(error, function, args, kwargs)
                    if better:
                        raise better from None
                    raise
            except Exception as error:
                hide(error)
                raise

    functools.update_wrapper(wrapper, function)
    mark_sealed(wrapper)
    return wrapper


def mark_sealed(function: Any) -> None:
    """Note that a function hides its frames itself; decorators that copy attributes do not."""
    function._sealed = function.__code__


def is_sealed(function: Any) -> bool:
    """Whether a function hides its frames itself."""
    return getattr(function, "_sealed", None) is function.__code__
