"""Streams, events and what else programs ask of GPUs. Re-exported by :mod:`flambeau.cuda`."""

from __future__ import annotations

from typing import Any

from flambeau._engine import device as engine
from flambeau._engine.random import default_stream as random_stream
from flambeau._tensor import generator as generators
from flambeau._tensor import streams
from flambeau._tensor.device import device as device_type
from flambeau._tensor.device import user_device
from flambeau._tensor.streams import StreamContext
from flambeau.cuda._gpus import _place, device_count, is_available

__all__ = [
    "Event", "Stream", "StreamContext", "current_stream", "default_stream", "device", "device_of",
    "empty_cache", "get_allocator_backend", "get_arch_list", "get_device_capability",
    "get_device_properties", "get_gencode_flags", "get_per_process_memory_fraction",
    "get_rng_state", "get_rng_state_all", "get_sync_debug_mode", "init", "initial_seed",
    "is_bf16_supported", "is_current_stream_capturing", "is_initialized", "is_tf32_supported",
    "max_memory_allocated", "max_memory_cached", "max_memory_reserved", "mem_get_info",
    "memory_cached", "memory_reserved", "memory_stats", "memory_stats_as_nested_dict",
    "memory_summary", "reset_accumulated_memory_stats", "reset_max_memory_allocated",
    "reset_max_memory_cached", "reset_peak_memory_stats", "seed", "seed_all", "set_device",
    "set_per_process_memory_fraction", "set_rng_state", "set_rng_state_all", "set_stream",
    "set_sync_debug_mode", "stream",
]  # fmt: skip


class Stream(streams.Stream):
    """The one stream of a GPU. Follows ``torch.cuda.Stream``."""

    _kind = "cuda"

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        place = _place(device, "Stream")
        super().__init__(user_device(place), priority)


class Event(streams.Event):
    """A moment in a GPU's stream. Follows ``torch.cuda.Event``."""

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False,
        external: bool = False,
    ) -> None:  # fmt: skip
        super().__init__("cuda" if is_available() else None, enable_timing)

    def record(self, stream: Any = None) -> None:
        """Mark this moment in a stream, the current GPU's by default."""
        _place(None, "Event.record")
        super().record(stream)


def is_initialized() -> bool:
    """Whether there is a GPU: JAX starts it by itself. Follows ``torch.cuda.is_initialized``."""
    return is_available()


def init() -> None:
    """Accepted: JAX starts GPUs by itself. Follows ``torch.cuda.init``."""
    _place(None, "init")


def current_stream(device: Any = None) -> Stream:
    """The stream of a GPU. Follows ``torch.cuda.current_stream``."""
    return Stream(device)


def default_stream(device: Any = None) -> Stream:
    """The stream of a GPU. Follows ``torch.cuda.default_stream``."""
    return Stream(device)


def set_stream(stream: Any) -> None:
    """Accepted: a GPU has one stream. Follows ``torch.cuda.set_stream``."""


def stream(stream: Any) -> StreamContext:
    """A context whose work goes to a stream: the one there is. Follows ``torch.cuda.stream``."""
    return StreamContext(stream)


def is_current_stream_capturing() -> bool:
    """False: there are no CUDA graphs. Follows ``torch.cuda.is_current_stream_capturing``."""
    return False


def set_device(device: Any) -> None:
    """Choose the GPU that ``"cuda"`` means: the first is the only choice.

    Raises:
        RuntimeError: another one is chosen; give its number where tensors are made.

    Follows ``torch.cuda.set_device``.
    """
    if _place(device, "set_device").index != 0:
        raise RuntimeError(
            f"cuda.set_device({device!r}): 'cuda' without a number always means the first GPU; "
            f"pass device='cuda:{_place(device, 'set_device').index}' where tensors are made"
        )


class device:
    """A context whose new tensors lie on a GPU when they ask for ``"cuda"``: the first one.

    Follows ``torch.cuda.device``.
    """

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None else (
            device if isinstance(device, int) else (device_type(device).index or 0)
        )  # fmt: skip

    def __enter__(self) -> None:
        if self.idx > 0:
            set_device(self.idx)

    def __exit__(self, *exc: object) -> None:
        return None


class device_of(device):
    """:class:`device` of a tensor's GPU. Follows ``torch.cuda.device_of``."""

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.get_device() if obj.is_cuda else None)


class _Properties:
    """What is known of a GPU."""

    def __init__(self, place: engine.Place) -> None:
        found = place.jax_device()
        self.name = str(found.device_kind)
        major, _, minor = str(getattr(found, "compute_capability", "0.0")).partition(".")
        self.major, self.minor = int(major), int(minor or 0)
        self.multi_processor_count = int(getattr(found, "core_count", 0))
        self.total_memory = int((found.memory_stats() or {}).get("bytes_limit", 0))

    def __repr__(self) -> str:
        return (
            f"_CudaDeviceProperties(name={self.name!r}, major={self.major}, minor={self.minor}, "
            f"total_memory={self.total_memory // 2**20}MB, "
            f"multi_processor_count={self.multi_processor_count})"
        )


def get_device_properties(device: Any = None) -> Any:
    """Name, compute capability, memory that XLA may use, processors.

    Follows ``torch.cuda.get_device_properties``.
    """
    return _Properties(_place(device, "get_device_properties"))


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability. Follows ``torch.cuda.get_device_capability``."""
    found = get_device_properties(device)
    return found.major, found.minor


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether there is a GPU that computes in bfloat16. Follows ``torch.cuda``."""
    return is_available() and (including_emulation or get_device_capability() >= (8, 0))


def is_tf32_supported() -> bool:
    """Whether there is a GPU with TF32. Follows ``torch.cuda.is_tf32_supported``."""
    return is_available() and get_device_capability() >= (8, 0)


