"""Whether mixed precision can run at all."""

from __future__ import annotations

from flambeau.cuda._gpus import is_available

__all__ = ["amp_definitely_not_available"]


def amp_definitely_not_available() -> bool:
    """Whether there is no GPU. Follows ``torch.cuda.amp.common``."""
    return not is_available()
