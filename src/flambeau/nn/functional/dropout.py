"""Dropout, in its variants."""

from __future__ import annotations

import warnings
from typing import Any

from flambeau._ops import random as rows
from flambeau.nn.functional._base import (
    Tensor,
    apply,
    maybe_inplace,
    require_tensor,
    squeeze,
    unsqueeze,
)

__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]


def _drop(op: Any, name: str, input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    require_tensor(name, input=input)
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    return maybe_inplace(input, apply(op, input, float(p)), inplace, name)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero elements with probability `p` and scale the rest by ``1 / (1 - p)``.

    Follows `torch.nn.functional.dropout`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: `p` is not a probability.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.dropout(torch.tensor([1.0, 2.0]), training=False)
        tensor([1., 2.])
    """
    return _drop(rows.dropout, "dropout", input, p, training, inplace)


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps the statistics of self-normalizing networks.

    Follows `torch.nn.functional.alpha_dropout`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.alpha_dropout(torch.tensor([1.0, 2.0]), training=False)
        tensor([1., 2.])
    """
    return _drop(rows.alpha_dropout, "alpha_dropout", input, p, training, inplace)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """:func:`alpha_dropout` of whole channels.

    Follows `torch.nn.functional.feature_alpha_dropout`.

    Shape:
        ``(*)`` to ``(*)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.feature_alpha_dropout(torch.ones(1, 2, 2), training=False)
        tensor([[[1., 1.],
                 [1., 1.]]])
    """
    return _drop(rows.feature_alpha_dropout, "feature_alpha_dropout", input, p, training, inplace)


def _by_channel(n: int, input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    name = f"dropout{n}d"
    require_tensor(name, input=input)
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    batched = input.ndim != n + 1
    if input.ndim not in (n + 1, n + 2):
        text = (
            f"{name}: Received a {input.ndim}-D input to {name}, which is deprecated and will "
            f"result in an error in a future release. Use dropout() or a {n + 1}-D or "
            f"{n + 2}-D input."
        )
        if n == 1:
            raise RuntimeError(
                f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. "
                "Use dropout() for other shapes."
            )
        warnings.warn(text, stacklevel=3)
    if n == 2 and input.ndim == 3:
        # PyTorch still takes a 3-D input here for a batch of 1-D ones.
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D "
            "dropout behavior is desired - input is interpreted as shape (N, C, L), where C is "
            "the channel dim. Use dropout1d for that.",
            stacklevel=3,
        )
        batched = True
    if not training or p == 0:
        return input
    if batched:
        out = apply(rows.feature_dropout, input, float(p))
    else:
        out = squeeze(apply(rows.feature_dropout, unsqueeze(input, 0), float(p)), 0)
    return maybe_inplace(input, out, inplace, name)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Drop whole channels of ``(N, C, L)`` or ``(C, L)``.

    Follows `torch.nn.functional.dropout1d`.

    Shape:
        ``(N, C, L)`` or ``(C, L)`` to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: ``p`` is not between 0 and 1.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.dropout1d(torch.ones(2, 3), training=False)
        tensor([[1., 1., 1.],
                [1., 1., 1.]])
    """
    return _by_channel(1, input, p, training, inplace)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Drop whole channels of ``(N, C, H, W)``.

    Follows `torch.nn.functional.dropout2d`.

    Shape:
        ``(N, C, H, W)`` or ``(C, H, W)`` to the same.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the first argument is no tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.dropout2d(torch.ones(1, 2, 2, 1), training=False).flatten()
        tensor([1., 1., 1., 1.])
    """
    return _by_channel(2, input, p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Drop whole channels of ``(N, C, D, H, W)`` or ``(C, D, H, W)``.

    Follows `torch.nn.functional.dropout3d`.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        ValueError: ``p`` is not between 0 and 1.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.dropout3d(torch.ones(1, 2, 1, 1, 2), training=False).shape
        torch.Size([1, 2, 1, 1, 2])
    """
    return _by_channel(3, input, p, training, inplace)
