"""The host as a device. Follows `torch.cpu`."""

from flambeau._scope import namespace as _namespace
from flambeau.cpu import amp
from flambeau.cpu._cpu import (
    Event,
    Stream,
    StreamContext,
    current_device,
    current_stream,
    device_count,
    get_capabilities,
    is_available,
    is_initialized,
    set_device,
    stream,
    synchronize,
)

__all__ = [
    "Event",
    "Stream",
    "StreamContext",
    "amp",
    "current_device",
    "current_stream",
    "device_count",
    "get_capabilities",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]

__getattr__ = _namespace(__name__)
