"""Meta's accelerators. Follows `torch.mtia`.

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
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "init",
    "initial_seed",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "memory_allocated",
    "memory_stats",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "stream",
    "synchronize",
]

is_available = quiet("mtia", "is_available", False)
device_count = quiet("mtia", "device_count", 0)
is_initialized = quiet("mtia", "is_initialized", False)
is_bf16_supported = quiet("mtia", "is_bf16_supported", False)
manual_seed = quiet("mtia", "manual_seed")
manual_seed_all = quiet("mtia", "manual_seed_all")
seed = quiet("mtia", "seed")
seed_all = quiet("mtia", "seed_all")
empty_cache = quiet("mtia", "empty_cache")
memory_allocated = quiet("mtia", "memory_allocated", 0)
max_memory_allocated = quiet("mtia", "max_memory_allocated", 0)
get_rng_state_all = quiet("mtia", "get_rng_state_all", [])
set_rng_state_all = quiet("mtia", "set_rng_state_all")
current_device = needs("mtia", "current_device")
current_stream = needs("mtia", "current_stream")
stream = needs("mtia", "stream")
set_stream = needs("mtia", "set_stream")
set_device = needs("mtia", "set_device")
synchronize = needs("mtia", "synchronize")
get_device_properties = needs("mtia", "get_device_properties")
get_device_capability = needs("mtia", "get_device_capability")
get_rng_state = needs("mtia", "get_rng_state")
set_rng_state = needs("mtia", "set_rng_state")
initial_seed = needs("mtia", "initial_seed")
default_stream = needs("mtia", "default_stream")
device = needs("mtia", "device")
init = needs("mtia", "init")
memory_stats = needs("mtia", "memory_stats")
reset_peak_memory_stats = needs("mtia", "reset_peak_memory_stats")

__getattr__ = namespace(__name__)

default_generators: tuple[object, ...] = ()
is_prod = is_fbcode = False
