"""GPUs: which there are, and their random state. Follows `torch.cuda`.

On a machine without a GPU the questions have answers (`is_available()` is False, the count is
0), and what needs one raises.
"""

from flambeau._scope import namespace as _namespace
from flambeau._tensor.legacy import CUDA_TENSOR_TYPES as _TYPES
from flambeau._tensor.streams import OutOfMemoryError
from flambeau.cuda import amp
from flambeau.cuda._gpus import (
    current_device,
    device_count,
    get_device_name,
    is_available,
    manual_seed,
    manual_seed_all,
    memory_allocated,
    synchronize,
)
from flambeau.cuda._streams import (
    Event,
    Stream,
    StreamContext,
    current_stream,
    default_stream,
    device,
    device_of,
    empty_cache,
    get_allocator_backend,
    get_arch_list,
    get_device_capability,
    get_device_properties,
    get_gencode_flags,
    get_per_process_memory_fraction,
    get_rng_state,
    get_rng_state_all,
    get_sync_debug_mode,
    init,
    initial_seed,
    is_bf16_supported,
    is_current_stream_capturing,
    is_initialized,
    is_tf32_supported,
    max_memory_allocated,
    max_memory_cached,
    max_memory_reserved,
    mem_get_info,
    memory_cached,
    memory_reserved,
    memory_stats,
    memory_stats_as_nested_dict,
    memory_summary,
    reset_accumulated_memory_stats,
    reset_max_memory_allocated,
    reset_max_memory_cached,
    reset_peak_memory_stats,
    seed,
    seed_all,
    set_device,
    set_per_process_memory_fraction,
    set_rng_state,
    set_rng_state_all,
    set_stream,
    set_sync_debug_mode,
    stream,
)

BFloat16Tensor = _TYPES["BFloat16Tensor"]
BoolTensor = _TYPES["BoolTensor"]
ByteTensor = _TYPES["ByteTensor"]
CharTensor = _TYPES["CharTensor"]
DoubleTensor = _TYPES["DoubleTensor"]
FloatTensor = _TYPES["FloatTensor"]
HalfTensor = _TYPES["HalfTensor"]
IntTensor = _TYPES["IntTensor"]
LongTensor = _TYPES["LongTensor"]
ShortTensor = _TYPES["ShortTensor"]

__all__ = [
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "Event",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "OutOfMemoryError",
    "ShortTensor",
    "Stream",
    "StreamContext",
    "amp",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "device_of",
    "empty_cache",
    "get_allocator_backend",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_gencode_flags",
    "get_per_process_memory_fraction",
    "get_rng_state",
    "get_rng_state_all",
    "get_sync_debug_mode",
    "init",
    "initial_seed",
    "is_available",
    "is_bf16_supported",
    "is_current_stream_capturing",
    "is_initialized",
    "is_tf32_supported",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_cached",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_cached",
    "memory_reserved",
    "memory_stats",
    "memory_stats_as_nested_dict",
    "memory_summary",
    "reset_accumulated_memory_stats",
    "reset_max_memory_allocated",
    "reset_max_memory_cached",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "set_sync_debug_mode",
    "stream",
    "synchronize",
]

__getattr__ = _namespace(__name__)
