"""GPUs: which there are, and their random state. Follows `torch.cuda`.

On a machine without a GPU the questions have answers (`is_available()` is False, the count is
0), and what needs one raises.
"""

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
