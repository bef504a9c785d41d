"""Random state: a key that lives in the graph, so that drawing stays inside the program.

A random operation reads the stream's key and gives it another one, as part of the recorded
graph: programs stay the same, a replay draws fresh numbers, and a seed gives the same numbers
in every mode.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

import numpy as np

from flambeau._engine.aval import aval_of
from flambeau._engine.device import Place
from flambeau._engine.recorder import read
from flambeau._engine.value import Value

_UINT32 = np.dtype(np.uint32)


class Stream:
    """A source of random numbers on one device.

    Attributes:
        seed: what it was last seeded with, or a Value of bytes whose last eight tell it.
        lock: held while an operation swaps the key.
    """

    __slots__ = ("device", "key", "lock", "seed")

    def __init__(self, device: Place, seed: int):
        self.device = device
        self.lock = threading.RLock()
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start the sequence that belongs to a seed."""
        self.seed: int | Value = seed
        self.set_words(((seed >> 32) & 0xFFFFFFFF, seed & 0xFFFFFFFF))

    def set_words(self, words: Sequence[int]) -> None:
        """Set the key itself, as two 32-bit words."""
        with self.lock:
            self.key = Value(aval_of((2,), _UINT32, self.device), np.array(words, dtype=_UINT32))

    def words(self) -> tuple[int, int]:
        """The key itself; executes what is pending."""
        a = np.asarray(read(self.key))
        return int(a[0]), int(a[1])


_streams: dict[Place, Stream] = {}
_lock = threading.Lock()


def default_stream(device: Place) -> Stream:
    """The stream that draws when no generator is given; seeded from the system at first."""
    found = _streams.get(device)
    if found is None:
        with _lock:
            found = _streams.setdefault(device, Stream(device, _seeds.get(0, _entropy())))
    return found


_seeds: dict[int, int] = {}


def seed_all(seed: int) -> None:
    """Seed the default stream of every device, also of those first used later."""
    _seeds[0] = seed
    for stream in list(_streams.values()):
        stream.reseed(seed)


def _entropy() -> int:
    return int.from_bytes(os.urandom(8), "little") >> 1


def streams() -> list[Stream]:
    """The default streams that have been used."""
    return list(_streams.values())


def fresh_seed() -> int:
    """A seed from the system's entropy."""
    return _entropy()
