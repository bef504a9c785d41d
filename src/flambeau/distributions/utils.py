"""Helpers of the distributions. Follows ``torch.distributions.utils``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from flambeau._autograd.grad_mode import enable_grad
from flambeau._tensor import dtypes
from flambeau._tensor.construct import from_data
from flambeau._tensor.dtypes import finfo, get_default_dtype
from flambeau._tensor.functions.joining import cat
from flambeau._tensor.functions.random import randn
from flambeau._tensor.functions.shape import broadcast_tensors
from flambeau._tensor.functions.special import softmax
from flambeau._tensor.size import Size
from flambeau._tensor.tensor import Tensor

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060

_Number = (bool, int, float)


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers as tensors of one shape; numbers take the first tensor's dtype.

    Raises:
        ValueError: something is neither a tensor nor a number.

    Example:
        >>> import flambeau as torch
        >>> torch.distributions.utils.broadcast_all(1.0, torch.zeros(2))
        (tensor([1., 1.]), tensor([0., 0.]))

    Follows ``torch.distributions.utils.broadcast_all``.
    """
    first: Tensor | None = None
    plain = True
    for v in values:
        if isinstance(v, Tensor):
            first = v if first is None else first
        elif isinstance(v, _Number):
            plain = False
        else:
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects "
                f"implementing __torch_function__; got {type(v).__name__}"
            )
    if not plain:
        dtype = get_default_dtype() if first is None else first.dtype
        device = None if first is None else first.device
        values = tuple(v if isinstance(v, Tensor) else from_data(v, dtype, device) for v in values)
    return tuple(broadcast_tensors(*values)) if len(values) > 1 else values


def _standard_normal(shape: Sequence[int], dtype: Any, device: Any) -> Tensor:
    return randn(shape, dtype=dtype, device=device)


def _sum_rightmost(value: Any, dim: int) -> Any:
    """The sum over the last ``dim`` dimensions."""
    return value if dim == 0 else value.sum(tuple(range(-dim, 0)))


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of log odds, or of unnormalized log probabilities along the last dimension.

    Follows ``torch.distributions.utils.logits_to_probs``.
    """
    return logits.sigmoid() if is_binary else softmax(logits, -1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities moved off 0 and 1 by one rounding. Follows
    ``torch.distributions.utils.clamp_probs``.
    """
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The inverse of :func:`logits_to_probs`. Follows
    ``torch.distributions.utils.probs_to_logits``.
    """
    inside = clamp_probs(probs)
    return inside.log() - (-inside).log1p() if is_binary else inside.log()


class lazy_property(property):
    """An attribute computed when first asked for, and then kept; it may be set instead.

    Follows ``torch.distributions.utils.lazy_property``.
    """

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        super().__init__(wrapped)
        self.wrapped = wrapped

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        name = self.wrapped.__name__
        if name not in instance.__dict__:
            with enable_grad():
                instance.__dict__[name] = self.wrapped(instance)
        return instance.__dict__[name]

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.wrapped.__name__] = value


def _flat_index(index: np.ndarray, like: Tensor) -> Tensor:
    return from_data(index.reshape(-1), dtypes.int64, like.device)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements on and below a diagonal of square matrices, row by row.

    Raises:
        ValueError: there is no such diagonal.

    Follows ``torch.distributions.utils.tril_matrix_to_vec``.
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = np.tril_indices(n, diag)
    return mat.flatten(-2).index_select(-1, _flat_index(rows * n + columns, mat))


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The inverse of :func:`tril_matrix_to_vec`; zeros elsewhere.

    Raises:
        ValueError: no square matrix has so many elements there.

    Follows ``torch.distributions.utils.vec_to_tril_matrix``.
    """
    count = vec.shape[-1]
    n = max(1, -diag)
    while len(np.tril_indices(n, diag)[0]) < count:
        n += 1
    rows, columns = np.tril_indices(n, diag)
    if len(rows) != count:
        raise ValueError(
            f"The size of last dimension is {count} which cannot be expressed as the lower "
            "triangular part of a square D x D matrix."
        )
    source = np.full((n, n), count)
    source[rows, columns] = np.arange(count)
    padded = cat([vec, vec.new_zeros((*vec.shape[:-1], 1))], -1)
    picked = padded.index_select(-1, _flat_index(source, vec))
    return picked.reshape(Size((*vec.shape[:-1], n, n)))
