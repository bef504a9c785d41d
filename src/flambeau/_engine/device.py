"""Devices of the engine: a place where programs run, found only when it is first needed."""

from __future__ import annotations

import contextlib
from typing import Any

import jax

from flambeau._engine import memory

_PLATFORMS = {"cpu": "cpu", "cuda": "gpu", "tpu": "tpu"}


class Place:
    """A device, or ``meta`` (shapes without data). One object per device."""

    __slots__ = ("index", "kind")

    def __init__(self, kind: str, index: int):
        self.kind = kind
        self.index = index

    def __repr__(self) -> str:
        return f"{self.kind}:{self.index}"

    def __reduce__(self) -> Any:
        return place, (self.kind, self.index)

    @property
    def is_meta(self) -> bool:
        return self.kind == "meta"

    def jax_device(self) -> Any:
        """The JAX device; the backend starts at the first call.

        Raises:
            RuntimeError: there is no such device on this machine.
        """
        found = _FOUND.get(self)
        if found is None:
            found = _FOUND[self] = _devices(self.kind)[self.index]
        return found

    def fuses_attention(self) -> bool:
        """Whether it runs cuDNN's kernel of attention: an NVIDIA GPU, Ampere or later."""
        found = _FUSES.get(self)
        if found is None:
            dev: Any = self.jax_device() if self.kind == "cuda" else None
            nvidia = dev is not None and "cuda" in dev.client.platform_version.lower()
            found = _FUSES[self] = nvidia and float(dev.compute_capability) >= 8.0
        return found

    def is_default(self) -> bool:
        """Whether JAX places arrays here if it is told nothing."""
        found = _DEFAULT.get(self)
        if found is None:
            with jax.default_device(None):
                found = _DEFAULT[self] = _devices(None)[0] == self.jax_device()
        return found

    def scope(self) -> Any:
        """A context in which JAX places uncommitted arrays here; free on the default device."""
        return _NOTHING if self.is_default() else jax.default_device(self.jax_device())


_NOTHING = contextlib.nullcontext()
_FOUND: dict[Place, Any] = {}
_DEFAULT: dict[Place, bool] = {}
_FUSES: dict[Place, bool] = {}
_PLACES: dict[tuple[str, int], Place] = {}


def place(kind: str, index: int = 0) -> Place:
    """The one Place of this kind and index."""
    found = _PLACES.get((kind, index))
    if found is None:
        found = _PLACES.setdefault((kind, index), Place(kind, index))
    return found


def _devices(kind: str | None) -> list[Any]:
    """JAX's devices of a kind, by default those that it uses first; the backend starts."""
    memory.keep()
    return jax.local_devices(backend=None if kind is None else _PLATFORMS[kind])


def count(kind: str) -> int:
    """How many devices of this kind there are; 0 when the backend is absent."""
    try:
        return len(_devices(kind))
    except RuntimeError:
        return 0


def place_of(array: jax.Array) -> Place:
    """Where a JAX array of one device lives."""
    (dev,) = array.devices()
    kind = str({"gpu": "cuda", "rocm": "cuda"}.get(dev.platform, dev.platform))
    return place(kind, _devices(kind).index(dev))


CPU = place("cpu")
META = place("meta")
