"""Switching the tape on and off."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from flambeau._autograd.tape import mode

F = TypeVar("F", bound=Callable[..., Any])


class _Switch:
    """A context manager that is also a decorator, for functions and generators."""

    def _enter(self) -> Any:
        raise NotImplementedError

    def _leave(self, token: Any) -> None:
        raise NotImplementedError

    def clone(self) -> Any:
        return type(self)()

    def __enter__(self) -> None:
        self.__dict__.setdefault("_tokens", []).append(self._enter())

    def __exit__(self, *exc: Any) -> None:
        self._leave(self._tokens.pop())

    def __call__(self, func: F) -> F:
        if inspect.isclass(func):
            raise TypeError(
                f"{type(self).__name__} decorates functions; {func.__name__} is a class"
            )
        if inspect.isgeneratorfunction(func):
            return self._decorate_generator(func)

        @functools.wraps(func)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return func(*args, **kwargs)

        return inner  # type: ignore[return-value]

    def _decorate_generator(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                gen = func(*args, **kwargs)
                try:
                    item = next(gen)
                except StopIteration as stop:
                    return stop.value
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    with self.clone():
                        gen.close()
                    raise
                except BaseException as error:
                    with self.clone():
                        try:
                            item = gen.throw(error)
                        except StopIteration as stop:
                            return stop.value
                else:
                    with self.clone():
                        try:
                            item = gen.send(sent)
                        except StopIteration as stop:
                            return stop.value

        return inner


class no_grad(_Switch):
    """Record no history inside. A context manager and a decorator.

    Follows ``torch.no_grad``.

    Example:
        >>> import flambeau as torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> with torch.no_grad():
        ...     y = x * 2
        >>> y.requires_grad
        False
    """

    def __new__(cls, func: Any = None) -> Any:
        self = object.__new__(cls)
        return self if func is None else self(func)

    def __init__(self, func: Any = None) -> None:
        pass

    def _enter(self) -> bool:
        old, mode.grad = mode.grad, False
        return old

    def _leave(self, token: bool) -> None:
        mode.grad = token


class enable_grad(no_grad):
    """Record history inside, also within ``no_grad``. Follows ``torch.enable_grad``."""

    def _enter(self) -> bool:
        old, mode.grad = mode.grad, True
        return old


class set_grad_enabled(_Switch):
    """Switch history on or off: at once, and until the ``with`` block ends.

    Args:
        mode: whether to record.

    Follows ``torch.set_grad_enabled``.
    """

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self._before = _set(self.mode)

    def clone(self) -> Any:
        return type(self)(self.mode)

    def __call__(self, func: F) -> F:
        _set(self._before)
        return super().__call__(func)

    def _enter(self) -> bool:
        _set(self.mode)
        return self._before

    def _leave(self, token: bool) -> None:
        mode.grad = token


class inference_mode(_Switch):
    """Like ``no_grad``, for code that never needs gradients. Follows ``torch.inference_mode``.

    Args:
        mode: whether to switch it on.
    """

    def __new__(cls, mode: Any = True) -> Any:
        self = object.__new__(cls)
        if isinstance(mode, bool):
            return self
        self.mode = True
        return self(mode)

    def __init__(self, mode: Any = True) -> None:
        self.mode = mode if isinstance(mode, bool) else True

    def clone(self) -> Any:
        return type(self)(self.mode)

    def _enter(self) -> tuple[bool, bool]:
        old = mode.grad, mode.inference
        if self.mode:
            mode.grad = False
        mode.inference = self.mode
        return old

    def _leave(self, token: tuple[bool, bool]) -> None:
        mode.grad, mode.inference = token


def _set(value: bool) -> bool:
    old, mode.grad = mode.grad, value
    return old


def is_grad_enabled() -> bool:
    """Whether history is recorded now.

    Example:
        >>> import flambeau as torch
        >>> torch.is_grad_enabled()
        True

    Follows ``torch.is_grad_enabled``.
    """
    return mode.grad


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on.

    Example:
        >>> import flambeau as torch
        >>> torch.is_inference_mode_enabled()
        False

    Follows ``torch.is_inference_mode_enabled``.
    """
    return mode.inference
