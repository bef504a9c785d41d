"""Causal masks for queries and keys of different lengths."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from flambeau.nn import _core
from flambeau.nn._core import Tensor

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(IntEnum):
    """Which corner the diagonal of a causal mask goes through.

    Follows ``torch.nn.attention.bias.CausalVariant``.
    """

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask, True where a query may look.

    Args:
        variant: whether the first query sees the first key only, or the last one all keys.
        seq_len_q: number of queries.
        seq_len_kv: number of keys.

    Follows ``torch.nn.attention.bias.CausalBias``.
    """

    variant: CausalVariant
    seq_len_q: int
    seq_len_kv: int

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> CausalBias:
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, but got {variant!r}")
        offset = 0 if variant is CausalVariant.UPPER_LEFT else seq_len_kv - seq_len_q
        mask = np.tri(seq_len_q, seq_len_kv, offset, dtype=bool)
        return _core.alias(cls, _core.host_tensor(mask, "cpu"), False)

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        self.variant = variant
        self.seq_len_q = seq_len_q
        self.seq_len_kv = seq_len_kv

    def _materialize(self, device: Any = None) -> Tensor:
        """The mask as an ordinary tensor."""
        plain = self.detach().as_subclass(Tensor)
        return plain if device is None else plain.to(device)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return repr(self._materialize())


def causal_upper_left(*size: int) -> CausalBias:
    """Each query looks at the keys up to its own number.

    Example:
        >>> from flambeau.nn.attention.bias import causal_upper_left
        >>> causal_upper_left(2, 3)
        tensor([[ True, False, False],
                [ True,  True, False]])

    Follows ``torch.nn.attention.bias.causal_upper_left``.
    """
    return CausalBias(CausalVariant.UPPER_LEFT, *_pair("causal_upper_left", size))


def causal_lower_right(*size: int) -> CausalBias:
    """The last query looks at all keys, each one before it at one less.

    Example:
        >>> from flambeau.nn.attention.bias import causal_lower_right
        >>> causal_lower_right(2, 3)
        tensor([[ True,  True, False],
                [ True,  True,  True]])

    Follows ``torch.nn.attention.bias.causal_lower_right``.
    """
    return CausalBias(CausalVariant.LOWER_RIGHT, *_pair("causal_lower_right", size))


def _pair(name: str, size: tuple[int, ...]) -> tuple[int, int]:
    if len(size) != 2:
        raise AssertionError(f"{name} only supports 2D tensors, but got {len(size)} sizes")
    return size[0], size[1]
