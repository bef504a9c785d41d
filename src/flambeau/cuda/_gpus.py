"""Questions about GPUs, and their random state. Re-exported by :mod:`flambeau.cuda`."""

from __future__ import annotations

from typing import Any

from flambeau._engine import device as engine
from flambeau._engine.random import default_stream
from flambeau._engine.recorder import flush
from flambeau._tensor.device import device

__all__ = [
    "current_device",
    "device_count",
    "get_device_name",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "memory_allocated",
    "synchronize",
]


def device_count() -> int:
    """How many GPUs there are."""
    return engine.count("cuda")


def is_available() -> bool:
    """Whether there is a GPU.

    Example:
        >>> import flambeau as torch
        >>> device = "cuda" if torch.cuda.is_available() else "cpu"
        >>> torch.zeros(2, device=device).sum().item()
        0.0
    """
    return device_count() > 0


def _place(which: Any, user: str) -> engine.Place:
    chosen = device("cuda") if which is None else which
    chosen = device("cuda", chosen) if isinstance(chosen, int) else device(chosen)
    index = chosen.index or 0
    if chosen.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {chosen}")
    if not is_available():
        raise RuntimeError(f"cuda.{user}(): no GPU was found; JAX sees none on this machine")
    if index >= device_count():
        raise RuntimeError(
            f"cuda.{user}(): invalid device ordinal {index}; there are {device_count()} GPUs"
        )
    return engine.place("cuda", index)


def current_device() -> int:
    """The GPU that `"cuda"` without an index stands for: the first one."""
    return _place(None, "current_device").index


def get_device_name(device: Any = None) -> str:
    """What the GPU calls itself."""
    return str(_place(device, "get_device_name").jax_device().device_kind)


def memory_allocated(device: Any = None) -> int:
    """Bytes of the GPU's memory that arrays take."""
    stats = _place(device, "memory_allocated").jax_device().memory_stats() or {}
    return int(stats.get("bytes_in_use", 0))


def manual_seed(seed: int) -> None:
    """Start the sequence of a seed on the current GPU; without a GPU nothing happens."""
    if is_available():
        default_stream(engine.place("cuda", 0)).reseed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Start the sequence of a seed on every GPU; without a GPU nothing happens."""
    for index in range(device_count()):
        default_stream(engine.place("cuda", index)).reseed(int(seed))


def synchronize(device: Any = None) -> None:
    """Execute what is pending and wait until the GPU is done."""
    chosen = _place(device, "synchronize")
    flush()
    # A GPU runs what it is given in order: when this small array is there, all before it is.
    import jax

    jax.device_put(0.0, chosen.jax_device()).block_until_ready()
