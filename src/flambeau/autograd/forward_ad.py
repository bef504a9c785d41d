"""Forward mode: tensors that carry a tangent. Follows ``torch.autograd.forward_ad``."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from flambeau._autograd.levels import Dual, top
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.transforms.forward import dual, tangent_of

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]


class _Thread(threading.local):
    """The level that is open in a thread, and what closes it."""

    def __init__(self) -> None:
        self.level: Dual | None = None
        self.opened: Any = None


_thread = _Thread()


class UnpackedDualTensor(NamedTuple):
    """A dual tensor's parts; the tangent is None where there is none."""

    primal: Any
    tangent: Any


def enter_dual_level() -> int:
    """Start forward mode; returns the level's number, 0.

    Raises:
        RuntimeError: it is on already.

    Follows ``torch.autograd.forward_ad.enter_dual_level``.
    """
    if _thread.level is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    level = Dual()
    _thread.opened = level.opened()
    _thread.opened.__enter__()
    _thread.level = level
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End forward mode: dual tensors lose their tangents.

    Raises:
        RuntimeError: it is not on.

    Follows ``torch.autograd.forward_ad.exit_dual_level``.
    """
    if _thread.level is None or level not in (None, 0):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created, or "
            "none was: call enter_dual_level() first. Dual level must be a positive number."
        )
    opened, _thread.opened, _thread.level = _thread.opened, None, None
    opened.__exit__(None, None, None)


class dual_level:
    """Forward mode within a ``with`` block; also a decorator.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.autograd import forward_ad
        >>> x = torch.tensor([1.0, 2.0])
        >>> with forward_ad.dual_level():
        ...     y = forward_ad.make_dual(x, torch.ones(2)) ** 2
        ...     forward_ad.unpack_dual(y).tangent
        tensor([2., 4.])

    Follows ``torch.autograd.forward_ad.dual_level``.
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level(level=0)

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return func(*args, **kwargs)

        return inner


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """A tensor with the same elements and history that carries a tangent.

    What is computed from it carries the derivative along the tangent. Either kind of gradient
    may be taken of the other: a backward through a tangent, or the tangent of a gradient.

    Args:
        tensor: floating point or complex.
        tangent: of the same shape.

    Raises:
        RuntimeError: forward mode is off, the shapes differ, or it has a tangent already.
        ValueError: a dtype is neither floating point nor complex.

    Follows ``torch.autograd.forward_ad.make_dual``.
    """
    now = _thread.level
    if now is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for t in (tensor, tangent):
        if not isinstance(t, TensorBase):
            raise TypeError(f"make_dual: expected a Tensor, got {type(t).__name__}")
    if top(value_of(tensor)) is now:
        if tangent_of(now, tensor) is not None:
            raise RuntimeError(
                "Making a dual Tensor based on a Tensor that already has a forward gradient at "
                "the same level 0 is not supported."
            )
        tensor = unpack_dual(tensor).primal
    made = dual(now, tensor, tangent)
    made._edge = tensor._edge
    return made


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """A tensor's primal and its tangent, None where it has none.

    Follows ``torch.autograd.forward_ad.unpack_dual``.
    """
    now = _thread.level
    if now is None or top(value_of(tensor)) is not now:
        return UnpackedDualTensor(tensor, None)
    held = value_of(tensor).place[1]
    edge = held.edge if held.edge is not None else tensor._edge
    return UnpackedDualTensor(wrap(held.value, edge), tangent_of(now, tensor))
