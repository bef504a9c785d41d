"""Distances and similarities."""

from __future__ import annotations

from flambeau._ops import nn_misc as rows
from flambeau.nn.functional._base import ShapeError, Tensor, apply, require_tensor

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`.

    Follows `torch.nn.functional.cosine_similarity`.

    Shape:
        ``(*, N, *)`` twice, broadcast together, to ``(*)`` without the dimension.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.
        RuntimeError: the tensors hold integers or bools.
        RuntimeError: the sizes of the tensors do not fit.
        IndexError: ``dim`` is no dimension of the input.

    Example:
        >>> import flambeau as torch
        >>> torch.cosine_similarity(torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]]))
        tensor([0.9600])
    """
    require_tensor("cosine_similarity", x1=x1, x2=x2)
    for x in (x1, x2):
        if not x.dtype.is_floating_point:
            raise RuntimeError(
                f"expected common dtype to be floating point, yet common dtype is {x.dtype}"
            )
    return apply(rows.cosine_similarity, x1, x2, dim=int(dim), eps=float(eps))


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of ``x1 - x2 + eps`` over the last dimension.

    Follows `torch.nn.functional.pairwise_distance`.

    Shape:
        ``(N, D)`` or ``(D,)`` twice, to ``(N,)`` or ``()``.

    Dtypes:
        Integers, floating and complex; the result: the default dtype for integers, real for
        complex numbers, else the input's.

    Raises:
        RuntimeError: the sizes of the tensors do not fit.

    Example:
        >>> import flambeau as torch
        >>> torch.pairwise_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]), eps=0.0)
        tensor([5.])
    """
    require_tensor("pairwise_distance", x1=x1, x2=x2)
    return apply(rows.pairwise_distance, x1, x2, p=float(p), eps=float(eps), keepdim=bool(keepdim))


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The distance of every pair of rows, the upper triangle flattened.

    Follows `torch.nn.functional.pdist`.

    Shape:
        ``(N, M)`` to ``(N * (N - 1) / 2,)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        RuntimeError: the input is no matrix, or `p` is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.nn.functional.pdist(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
        tensor([5.0000, 1.0000, 4.2426])
    """
    require_tensor("pdist", input=input)
    if input.ndim != 2:
        raise ShapeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    return apply(rows.pdist, input, p=float(p))
