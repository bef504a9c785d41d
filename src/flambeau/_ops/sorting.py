"""Order: sorting, searching and counting."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from flambeau._ops._dims import canonical_dim
from flambeau._ops.registry import Array, OptArray, Scalar, op


def _sort(input: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    """Stable sort along a canonical ``dim``; NaN counts as the greatest, as in PyTorch."""
    at = lax.broadcasted_iota(jnp.int64, input.shape, dim)
    if descending:
        # Reversing before and after keeps equal elements in their order.
        input = lax.rev(input, (dim,))
        at = lax.rev(at, (dim,))
    values, indices = lax.sort((input, at), dimension=dim, is_stable=True, num_keys=1)
    if descending:
        values, indices = lax.rev(values, (dim,)), lax.rev(indices, (dim,))
    return values, indices


@op(returns=("values", "indices"))
def sort(
    input: Array, dim: int = -1, descending: bool = False, stable: bool = False
) -> tuple[Array, Array]:
    r"""The elements in order along ``dim``, and where each came from.

    The order of equal elements is always kept, whether or not ``stable`` asks for it.

    Shape:
        Input: (\*). Outputs: (\*), the second int64.

    Example:
        >>> import flambeau as torch
        >>> torch.sort(torch.tensor([3, 1, 2])).indices
        tensor([1, 2, 0])

    Follows ``torch.sort``.
    """
    if jnp.iscomplexobj(input):
        raise RuntimeError("Sort currently does not support complex dtypes on CPU")
    dim = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    return _sort(input, dim, descending)


@op(differentiable=False)
def argsort(input: Array, dim: int = -1, descending: bool = False, stable: bool = False) -> Array:
    """The positions that put the elements in order along ``dim``.

    Follows ``torch.argsort``.
    """
    return sort.impl(input, dim, descending)[1]


@op()
def msort(input: Array) -> Array:
    """The elements in order along dimension 0.

    Shape:
        ``(N, *)`` to ``(N, *)``.

    Dtypes:
        Bool, integers and floating; the result has the input's.

    Raises:
        RuntimeError: the tensors are complex.

    Example:
        >>> import flambeau as torch
        >>> torch.msort(torch.tensor([3, 1, 2]))
        tensor([1, 2, 3])

    Follows ``torch.msort``.
    """
    return sort.impl(input, 0)[0]


@op(returns=("values", "indices"))
def topk(
    input: Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Array, Array]:
    """The ``k`` largest (or smallest) elements along ``dim``, and their positions.

    Shape:
        ``(*, N, *)`` to ``(*, k, *)``, twice.

    Dtypes:
        Integers and floating; the results: the input's; int64.

    Raises:
        RuntimeError: ``k`` is negative or exceeds the size of the dimension.

    Example:
        >>> import flambeau as torch
        >>> torch.topk(torch.tensor([1.0, 3.0, 2.0]), 2).values
        tensor([3., 2.])

    Follows ``torch.topk``.
    """
    dim = canonical_dim(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError("selected index k out of range")
    if input.ndim == 0:
        if k == 0:
            raise RuntimeError("selected index k out of range")
        return input, jnp.zeros((), jnp.int64)
    if largest and input.dtype in (jnp.float32, jnp.float64) and 0 < k < size:
        moved = jnp.moveaxis(input, dim, -1)
        # XLA's order puts -NaN first; the sign of a NaN must not matter.
        moved = jnp.where(jnp.isnan(moved), jnp.asarray(jnp.nan, moved.dtype), moved)
        values, indices = lax.top_k(moved, k)
        indices = indices.astype(jnp.int64)
        return jnp.moveaxis(values, -1, dim), jnp.moveaxis(indices, -1, dim)
    values, indices = _sort(input, dim, largest)
    return lax.slice_in_dim(values, 0, k, axis=dim), lax.slice_in_dim(indices, 0, k, axis=dim)


@op(returns=("values", "indices"), distinct=True)
def kthvalue(input: Array, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The ``k``-th smallest element along ``dim`` (counted from 1), and its position.

    Shape:
        ``(*)`` to ``(*)`` without the reduced dimensions, or with size 1 for each under
        ``keepdim``.

    Dtypes:
        Integers and floating; the results: the input's; int64.

    Raises:
        RuntimeError: ``k`` is not in ``[1, size of the dimension]``.

    Example:
        >>> import flambeau as torch
        >>> torch.kthvalue(torch.tensor([3, 1, 2]), 1)
        torch.return_types.kthvalue(
        values=tensor(1),
        indices=tensor(1))

    Follows ``torch.kthvalue``.
    """
    dim = canonical_dim(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    if input.ndim == 0:
        return input, jnp.zeros((), jnp.int64)
    values, indices = _sort(input, dim, False)
    return (
        lax.index_in_dim(values, k - 1, dim, keepdim),
        lax.index_in_dim(indices, k - 1, dim, keepdim),
    )


def _search(sequence: Array, values: Array, right: bool) -> Array:
    """Positions in one sorted vector; binary search, or a comparison with all when short."""
    if sequence.shape[0] == 0:
        return jnp.zeros(values.shape, jnp.int64)
    common = jnp.promote_types(sequence.dtype, values.dtype)
    found = jnp.searchsorted(
        sequence.astype(common), values.astype(common), side="right" if right else "left"
    )
    return found.astype(jnp.int64)


def _side(right: bool, side: str | None) -> bool:
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if right and side == "left":
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    return right or side == "right"


@op(differentiable=False)
def searchsorted(
    sorted_sequence: Array,
    input: Array,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: OptArray = None,
) -> Array:
    r"""Where each value would go in a sorted sequence, along the last dimension.

    Shape:
        sorted_sequence: (N) or (\*, N). Input: (\*, M), or any shape for a 1-d sequence.
        Output: the shape of the input, int64 or int32.

    Example:
        >>> import flambeau as torch
        >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
        tensor([1, 3])

    Follows ``torch.searchsorted``.
    """
    after = _side(right, side)
    if sorter is not None:
        if sorter.shape != sorted_sequence.shape:
            raise RuntimeError(
                "torch.searchsorted(): boundary and sorter must have the same size, but got "
                f"boundary tensor {list(sorted_sequence.shape)} and got sorter tensor "
                f"{list(sorter.shape)}"
            )
        if sorter.dtype != jnp.int64:
            raise RuntimeError(
                "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
                f"{sorter.dtype}"
            )
        sorted_sequence = jnp.take_along_axis(sorted_sequence, sorter, axis=-1, mode="clip")
    if sorted_sequence.ndim == 0:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor "
            "dimension is 1, but we got boundaries tensor dim(0)"
        )
    if sorted_sequence.ndim == 1:
        found = _search(sorted_sequence, input, after)
    else:
        if sorted_sequence.shape[:-1] != input.shape[:-1]:
            raise RuntimeError(
                "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
                "dimensions of boundaries tensor and input value tensor must match, but we got "
                f"boundaries tensor {list(sorted_sequence.shape)} and input value tensor "
                f"{list(input.shape)}"
            )
        count = math.prod(input.shape[:-1])
        rows = sorted_sequence.reshape(count, sorted_sequence.shape[-1])
        wanted = input.reshape(count, input.shape[-1])
        found = jax.vmap(lambda s, v: _search(s, v, after))(rows, wanted).reshape(input.shape)
    return found.astype(jnp.int32) if out_int32 else found


