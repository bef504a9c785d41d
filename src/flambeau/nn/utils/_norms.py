"""Norms of weights, shared by weight norm and spectral norm."""

from __future__ import annotations

from typing import Any

from flambeau.nn import functional as F


def norm_except(x: Any, dim: int) -> Any:
    """The 2-norm over all dimensions but `dim`, kept for broadcasting; of everything for -1."""
    axes = tuple(d for d in range(x.ndim) if d != dim) if dim != -1 else tuple(range(x.ndim))
    if dim == -1:
        return (x * x).sum().sqrt()
    return (x * x).sum(axes, keepdim=True).sqrt() if axes else x.abs()


def flat_matrix(x: Any, dim: int) -> Any:
    """`x` as a matrix whose rows are the slices along `dim`."""
    if dim != 0:
        x = x.permute(dim, *(d for d in range(x.ndim) if d != dim))
    return x.reshape(x.shape[0], -1)


def start_vectors(matrix: Any, eps: float) -> tuple[Any, Any]:
    """Random unit vectors for both sides of `matrix`."""
    found = []
    for size in matrix.shape:
        drawn = matrix.new_empty((size,)).normal_(0, 1)
        found.append(F.normalize(drawn, dim=0, eps=eps))
    return found[0], found[1]


def power_iterate(matrix: Any, u: Any, v: Any, n: int, eps: float) -> tuple[Any, Any]:
    """Move both vectors towards the singular vectors of the largest singular value."""
    for _ in range(n):
        u = F.normalize(matrix.mv(v), dim=0, eps=eps)
        v = F.normalize(matrix.t().mv(u), dim=0, eps=eps)
    return u, v
