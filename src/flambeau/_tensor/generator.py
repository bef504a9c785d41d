"""Generators: random state as users hold it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from flambeau._engine import random as engine
from flambeau._engine.device import CPU, Place
from flambeau._engine.recorder import read
from flambeau._engine.value import Value
from flambeau._ops import random as rows
from flambeau._tensor.construct import constant
from flambeau._tensor.core import TensorBase, value_of, wrap
from flambeau._tensor.device import device as device_type
from flambeau._tensor.device import place_for, user_device
from flambeau._tensor.dispatch import run, transfer

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

_FIRST_SEED = 67280421310721
_STATE_BYTES = 16


class Generator:
    """A source of random numbers that a program seeds and passes on.

    Its state is a key that lives in the graph: drawing from it reads nothing, and the same
    seed gives the same numbers in lazy, eager and compiled mode. The numbers are not
    PyTorch's, which come from another algorithm.

    Args:
        device: where the numbers will be drawn.

    Example:
        >>> import flambeau as torch
        >>> a, b = (torch.Generator().manual_seed(7) for _ in range(2))
        >>> torch.equal(torch.rand(3, generator=a), torch.rand(3, generator=b))
        True

    Follows ``torch.Generator``.
    """

    __slots__ = ("__weakref__", "_stream")

    def __init__(self, device: Any = "cpu"):
        self._stream: engine.Stream | None = engine.Stream(place_for(device), _FIRST_SEED)

    @property
    def stream(self) -> engine.Stream:
        """The engine's side of it."""
        if self._stream is None:
            self._stream = engine.default_stream(CPU)
        return self._stream

    @property
    def device(self) -> device_type:
        """Where it draws."""
        return user_device(self.stream.device)

    def manual_seed(self, seed: int) -> Generator:
        """Start the sequence of a seed; returns itself.

        Args:
            seed: from ``-2**63`` to ``2**64 - 1``; a negative one counts from ``2**64``.

        Raises:
            RuntimeError: the seed is no integer.
            ValueError: it is out of range.
        """
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self.stream.reseed(_seed(seed))
        return self

    def seed(self) -> int:
        """Seed from the system's entropy; returns the seed."""
        fresh = engine.fresh_seed()
        self.stream.reseed(fresh)
        return fresh

    def initial_seed(self) -> int:
        """What it was last seeded with."""
        stream = self.stream
        if isinstance(stream.seed, Value):
            stream.seed = int.from_bytes(np.asarray(read(stream.seed)).tobytes()[8:], "little")
        return stream.seed

    def get_state(self) -> Any:
        """The state as a tensor of bytes, for :meth:`set_state`. Executes nothing."""
        stream = self.stream
        with stream.lock:
            key, seed = stream.key, stream.seed
        if not isinstance(seed, Value):
            seeded = np.frombuffer(bytes(8) + seed.to_bytes(8, "little"), np.uint8)
            seed = constant(seeded, CPU)
        return run(rows.generator_state, (wrap(transfer(key, CPU)), wrap(seed)))

    def set_state(self, new_state: Any) -> None:
        """Continue from a state that :meth:`get_state` gave.

        Raises:
            TypeError: it is not a tensor of bytes.
            RuntimeError: it is not a state of a flambeau generator.
        """
        if not isinstance(new_state, TensorBase) or value_of(new_state).aval.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        aval = value_of(new_state).aval
        if aval.shape != (_STATE_BYTES,):
            raise RuntimeError(
                f"RNG state is the wrong size: got shape {list(aval.shape)}, expected "
                f"[{_STATE_BYTES}]; a state saved by PyTorch does not fit, seed with manual_seed()"
            )
        stream = self.stream
        state = value_of(new_state)
        key = value_of(run(rows.generator_key, (wrap(transfer(state, stream.device)),)))
        with stream.lock:
            stream.key = key
            # Which seed that was is read when somebody asks.
            stream.seed = transfer(state, CPU)

    def clone_state(self) -> Generator:
        """A generator of its own that continues from this state."""
        other = Generator(self.device)
        other.set_state(self.get_state())
        return other

    def graphsafe_get_state(self) -> Generator:
        """As :meth:`clone_state`."""
        return self.clone_state()

    def graphsafe_set_state(self, state: Generator) -> None:
        """Continue from the state of another generator."""
        self.set_state(state.get_state())

    def __reduce__(self) -> Any:
        state = np.asarray(read(value_of(self.get_state())))
        return _rebuild, (str(self.device), state.tobytes())

    def __repr__(self) -> str:
        return f"<torch.Generator device='{self.device}' at {id(self):#x}>"


