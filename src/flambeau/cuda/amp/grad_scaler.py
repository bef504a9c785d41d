"""Loss scaling under the name it had before `torch.amp`."""

from __future__ import annotations

import warnings

from flambeau import amp
from flambeau.amp.grad_scaler import OptState

__all__ = ["GradScaler", "OptState"]


class GradScaler(amp.GradScaler):
    """Loss scaling on GPUs; ``torch.amp.GradScaler("cuda", ...)`` is its name today.

    Args:
        init_scale: the scale to begin with.
        growth_factor: by how much it grows.
        backoff_factor: by how much it falls after an overflow.
        growth_interval: after how many steps without overflow it grows.
        enabled: whether it does anything.

    Follows ``torch.cuda.amp.GradScaler``.
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        warnings.warn(
            "`torch.cuda.amp.GradScaler(args...)` is deprecated. "
            "Please use `torch.amp.GradScaler('cuda', args...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(
            "cuda",
            init_scale=init_scale,
            growth_factor=growth_factor,
            backoff_factor=backoff_factor,
            growth_interval=growth_interval,
            enabled=enabled,
        )