@op(differentiable=False)
def bucketize(
    input: Array, boundaries: Array, *, out_int32: bool = False, right: bool = False
) -> Array:
    """The number of the bucket, between sorted boundaries, that holds each value.

    Follows ``torch.bucketize``.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(
            f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})"
        )
    found = _search(boundaries, input, right)
    return found.astype(jnp.int32) if out_int32 else found


@op(differentiable=False)
def histc(input: Array, bins: int = 100, min: Scalar = 0, max: Scalar = 0) -> Array:
    """Counts of the elements in ``bins`` equal parts of ``[min, max]``.

    With ``min == max`` the range is that of the data. Elements outside are not counted.

    Shape:
        ``(*)`` to ``(bins,)``.

    Dtypes:
        Floating; the result has the input's.

    Raises:
        TypeError: the tensors hold bools.

    Example:
        >>> import flambeau as torch
        >>> torch.histc(torch.tensor([1.0, 2.0, 1.0]), 2)
        tensor([2., 1.])

    Follows ``torch.histc``.
    """
    if bins <= 0:
        raise RuntimeError("torch.histogramdd(): bins must be > 0")
    flat = input.reshape(-1)
    low, high = (jnp.asarray(x).astype(input.dtype) for x in (min, max))
    wide: Any = jnp.float64 if input.dtype != jnp.float32 else jnp.float32
    if flat.size:
        same = low == high
        low, high = jnp.where(same, flat.min(), low), jnp.where(same, flat.max(), high)
    flat, low, high = (x.astype(wide) for x in (flat, low, high))
    even = low == high
    low, high = jnp.where(even, low - 1, low), jnp.where(even, high + 1, high)
    at = ((flat - low) * bins / (high - low)).astype(jnp.int64)
    at = jnp.where(flat == high, bins - 1, at)
    at = jnp.where((flat >= low) & (flat <= high), at, bins)
    return jnp.zeros(bins, input.dtype).at[at].add(jnp.ones((), input.dtype), mode="drop")


@op(differentiable=False)
def bincount(input: Array, weights: OptArray, length: int) -> Array:
    """Counts (or sums of weights) of each value from 0 to ``length - 1``."""
    if weights is None:
        return jnp.zeros(length, jnp.int64).at[input].add(1, mode="drop")
    wide = weights.dtype if weights.dtype in (jnp.float32, jnp.float64) else jnp.dtype("float64")
    return jnp.zeros(length, wide).at[input].add(weights.astype(wide), mode="drop")


@op(differentiable=False)
def bin_edges(input: Array, bins: int, low: float | None, high: float | None) -> Array:
    """``bins + 1`` equally spaced edges, over the range of the data without bounds."""
    if low is None or high is None:
        first, last = (input.min(), input.max()) if input.size else (0, 0)
    else:
        first, last = low, high
    first, last = (jnp.asarray(x).astype(input.dtype) for x in (first, last))
    same = first == last
    first, last = jnp.where(same, first - 0.5, first), jnp.where(same, last + 0.5, last)
    return jnp.linspace(first, last, bins + 1, dtype=input.dtype)


@op(differentiable=False)
def histogram(input: Array, edges: Array, weight: OptArray = None, density: bool = False) -> Array:
    """Counts (or sums of weights) of the elements between neighbouring edges."""
    flat, bins = input.reshape(-1), edges.shape[0] - 1
    at = _search(edges, flat, True) - 1
    at = jnp.where(flat == edges[-1], bins - 1, at)
    at = jnp.where((flat >= edges[0]) & (flat <= edges[-1]), at, bins)
    given = jnp.ones_like(flat) if weight is None else weight.reshape(-1)
    found = jnp.zeros(bins, input.dtype).at[at].add(given, mode="drop")
    return found / (found.sum() * jnp.diff(edges)) if density else found
