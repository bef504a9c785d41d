"""Apple's GPUs. Follows `torch.mps`.

flambeau drives no such device: `is_available()` is False, and what needs one raises.
"""

from __future__ import annotations

from flambeau._scope import namespace
from flambeau._tensor.absent import needs, quiet
from flambeau._tensor.streams import Event, Stream, StreamContext

__all__ = [
    "Event",
    "Stream",
    "StreamContext",
    "current_allocated_memory",
    "device_count",
    "driver_allocated_memory",
    "empty_cache",
    "get_rng_state",
    "is_available",
    "manual_seed",
    "recommended_max_memory",
    "seed",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "synchronize",
]

is_available = quiet("mps", "is_available", False)
device_count = quiet("mps", "device_count", 0)
manual_seed = quiet("mps", "manual_seed")
seed = quiet("mps", "seed")
empty_cache = quiet("mps", "empty_cache")
synchronize = needs("mps", "synchronize")
get_rng_state = needs("mps", "get_rng_state")
set_rng_state = needs("mps", "set_rng_state")
set_per_process_memory_fraction = needs("mps", "set_per_process_memory_fraction")
current_allocated_memory = needs("mps", "current_allocated_memory")
driver_allocated_memory = needs("mps", "driver_allocated_memory")
recommended_max_memory = needs("mps", "recommended_max_memory")

__getattr__ = namespace(__name__)
