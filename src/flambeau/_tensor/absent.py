"""What the namespace of a device answers when flambeau does not drive that kind of device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def needs(kind: str, name: str) -> Callable[..., Any]:
    """A function that says that there is no such device."""

    def function(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            f"torch.{kind}.{name}(): flambeau drives cpu, cuda and tpu devices; there is no "
            f"{kind} device (torch.{kind}.is_available() is False)"
        )

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raises RuntimeError: there is no {kind} device."
    return function


def quiet(kind: str, name: str, answer: Any = None) -> Callable[..., Any]:
    """A function that PyTorch lets pass where the device is absent."""

    def function(*args: Any, **kwargs: Any) -> Any:
        return answer

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{answer!r}, as there is no {kind} device. Follows ``torch.{kind}.{name}``."
    return function
