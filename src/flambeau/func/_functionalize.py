"""Names of ``torch.func`` that concern how PyTorch traces functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau._autograd.levels import state
from flambeau._tensor.core import TensorBase
from flambeau._tensor.transforms.content import outside


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """``func`` itself: what it does in place is recorded without mutation already.

    PyTorch's version rewrites in-place operations and views for tracers that cannot handle them.
    Here values are immutable, an in-place operation gives its tensor a new one, and views are
    derived from their base, so every recorded program is free of mutation as it is.

    Args:
        func: any function.
        remove: ``"mutations"`` or ``"mutations_and_views"``.

    Raises:
        RuntimeError: ``remove`` is something else.

    Follows ``torch.func.functionalize``.
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            "functionalize(func, remove='mutations_and_views'): Expected remove to be either "
            f"'mutations' or 'mutations_and_views', got {remove!r}"
        )
    return func


def debug_unwrap(tensor: Any, *, recurse: bool = True) -> Any:
    """What a tensor inside a transform stands for outside it.

    Args:
        tensor: a tensor of ``grad``, ``vmap`` or ``jvp``; any other is given back.
        recurse: go down to the bottom rather than one level.

    Follows ``torch.func.debug_unwrap``.
    """
    if not isinstance(tensor, TensorBase):
        raise TypeError(f"debug_unwrap: expected a Tensor, got {type(tensor).__name__}")
    level = state.active
    while level is not None:
        below = outside(level, tensor)
        if below is not tensor and not recurse:
            return below
        tensor, level = below, level.outer
    return tensor