def get_arch_list() -> list[str]:
    """Empty: XLA compiles for the GPU it finds. Follows ``torch.cuda.get_arch_list``."""
    return []


def get_gencode_flags() -> str:
    """Empty: XLA compiles for the GPU it finds. Follows ``torch.cuda.get_gencode_flags``."""
    return ""


# -- memory -------------------------------------------------------------------------------------


def memory_stats(device: Any = None) -> dict[str, Any]:
    """What XLA's allocator counts, by its names and by PyTorch's for the common ones.

    Follows ``torch.cuda.memory_stats``.
    """
    if not is_available():
        return {}
    found = dict(_place(device, "memory_stats").jax_device().memory_stats() or {})
    found["allocated_bytes.all.current"] = found.get("bytes_in_use", 0)
    found["allocated_bytes.all.peak"] = found.get("peak_bytes_in_use", 0)
    found["reserved_bytes.all.current"] = found.get("pool_bytes", found.get("bytes_in_use", 0))
    return found


memory_stats_as_nested_dict = memory_stats


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that arrays took. Follows ``torch.cuda.max_memory_allocated``."""
    return int(memory_stats(device).get("peak_bytes_in_use", 0))


def memory_reserved(device: Any = None) -> int:
    """Bytes that XLA's allocator holds. Follows ``torch.cuda.memory_reserved``."""
    return int(memory_stats(device).get("reserved_bytes.all.current", 0))


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes it held. Follows ``torch.cuda.max_memory_reserved``."""
    found = memory_stats(device)
    return int(found.get("peak_pool_bytes", found.get("peak_bytes_in_use", 0)))


memory_cached = memory_reserved
max_memory_cached = max_memory_reserved


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes of what XLA may use. Follows ``torch.cuda.mem_get_info``."""
    _place(device, "mem_get_info")
    found = memory_stats(device)
    total = int(found.get("bytes_limit", 0))
    return total - int(found.get("bytes_in_use", 0)), total


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """The counts of :func:`memory_stats`, a line each. Follows ``torch.cuda.memory_summary``."""
    return "\n".join(f"{name:<40} {value}" for name, value in memory_stats(device).items())


def empty_cache() -> None:
    """Collect Python's garbage, so that arrays nobody holds are freed; XLA's pool stays.

    Follows ``torch.cuda.empty_cache``.
    """
    import gc

    gc.collect()


def reset_peak_memory_stats(device: Any = None) -> None:
    """Accepted; XLA's peak cannot be set back. Follows ``torch.cuda.reset_peak_memory_stats``."""


reset_accumulated_memory_stats = reset_peak_memory_stats
reset_max_memory_allocated = reset_peak_memory_stats
reset_max_memory_cached = reset_peak_memory_stats


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Refused: XLA reads XLA_PYTHON_CLIENT_MEM_FRACTION when it starts.

    Raises:
        RuntimeError: always; set the variable before the program starts.

    Follows ``torch.cuda.set_per_process_memory_fraction``.
    """
    raise RuntimeError(
        "cuda.set_per_process_memory_fraction(): XLA takes its memory when it starts; set the "
        f"environment variable XLA_PYTHON_CLIENT_MEM_FRACTION={fraction} before"
    )


def get_per_process_memory_fraction(device: Any = None) -> float:
    """What XLA may take. Follows ``torch.cuda.get_per_process_memory_fraction``."""
    import os

    return float(os.environ.get("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.75"))


def get_allocator_backend() -> str:
    """``"xla"``. Follows ``torch.cuda.get_allocator_backend``."""
    return "xla"


_sync = 0


def set_sync_debug_mode(debug_mode: int | str) -> None:
    """Kept and given back. Follows ``torch.cuda.set_sync_debug_mode``."""
    names = {"default": 0, "warn": 1, "error": 2}
    if debug_mode not in names and debug_mode not in names.values():
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1 or 2; got {debug_mode!r}")
    globals()["_sync"] = names.get(debug_mode, debug_mode)  # type: ignore[arg-type]


def get_sync_debug_mode() -> int:
    """What was set. Follows ``torch.cuda.get_sync_debug_mode``."""
    return _sync


# -- random state -----------------------------------------------------------------------------


def _generator(device: Any, user: str) -> Any:
    made = generators.Generator.__new__(generators.Generator)
    made._stream = random_stream(_place(device, user))
    return made


def get_rng_state(device: Any = "cuda") -> Any:
    """The random state of a GPU. Follows ``torch.cuda.get_rng_state``."""
    return _generator(device, "get_rng_state").get_state()


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Go back to a random state. Follows ``torch.cuda.set_rng_state``."""
    _generator(device, "set_rng_state").set_state(new_state)


def get_rng_state_all() -> list[Any]:
    """The random states of all GPUs. Follows ``torch.cuda.get_rng_state_all``."""
    return [get_rng_state(i) for i in range(device_count())]


def set_rng_state_all(new_states: Any) -> None:
    """Go back to random states of all GPUs. Follows ``torch.cuda.set_rng_state_all``."""
    for i, state in enumerate(new_states):
        set_rng_state(state, i)


def seed() -> None:
    """Start the current GPU's sequence at random; without a GPU nothing happens.

    Follows ``torch.cuda.seed``.
    """
    if is_available():
        _generator(None, "seed").seed()


def seed_all() -> None:
    """Start all GPUs' sequences at random. Follows ``torch.cuda.seed_all``."""
    for i in range(device_count()):
        _generator(i, "seed_all").seed()


def initial_seed() -> int:
    """The seed of the current GPU. Follows ``torch.cuda.initial_seed``."""
    return _generator(None, "initial_seed").initial_seed()
