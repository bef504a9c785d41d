"""Autocast under the name it had before `torch.amp`."""

from __future__ import annotations

import warnings
from typing import Any

from flambeau import amp
from flambeau._tensor.dtypes import bfloat16

__all__ = ["autocast"]


class autocast(amp.autocast):
    """Autocast on the CPU; ``torch.amp.autocast("cpu", ...)`` is its name today.

    Args:
        enabled: whether it is on.
        dtype: the lower precision.
        cache_enabled: accepted, see :class:`flambeau.amp.autocast`.

    Follows ``torch.cpu.amp.autocast``.
    """

    def __init__(
        self, enabled: bool = True, dtype: Any = bfloat16, cache_enabled: bool = True
    ) -> None:
        warnings.warn(
            "`torch.cpu.amp.autocast(args...)` is deprecated. "
            "Please use `torch.amp.autocast('cpu', args...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cpu", dtype, enabled, cache_enabled)
