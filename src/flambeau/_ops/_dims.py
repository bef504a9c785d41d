"""Dimension arguments of rows, checked and normalised with PyTorch's error texts."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any


def canonical_dim(dim: Any, ndim: int) -> int:
    """The non-negative form of ``dim`` for an array of ``ndim`` dimensions.

    A 0-d array counts as having one dimension here, as in PyTorch.

    Raises:
        IndexError: ``dim`` is outside ``[-ndim, ndim - 1]``.
    """
    dim = operator.index(dim)
    size = max(ndim, 1)
    if not -size <= dim < size:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], "
            f"but got {dim})"
        )
    return dim + size if dim < 0 else dim


def canonical_dims(dims: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    """All of ``dims`` in non-negative form, in the order given; every dimension for None.

    Raises:
        IndexError: one of them is out of range.
        RuntimeError: one of them is named twice.
    """
    if dims is None:
        return tuple(range(ndim))
    result: list[int] = []
    for dim in dims if isinstance(dims, Iterable) else (dims,):
        found = canonical_dim(dim, ndim)
        if found in result:
            raise RuntimeError(f"dim {found} appears multiple times in the list of dims")
        result.append(found)
    return tuple(result)


def reduced_dims(dims: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    """The axes that a reduction removes; None and ``()`` both mean all of them.

    For a 0-d array the answer is always ``()``: PyTorch lets a caller name dimension 0
    of a scalar, and there is nothing to reduce.
    """
    found = canonical_dims(dims, ndim)
    if ndim == 0:
        return ()
    return found or tuple(range(ndim))
