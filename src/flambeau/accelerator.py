"""The accelerator of this machine, whichever it is. Follows `torch.accelerator`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flambeau._engine import device as engine
from flambeau._scope import namespace
from flambeau._tensor.device import device, user_device
from flambeau._tensor.streams import Stream, wait_for

__all__ = [
    "current_accelerator",
    "current_device_idx",
    "current_device_index",
    "current_stream",
    "device_count",
    "device_index",
    "empty_cache",
    "empty_host_cache",
    "get_device_capability",
    "get_memory_info",
    "is_available",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "reset_accumulated_memory_stats",
    "reset_peak_memory_stats",
    "set_device_idx",
    "set_device_index",
    "set_stream",
    "synchronize",
]


def _kind() -> str | None:
    return next((kind for kind in ("cuda", "tpu") if engine.count(kind)), None)


def _place(which: Any, user: str) -> engine.Place:
    kind = _kind()
    if kind is None:
        raise RuntimeError(
            f"accelerator.{user}(): Cannot access accelerator device when none is available."
        )
    if isinstance(which, (str, device)):
        chosen = device(which)
        if chosen.type != kind:
            raise ValueError(f"{which!r} doesn't match the current accelerator {kind}")
        which = chosen.index
    return engine.place(kind, which or 0)


def is_available() -> bool:
    """Whether there is a GPU or TPU.

    Example:
        >>> import flambeau as torch
        >>> where = torch.accelerator.current_accelerator() or "cpu"
        >>> torch.zeros(2, device=where).sum().item()
        0.0

    Follows ``torch.accelerator.is_available``.
    """
    return _kind() is not None


def device_count() -> int:
    """How many there are. Follows ``torch.accelerator.device_count``."""
    kind = _kind()
    return 0 if kind is None else engine.count(kind)


def current_accelerator(check_available: bool = False) -> device | None:
    """The kind of accelerator, None without one.

    Follows ``torch.accelerator.current_accelerator``.
    """
    kind = _kind()
    return None if kind is None else device(kind)


def current_device_index() -> int:
    """The one that a device without a number stands for: the first.

    Follows ``torch.accelerator.current_device_index``.
    """
    return _place(None, "current_device_index").index


current_device_idx = current_device_index


def set_device_index(device: Any, /) -> None:
    """Choose the current one: the first is the only choice; give others by number.

    Raises:
        RuntimeError: another one is chosen.

    Follows ``torch.accelerator.set_device_index``.
    """
    if _place(device, "set_device_index").index != 0:
        raise RuntimeError(
            f"accelerator.set_device_index({device!r}): a device without a number always means "
            "the first one here; pass device='cuda:1' where tensors are made"
        )


set_device_idx = set_device_index


@contextmanager
def device_index(device: int | None, /) -> Iterator[None]:
    """A context of :func:`set_device_index`. Follows ``torch.accelerator.device_index``."""
    if device is not None:
        set_device_index(device)
    yield


def current_stream(device: Any = None, /) -> Stream:
    """The stream of a device. Follows ``torch.accelerator.current_stream``."""
    return Stream(user_device(_place(device, "current_stream")))


def set_stream(stream: Stream) -> None:
    """Accepted: a device has one stream. Follows ``torch.accelerator.set_stream``."""


def synchronize(device: Any = None, /) -> None:
    """Execute what is pending and wait. Follows ``torch.accelerator.synchronize``."""
    wait_for(_place(device, "synchronize"))


def get_device_capability(device: Any = None, /) -> dict[str, Any]:
    """The dtypes the device takes. Follows ``torch.accelerator.get_device_capability``."""
    from flambeau._tensor import dtypes

    _place(device, "get_device_capability")
    names = ("bool_", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
             "float64", "complex64")  # fmt: skip
    return {"supported_dtypes": {getattr(dtypes, name) for name in names}}


def memory_stats(device: Any = None, /) -> dict[str, Any]:
    """What the device's allocator counts, by XLA's names; empty without an accelerator.

    Follows ``torch.accelerator.memory_stats``.
    """
    if not is_available():
        return {}
    return dict(_place(device, "memory_stats").jax_device().memory_stats() or {})


def memory_allocated(device: Any = None, /) -> int:
    """Bytes that arrays take. Follows ``torch.accelerator.memory_allocated``."""
    return int(memory_stats(device).get("bytes_in_use", 0))


def max_memory_allocated(device: Any = None, /) -> int:
    """The most bytes that arrays took. Follows ``torch.accelerator.max_memory_allocated``."""
    return int(memory_stats(device).get("peak_bytes_in_use", 0))


def memory_reserved(device: Any = None, /) -> int:
    """Bytes that XLA's allocator holds. Follows ``torch.accelerator.memory_reserved``."""
    found = memory_stats(device)
    return int(found.get("pool_bytes", found.get("bytes_in_use", 0)))


def max_memory_reserved(device: Any = None, /) -> int:
    """The most bytes it held. Follows ``torch.accelerator.max_memory_reserved``."""
    found = memory_stats(device)
    return int(found.get("peak_pool_bytes", found.get("peak_bytes_in_use", 0)))


def get_memory_info(device: Any = None, /) -> tuple[int, int]:
    """Free and total bytes of what XLA may use. Follows ``torch.accelerator.get_memory_info``."""
    _place(device, "get_memory_info")
    found = memory_stats(device)
    total = int(found.get("bytes_limit", 0))
    return total - int(found.get("bytes_in_use", 0)), total


def reset_peak_memory_stats(device: Any = None, /) -> None:
    """Accepted; XLA's peak cannot be set back.

    Follows ``torch.accelerator.reset_peak_memory_stats``.
    """


reset_accumulated_memory_stats = reset_peak_memory_stats


def empty_cache() -> None:
    """Collect Python's garbage, so that arrays nobody holds are freed.

    XLA's own pool stays. Follows ``torch.accelerator.empty_cache``.
    """
    import gc

    gc.collect()


empty_host_cache = empty_cache

__getattr__ = namespace(__name__)
