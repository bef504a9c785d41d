"""The profiler by its older path. Follows `torch.autograd.profiler`."""

from __future__ import annotations

import contextlib
from typing import Any

from flambeau import profiler
from flambeau._scope import namespace
from flambeau.profiler import record_function

__all__ = ["emit_itt", "emit_nvtx", "profile", "record_function"]


class profile(profiler.profile):
    """:class:`flambeau.profiler.profile` with PyTorch's older arguments.

    Follows ``torch.autograd.profiler.profile``.
    """

    def __init__(self, enabled: bool = True, **kwargs: Any) -> None:
        super().__init__()
        self.enabled = enabled

    def start(self) -> None:
        """Begin, if enabled."""
        if self.enabled:
            super().start()


class emit_nvtx(contextlib.nullcontext):
    """Accepted: XLA names its own ranges. Follows ``torch.autograd.profiler.emit_nvtx``."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        super().__init__()


class emit_itt(emit_nvtx):
    """Accepted: XLA names its own ranges. Follows ``torch.autograd.profiler.emit_itt``."""


__getattr__ = namespace(__name__)
