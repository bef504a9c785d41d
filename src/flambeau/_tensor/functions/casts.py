"""Copies: the public functions over :mod:`flambeau._ops.casts`."""

from __future__ import annotations

from typing import Any

from flambeau._ops import casts as rows
from flambeau._tensor.core import TensorBase, value_of
from flambeau._tensor.dispatch import run
from flambeau._tensor.functions._shared import need_tensor


def clone(input: Any, *, memory_format: Any = None) -> Any:
    """A copy of a tensor, through which gradients flow.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> y = torch.clone(x)
        >>> y is x, torch.equal(x, y)
        (False, True)

    Follows ``torch.clone``.
    """
    need_tensor("clone", input)
    return run(rows.clone, (input,))


def filled(input: Any, value: Any) -> Any:
    """A tensor like ``input`` that holds ``value``, broadcast and cast."""
    aval = value_of(input).aval
    static = (("shape", aval.shape), ("dtype", aval.dtype))
    return run(rows.copy_to, (value,), static, device=aval.device)


def fill(input: Any, value: Any) -> Any:
    """A copy of ``input`` with every element set to ``value``, a number or a 0-d tensor.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Any; the result has the input's.

    Raises:
        RuntimeError: ``value`` is a tensor with dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.fill(torch.tensor([1.0, 2.0]), 3.0)
        tensor([3., 3.])

    Follows ``torch.fill``.
    """
    need_tensor("fill", input)
    if isinstance(value, TensorBase) and value_of(value).aval.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value_of(value).aval.ndim} dimensions."
        )
    if isinstance(value, complex) and not input.is_complex():
        raise RuntimeError(
            f"value cannot be converted to type {input.dtype.name} without overflow: got {value}"
        )
    return run(rows.fill, (input, value))


def copy(input: Any, src: Any) -> Any:
    """``src`` in the shape and dtype of ``input``: what ``input.copy_(src)`` stores.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    need_tensor("copy_", src, "other", 1)
    aval = value_of(input).aval
    shape = value_of(src).aval.shape
    fits = len(shape) <= len(aval.shape) and all(
        s in (1, t) for s, t in zip(reversed(shape), reversed(aval.shape), strict=False)
    )
    if not fits:
        raise RuntimeError(
            f"copy_: the source of shape {list(shape)} must broadcast to the destination's "
            f"shape {list(aval.shape)}"
        )
    return filled(input, src.to(input.device) if src.device != input.device else src)
