"""How einsum orders its products: JAX asks opt_einsum. Follows `torch.backends.opt_einsum`."""

from __future__ import annotations

__all__ = ["get_opt_einsum", "is_available"]

from contextlib import AbstractContextManager
from typing import Any

from flambeau.backends import _switches

enabled = True
strategy = "auto"


def is_available() -> bool:
    """True: JAX brings it."""
    return True


def get_opt_einsum() -> Any:
    """The package."""
    import opt_einsum

    return opt_einsum


def set_flags(_enabled: bool | None = None, _strategy: str | None = None) -> tuple[bool, str]:
    """Set switches; gives back what they were. They are kept; JAX orders the products."""
    before = (enabled, strategy)
    if _enabled is not None:
        globals()["enabled"] = _enabled
    if _strategy is not None:
        globals()["strategy"] = _strategy
    return before


def flags(enabled: bool | None = None, strategy: str | None = None) -> AbstractContextManager[None]:
    """Switches that hold for a block."""
    return _switches.flags(__name__, enabled=enabled, strategy=strategy)
