"""Devices as users name them."""

from __future__ import annotations

import re
from typing import Any

from flambeau._engine import device as engine
from flambeau._engine.device import Place

KINDS = ("cpu", "cuda", "tpu", "meta")


class device:
    """Where a tensor lives: ``cpu``, ``cuda[:i]``, ``tpu[:i]`` or ``meta``.

    Args:
        type: a kind, or kind and index as ``"cuda:1"``, another device, or an index alone.
        index: which one; None means the current one.

    Raises:
        RuntimeError: the string names no kind of device.

    Follows ``torch.device``. Whether the device is there is asked when it is used.
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None):
        if isinstance(type, device):
            type, index = type.type, type.index if index is None else index
        elif isinstance(type, int):
            type, index = ("cuda" if engine.count("cuda") else "tpu"), type
        match = re.fullmatch(r"([a-z]+)(?::(\d+))?", type) if isinstance(type, str) else None
        if match is None:
            raise RuntimeError(f"Invalid device string: {type!r}")
        if match[1] not in KINDS:
            raise RuntimeError(
                f"Expected one of {', '.join(KINDS)} device type at start of device string: {type}"
            )
        if match[2] is not None:
            if index is not None:
                raise RuntimeError(
                    "type (string) must not include an index because index was passed explicitly: "
                    f"{type}"
                )
            index = int(match[2])
        object.__setattr__(self, "type", match[1])
        object.__setattr__(self, "index", index)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch.device' objects is not writable")

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> Any:
        return _rebuild, (self.type, self.index)

    def __enter__(self) -> device:
        _stack.append(self)
        return self

    def __exit__(self, *exc: Any) -> None:
        _stack.pop()


device.__module__ = "torch"


def _rebuild(kind: str, index: int | None) -> device:
    """For pickles: by name, the class itself would be looked up in PyTorch."""
    return device(kind, index)


_stack: list[device] = [device("cpu")]
_USER: dict[Place, device] = {}


def get_default_device() -> device:
    """Where tensors are created.

    Example:
        >>> import flambeau as torch
        >>> torch.get_default_device()
        device(type='cpu')

    Follows ``torch.get_default_device``.
    """
    return _stack[-1]


def set_default_device(d: Any) -> None:
    """Set where tensors are created; None means ``cpu``.

    Example:
        >>> import flambeau as torch
        >>> torch.set_default_device("cpu")
        >>> torch.ones(1).device
        device(type='cpu')
        >>> torch.set_default_device(None)

    Follows ``torch.set_default_device``.
    """
    _stack[-1] = device("cpu" if d is None else d)


def place_for(d: Any) -> Place:
    """The engine's device for a user's device, string, index or None (the default).

    Raises:
        RuntimeError: this machine has no such device (PyTorch's class).
    """
    if d is None:
        d = _stack[-1]
        if d.type == "cpu":
            return engine.CPU
    elif not isinstance(d, device):
        d = device(d)
    if d.type == "cpu":
        return engine.CPU
    if d.type == "meta":
        return engine.META
    n = engine.count(d.type)
    if n == 0:
        raise RuntimeError(
            f"device '{d}' was asked for, but this machine has no {d.type} device that JAX can "
            f"see; install flambeau[{d.type}] where there is one, or use 'cpu'"
        )
    index = d.index or 0
    if index >= n:
        raise RuntimeError(
            f"device '{d}' was asked for, but there are {n} {d.type} devices "
            "(invalid device ordinal)"
        )
    return engine.place(d.type, index)


def user_device(place: Place) -> device:
    """The user's device for the engine's."""
    found = _USER.get(place)
    if found is None:
        index = None if place.kind in ("cpu", "meta") else place.index
        found = _USER[place] = device(place.kind, index)
    return found