Generator.__module__ = "torch"


def _rebuild(where: str, state: bytes) -> Generator:
    made = Generator(where)
    made.set_state(wrap(constant(np.frombuffer(state, np.uint8), CPU)))
    return made


def _seed(seed: Any) -> int:
    seed = int(seed)
    if not -(1 << 63) <= seed < 1 << 64:
        raise ValueError(
            f"Overflow when unpacking long long: the seed is {seed} but must lie in "
            "[-2**63, 2**64 - 1]"
        )
    return seed % (1 << 64)


def _default() -> Generator:
    made = Generator.__new__(Generator)
    made._stream = None  # the engine's own, when it is first needed
    return made


default_generator = _default()
"""What draws on the CPU when no generator is given."""


def check_generator(name: str, generator: Any, place: Place) -> None:
    """Refuse a ``generator=`` that cannot draw for a tensor at ``place``.

    Raises:
        TypeError: it is no generator.
        RuntimeError: it is for another kind of device.
    """
    if generator is None:
        return
    if not isinstance(generator, Generator):
        raise TypeError(
            f"{name}(): argument 'generator' must be torch.Generator, "
            f"not {type(generator).__name__}"
        )
    have = generator.stream.device
    if have.kind != place.kind and not place.is_meta:
        raise RuntimeError(
            f"{name}: Expected a '{place.kind}' device type for generator but found '{have.kind}'"
        )


def manual_seed(seed: int) -> Generator:
    """Start the sequence of a seed on every device; returns the default generator.

    Args:
        seed: from ``-2**63`` to ``2**64 - 1``; a negative one counts from ``2**64``.

    Raises:
        ValueError: the seed is out of range.

    Example:
        >>> import flambeau as torch
        >>> generator = torch.manual_seed(0)
        >>> a = torch.randn(2)
        >>> generator = torch.manual_seed(0)
        >>> torch.equal(a, torch.randn(2))
        True

    Follows ``torch.manual_seed``.
    """
    engine.seed_all(_seed(seed))
    return default_generator


def seed() -> int:
    """Seed every device from the system's entropy; returns the seed.

    Example:
        >>> import flambeau as torch
        >>> torch.seed() == torch.initial_seed()
        True

    Follows ``torch.seed``.
    """
    fresh = engine.fresh_seed()
    engine.seed_all(fresh)
    return fresh


def initial_seed() -> int:
    """What the default generator was last seeded with.

    Example:
        >>> import flambeau as torch
        >>> _ = torch.manual_seed(7)
        >>> torch.initial_seed()
        7

    Follows ``torch.initial_seed``.
    """
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """The default generator's state.

    Example:
        >>> import flambeau as torch
        >>> state = torch.get_rng_state()
        >>> a = torch.rand(2)
        >>> torch.set_rng_state(state)
        >>> torch.equal(torch.rand(2), a)
        True

    Follows ``torch.get_rng_state``.
    """
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue the default generator from a state.

    Example:
        >>> import flambeau as torch
        >>> state = torch.get_rng_state()
        >>> a = torch.rand(2)
        >>> torch.set_rng_state(state)
        >>> torch.equal(torch.rand(2), a)
        True

    Follows ``torch.set_rng_state``.
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """A block after which random numbers go on as if it had not drawn any.

    Args:
        devices: accepted; the generators of all devices are put back.
        enabled: False makes it do nothing.

    Follows ``torch.random.fork_rng``.
    """
    if not enabled:
        yield
        return
    default_generator.stream  # made now, if nobody has drawn yet  # noqa: B018
    kept = [(stream, stream.key, stream.seed) for stream in engine.streams()]
    try:
        yield
    finally:
        for stream, key, seeded in kept:
            with stream.lock:
                stream.key, stream.seed = key, seeded
