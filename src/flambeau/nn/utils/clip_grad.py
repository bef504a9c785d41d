"""Gradients kept within bounds. Nothing here reads a value, so a step stays one program."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._ops import clipping as rows
from flambeau._tensor.core import TensorBase
from flambeau._tensor.dispatch import assign, run
from flambeau._tensor.functions.creation import zeros

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]


def _gradients(parameters: Any) -> list[Any]:
    if isinstance(parameters, TensorBase):
        parameters = [parameters]
    return [p.grad for p in parameters if p.grad is not None]


def _rewrite(op: Any, grads: list[Any], *numbers: Any) -> None:
    with no_grad():
        for grad, new in zip(grads, run(op, (grads, *numbers)), strict=True):
            assign(grad, new, op.name)


def get_total_norm(
    tensors: Any,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """The norm of all tensors together, as if they were one vector.

    Args:
        tensors: a tensor or several.
        norm_type: which norm; ``inf`` is the largest absolute value.
        error_if_nonfinite: read the norm and refuse one that is infinite or NaN.
        foreach: accepted; the tensors are always one operation.

    Raises:
        RuntimeError: the norm is not finite and ``error_if_nonfinite`` is set.

    Follows ``torch.nn.utils.get_total_norm``.
    """
    tensors = [tensors] if isinstance(tensors, TensorBase) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return zeros(())
    total = run(rows.total_norm, ([t.detach() for t in tensors],), (("norm_type", norm_type),))
    if error_if_nonfinite and not _is_finite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def _is_finite(total: Any) -> bool:
    value = float(total)
    return value - value == 0


def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None
) -> None:
    """Scale gradients by ``max_norm / total_norm`` where that is below 1, in place.

    Args:
        parameters: a tensor or several, whose ``.grad`` is scaled.
        max_norm: the largest norm allowed.
        total_norm: their norm, from :func:`get_total_norm`.
        foreach: accepted; the tensors are always one operation.

    Follows ``torch.nn.utils.clip_grads_with_norm_``.
    """
    grads = _gradients(parameters)
    if grads:
        _rewrite(rows.scale_to_norm, grads, total_norm, float(max_norm))


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Scale gradients, in place, so that their norm as one vector is at most ``max_norm``.

    Args:
        parameters: a tensor or several, whose ``.grad`` is scaled.
        max_norm: the largest norm allowed; an input of the program.
        norm_type: which norm; ``inf`` is the largest absolute value.
        error_if_nonfinite: read the norm and refuse one that is infinite or NaN.
        foreach: accepted; the tensors are always one operation.

    Returns:
        The norm before scaling.

    Raises:
        RuntimeError: the norm is not finite and ``error_if_nonfinite`` is set.

    Example:
        >>> import flambeau as torch
        >>> w = torch.tensor([3.0, 4.0], requires_grad=True)
        >>> (w * w / 2).sum().backward()
        >>> torch.nn.utils.clip_grad_norm_(w, 1.0)
        tensor(5.)
        >>> w.grad
        tensor([0.6000, 0.8000])

    Follows ``torch.nn.utils.clip_grad_norm_``.
    """
    if not isinstance(parameters, TensorBase):
        parameters = list(parameters)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Deprecated name of :func:`clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Any | Iterable[Any], clip_value: float, foreach: bool | None = None
) -> None:
    """Bring every element of the gradients into ``[-clip_value, clip_value]``, in place.

    Args:
        parameters: a tensor or several, whose ``.grad`` is clipped.
        clip_value: the bound; an input of the program.
        foreach: accepted; the tensors are always one operation.

    Follows ``torch.nn.utils.clip_grad_value_``.
    """
    grads = _gradients(parameters)
    if grads:
        _rewrite(rows.clip_to_value, grads, float(clip_value))
