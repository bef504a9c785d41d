"""DLPack. Follows `torch.utils.dlpack`."""

from __future__ import annotations

import enum
from typing import Any

from flambeau._tensor.construct import from_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]


class DLDeviceType(enum.IntEnum):
    """The kinds of devices that DLPack numbers. Follows ``torch.utils.dlpack.DLDeviceType``."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14
    kDLWebGPU = 15
    kDLHexagon = 16
    kDLMAIA = 17
    kDLTrn = 18


def to_dlpack(tensor: Any, /) -> Any:
    """A capsule that other libraries read the tensor's memory by.

    Example:
        >>> import flambeau as torch
        >>> type(torch.utils.dlpack.to_dlpack(torch.ones(1))).__name__
        'PyCapsule'

    Follows ``torch.utils.dlpack.to_dlpack``.
    """
    return tensor.__dlpack__()
