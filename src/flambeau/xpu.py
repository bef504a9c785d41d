"""Intel's GPUs. Follows `torch.xpu`.

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
    "default_generators",
    "device",
    "device_count",
    "device_of",
    "empty_cache",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_gencode_flags",
    "get_per_process_memory_fraction",
    "get_rng_state",
    "get_rng_state_all",
    "init",
    "initial_seed",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "is_tf32_supported",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "memory_stats_as_nested_dict",
    "reset_accumulated_memory_stats",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "stream",
    "synchronize",
]

is_available = quiet("xpu", "is_available", False)
device_count = quiet("xpu", "device_count", 0)
is_initialized = quiet("xpu", "is_initialized", False)
is_bf16_supported = quiet("xpu", "is_bf16_supported", False)
is_tf32_supported = quiet("xpu", "is_tf32_supported", False)
manual_seed = quiet("xpu", "manual_seed")
manual_seed_all = quiet("xpu", "manual_seed_all")
seed = quiet("xpu", "seed")
seed_all = quiet("xpu", "seed_all")
empty_cache = quiet("xpu", "empty_cache")
memory_allocated = quiet("xpu", "memory_allocated", 0)
memory_reserved = quiet("xpu", "memory_reserved", 0)
max_memory_allocated = quiet("xpu", "max_memory_allocated", 0)
max_memory_reserved = quiet("xpu", "max_memory_reserved", 0)
get_rng_state_all = quiet("xpu", "get_rng_state_all", [])
set_rng_state_all = quiet("xpu", "set_rng_state_all")
get_arch_list = quiet("xpu", "get_arch_list", [])
get_gencode_flags = quiet("xpu", "get_gencode_flags", "")
default_generators: tuple[object, ...] = ()
current_device = needs("xpu", "current_device")
current_stream = needs("xpu", "current_stream")
stream = needs("xpu", "stream")
set_stream = needs("xpu", "set_stream")
set_device = needs("xpu", "set_device")
synchronize = needs("xpu", "synchronize")
get_device_properties = needs("xpu", "get_device_properties")
get_device_capability = needs("xpu", "get_device_capability")
get_device_name = needs("xpu", "get_device_name")
get_rng_state = needs("xpu", "get_rng_state")
set_rng_state = needs("xpu", "set_rng_state")
initial_seed = needs("xpu", "initial_seed")
device = needs("xpu", "device")
device_of = needs("xpu", "device_of")
init = needs("xpu", "init")
mem_get_info = needs("xpu", "mem_get_info")
memory_stats = needs("xpu", "memory_stats")
memory_stats_as_nested_dict = needs("xpu", "memory_stats_as_nested_dict")
reset_peak_memory_stats = needs("xpu", "reset_peak_memory_stats")
reset_accumulated_memory_stats = needs("xpu", "reset_accumulated_memory_stats")
get_per_process_memory_fraction = needs("xpu", "get_per_process_memory_fraction")
set_per_process_memory_fraction = needs("xpu", "set_per_process_memory_fraction")

__getattr__ = namespace(__name__)
